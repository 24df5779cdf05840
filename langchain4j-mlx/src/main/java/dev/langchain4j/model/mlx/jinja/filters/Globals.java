package dev.langchain4j.model.mlx.jinja.filters;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.python.Args;
import dev.langchain4j.model.mlx.jinja.python.Budget;
import dev.langchain4j.model.mlx.jinja.python.ContainerMethods;
import dev.langchain4j.model.mlx.jinja.python.Dict;
import dev.langchain4j.model.mlx.jinja.python.Method;
import dev.langchain4j.model.mlx.jinja.python.Namespace;
import dev.langchain4j.model.mlx.jinja.python.Numbers;
import dev.langchain4j.model.mlx.jinja.python.Params;
import dev.langchain4j.model.mlx.jinja.python.PyObject;
import dev.langchain4j.model.mlx.jinja.python.Range;
import dev.langchain4j.model.mlx.jinja.python.Render;
import dev.langchain4j.model.mlx.jinja.python.Repr;
import dev.langchain4j.model.mlx.jinja.python.Values;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** The functions that every template has. */
public final class Globals {

    private Globals() {}

    /**
     * A global as a value.
     *
     * @param type the name of its Python type
     */
    record Function(String name, String type, Body body) implements PyObject.Callable {
        public interface Body {
            Object apply(Render render, Args args);
        }

        @Override
        public String describe() {
            return type.equals("type") ? "<class '" + name + "'>" : "<function " + name + ">";
        }

        @Override
        public Map<String, Method> methods() {
            return name.equals("dict") ? ContainerMethods.DICT_TYPE : Map.of();
        }

        @Override
        public Object call(Render render, Args args) {
            return body.apply(render, args);
        }
    }

    private static final Params MESSAGE = Params.of("message");
    private static final Params FORMAT = Params.of("format");
    private static final Params SEPARATOR = Params.of("sep?");

    private static final Map<String, Function> ALL = Map.of(
            "range", new Function("range", "function", (render, args) -> range(args)),
            "dict", new Function("dict", "type", (render, args) -> dict(args)),
            "namespace", new Function("namespace", "type", (render, args) -> namespace(render, args)),
            "cycler", new Function("cycler", "type", (render, args) -> new Cycler(args.positional())),
            "joiner",
                    new Function("joiner", "type", (render, args) -> {
                        Object separator = SEPARATOR.bind("joiner", args)[0];
                        return new Joiner(separator == Values.MISSING ? ", " : separator);
                    }),
            "raise_exception",
                    new Function("raise_exception", "function", (render, args) -> {
                        Object message = MESSAGE.bind("raise_exception", args)[0];
                        throw new TemplateException(TemplateException.Kind.RAISED, Repr.str(message));
                    }),
            "strftime_now",
                    new Function("strftime_now", "function", (render, args) -> {
                        Object format = FORMAT.bind("strftime_now", args)[0];
                        String text = Values.text(format);
                        if (text == null) {
                            throw TemplateException.type(
                                    "strftime() argument 1 must be str, not " + Values.typeName(format));
                        }
                        return Strftime.format(text, render.clock);
                    }));

    /** The global of a name, or {@link Values#MISSING}. */
    public static Object find(String name) {
        Function function = ALL.get(name);
        return function == null ? Values.MISSING : function;
    }

    private static Range range(Args args) {
        Object[] values = args.positional();
        if (!args.keywords().isEmpty()) {
            throw TemplateException.type("range() takes no keyword arguments");
        }
        return switch (values.length) {
            case 1 -> new Range(0, Numbers.index(values[0]), 1);
            case 2 -> new Range(Numbers.index(values[0]), Numbers.index(values[1]), 1);
            case 3 -> new Range(Numbers.index(values[0]), Numbers.index(values[1]), Numbers.index(values[2]));
            default -> throw TemplateException.type("range expected 1 to 3 arguments, got " + values.length);
        };
    }

    private static Namespace namespace(Render render, Args args) {
        Dict attributes = dict(args);
        attributes.values().forEach(value -> render.budget.assigned(List.of(), value, false));
        return new Namespace(attributes);
    }

    private static Dict dict(Args args) {
        Object[] values = args.positional();
        if (values.length > 1) {
            throw TemplateException.type("dict expected at most 1 argument, got " + values.length);
        }
        Budget budget = Budget.current();
        Dict result = values.length == 1 && values[0] instanceof Dict dict ? Dict.copyOf(dict) : new Dict();
        if (values.length == 1 && !(values[0] instanceof Dict)) {
            Iterator<Object> pairs = Values.iterate(values[0] instanceof Namespace ? Values.MISSING : values[0]);
            while (pairs.hasNext()) {
                budget.entry();
                addPair(result, pairs.next());
            }
        }
        args.keywords().forEach((name, value) -> {
            budget.entry();
            result.put(name, value);
        });
        return result;
    }

    private static void addPair(Dict dict, Object pair) {
        List<Object> items = Values.list(pair);
        if (items.size() != 2) {
            throw TemplateException.value("dictionary update sequence element #" + dict.size() + " has length "
                    + items.size() + "; 2 is required");
        }
        dict.set(items.get(0), items.get(1));
    }

    /** The object of {@code cycler()}. */
    static final class Cycler implements PyObject {
        private final Object[] items;
        private int position;

        private Cycler(Object[] items) {
            if (items.length == 0) {
                throw TemplateException.runtime("at least one item has to be provided");
            }
            this.items = items;
        }

        @Override
        public String module() {
            return "jinja2.utils.";
        }

        @Override
        public Object attribute(String name) {
            return name.equals("current") ? items[position] : Values.MISSING;
        }

        @Override
        public Map<String, Method> methods() {
            return CYCLER;
        }

        private Object next() {
            Object current = items[position];
            position = (position + 1) % items.length;
            return current;
        }

        private Object reset() {
            position = 0;
            return null;
        }
    }

    private static final Map<String, Method> CYCLER = Map.of(
            "next", new Method("next", Params.NONE, (render, self, args) -> ((Cycler) self).next()),
            "reset", new Method("reset", Params.NONE, (render, self, args) -> ((Cycler) self).reset()));

    /** The object of {@code joiner()}: nothing at the first call, the separator from then on. */
    static final class Joiner implements PyObject.Callable {
        private final Object separator;
        private boolean used;

        private Joiner(Object separator) {
            this.separator = separator;
        }

        @Override
        public String module() {
            return "jinja2.utils.";
        }

        @Override
        public Object call(Render render, Args args) {
            Params.NONE.bind("joiner", args);
            if (used) {
                return separator;
            }
            used = true;
            return "";
        }
    }
}
