package dev.langchain4j.model.mlx.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The arguments that a call, filter or test is written with. */
record CallArgs(List<Expr> positional, Map<String, Expr> keywords, Expr rest, Expr keywordRest) {

    static final CallArgs NONE = new CallArgs(List.of(), Map.of(), null, null);

    List<Expr> children() {
        List<Expr> all = new ArrayList<>(positional);
        all.addAll(keywords.values());
        if (rest != null) {
            all.add(rest);
        }
        if (keywordRest != null) {
            all.add(keywordRest);
        }
        return all;
    }

    Args eval(Frame frame) {
        if (positional.isEmpty() && keywords.isEmpty() && rest == null && keywordRest == null) {
            return Args.NONE;
        }
        Object[] values = new Object[positional.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = positional.get(i).eval(frame);
        }
        if (keywords.isEmpty() && rest == null && keywordRest == null) {
            return new Args(values, Map.of());
        }
        Map<String, Object> named = new LinkedHashMap<>();
        keywords.forEach((name, value) -> named.put(name, value.eval(frame)));
        if (rest != null) {
            List<Object> all = new ArrayList<>();
            for (Object value : values) {
                all.add(value);
            }
            Iterator<Object> more = Values.iterate(rest.eval(frame));
            more.forEachRemaining(all::add);
            values = all.toArray();
        }
        if (keywordRest != null) {
            addKeywords(named, keywordRest.eval(frame));
        }
        return new Args(values, named);
    }

    private static void addKeywords(Map<String, Object> named, Object more) {
        if (!(more instanceof Dict dict)) {
            throw TemplateException.type("argument after ** must be a mapping, not " + Values.typeName(more));
        }
        dict.forEach((key, value) -> {
            if (!(key instanceof String name)) {
                throw TemplateException.type("keywords must be strings");
            }
            if (named.containsKey(name)) {
                throw TemplateException.type("got multiple values for keyword argument '" + name + "'");
            }
            named.put(name, value);
        });
    }
}
