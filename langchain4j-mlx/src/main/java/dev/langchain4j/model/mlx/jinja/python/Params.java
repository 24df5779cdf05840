package dev.langchain4j.model.mlx.jinja.python;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import java.util.Arrays;

/** What a built-in takes: names in order, of which the first {@code required} must be given. */
public final class Params {

    public static final Params NONE = new Params(new String[0], 0);

    private final String[] names;
    private final int required;

    private Params(String[] names, int required) {
        this.names = names;
        this.required = required;
    }

    /** Names in order; {@code ?} after one makes it optional, and {@code /} before it positional only. */
    public static Params of(String... names) {
        String[] clean = new String[names.length];
        int required = 0;
        for (int i = 0; i < names.length; i++) {
            boolean optional = names[i].endsWith("?");
            clean[i] = optional ? names[i].substring(0, names[i].length() - 1) : names[i];
            required += optional ? 0 : 1;
        }
        return new Params(clean, required);
    }

    /** The arguments by position, {@link Values#MISSING} where not given. */
    public Object[] bind(String function, Args args) {
        Object[] given = args.positional();
        if (given.length > names.length) {
            throw TemplateException.type(
                    function + "() takes at most " + names.length + " arguments (" + given.length + " given)");
        }
        Object[] bound = Arrays.copyOf(given, names.length);
        Arrays.fill(bound, given.length, names.length, Values.MISSING);
        args.keywords().forEach((name, value) -> {
            int index = Arrays.asList(names).indexOf(name);
            if (index < 0) {
                throw TemplateException.type(function + "() got an unexpected keyword argument '" + name + "'");
            }
            if (bound[index] != Values.MISSING) {
                throw TemplateException.type(function + "() got multiple values for argument '" + name + "'");
            }
            bound[index] = value;
        });
        for (int i = 0; i < required; i++) {
            if (bound[i] == Values.MISSING) {
                throw TemplateException.type(
                        function + "() missing required argument: '" + names[i].replace("/", "") + "'");
            }
        }
        return bound;
    }
}
