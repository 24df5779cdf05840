package dev.langchain4j.model.mlx.jinja.tree;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.python.Args;
import dev.langchain4j.model.mlx.jinja.python.Budget;
import dev.langchain4j.model.mlx.jinja.python.Dict;
import dev.langchain4j.model.mlx.jinja.python.Values;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The arguments that a call, filter or test is written with. */
public record CallArgs(List<Expr> positional, Map<String, Expr> keywords, Expr rest, Expr keywordRest) {

    public static final CallArgs NONE = new CallArgs(List.of(), Map.of(), null, null);

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
            values[i] = shared(frame, positional.get(i));
        }
        if (keywords.isEmpty() && rest == null && keywordRest == null) {
            return new Args(values, Map.of());
        }
        Map<String, Object> named = new LinkedHashMap<>();
        keywords.forEach((name, value) -> named.put(name, shared(frame, value)));
        if (rest != null) {
            List<Object> all = new ArrayList<>();
            for (Object value : values) {
                all.add(value);
            }
            Iterator<Object> more = Values.iterate(rest.eval(frame));
            while (more.hasNext()) {
                frame.render.budget.elements(1);
                all.add(more.next());
            }
            values = all.toArray();
        }
        if (keywordRest != null) {
            addKeywords(frame.render.budget, named, keywordRest.eval(frame));
        }
        return new Args(values, named);
    }

    private static Object shared(Frame frame, Expr argument) {
        Object value = argument.eval(frame);
        frame.render.budget.shared(value);
        return value;
    }

    private static void addKeywords(Budget budget, Map<String, Object> named, Object more) {
        if (!(more instanceof Dict dict)) {
            throw TemplateException.type("argument after ** must be a mapping, not " + Values.typeName(more));
        }
        dict.forEach((key, value) -> {
            budget.entry();
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
