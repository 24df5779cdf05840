package dev.langchain4j.model.mlx.jinja.python;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** The methods of dict, list, tuple, int and float that change nothing. */
public final class ContainerMethods {

    private static final Method FROM_KEYS =
            new Method("fromkeys", Params.of("/iterable", "/value?"), (render, self, args) -> {
                Dict result = new Dict();
                Iterator<Object> keys = Values.iterate(args[0]);
                keys.forEachRemaining(key -> {
                    render.budget.entry();
                    result.set(key, args[1] == Values.MISSING ? null : args[1]);
                });
                return result;
            });

    /** The methods of the type dict itself. */
    public static final Map<String, Method> DICT_TYPE = Map.of("fromkeys", FROM_KEYS);

    static final Map<String, Method> DICT = Map.of(
            "get",
            new Method("get", Params.of("/key", "/default?"), (render, self, args) -> {
                Object value = ((Dict) self).find(args[0]);
                if (value != Values.MISSING) {
                    return value;
                }
                return args[1] == Values.MISSING ? null : args[1];
            }),
            "items",
            view(Dict.View.Part.ITEMS, "items"),
            "keys",
            view(Dict.View.Part.KEYS, "keys"),
            "values",
            view(Dict.View.Part.VALUES, "values"),
            "copy",
            new Method("copy", Params.NONE, (render, self, args) -> Dict.copyOf((Dict) self)),
            "fromkeys",
            FROM_KEYS);

    private static final Method COUNT =
            new Method("count", Params.of("/value"), (render, self, args) -> ((List<?>) self)
                    .stream()
                            .filter(item -> item == args[0] || Values.equal(item, args[0]))
                            .count());

    private static final Method INDEX = new Method(
            "index", Params.of("/value", "/start?", "/stop?"), (render, self, args) -> index((List<?>) self, args));

    static final Map<String, Method> TUPLE = Map.of("count", COUNT, "index", INDEX);

    static final Map<String, Method> LIST = Map.of(
            "count",
            COUNT,
            "index",
            INDEX,
            "copy",
            new Method("copy", Params.NONE, (render, self, args) -> Values.list(self)));

    static final Map<String, Method> INT = Map.of(
            "bit_length",
            new Method("bit_length", Params.NONE, (render, self, args) ->
                    (long) Numbers.big(self).abs().bitLength()),
            "bit_count",
            new Method("bit_count", Params.NONE, (render, self, args) ->
                    (long) Numbers.big(self).abs().bitCount()),
            "conjugate",
            new Method("conjugate", Params.NONE, (render, self, args) -> Operators.plus(self)),
            "as_integer_ratio",
            new Method("as_integer_ratio", Params.NONE, (render, self, args) -> new Tuple(Operators.plus(self), 1L)));

    static final Map<String, Method> FLOAT = Map.of(
            "is_integer",
            new Method("is_integer", Params.NONE, (render, self, args) -> {
                double number = (Double) self;
                return Double.isFinite(number) && number == Math.rint(number);
            }),
            "conjugate",
            new Method("conjugate", Params.NONE, (render, self, args) -> self));

    private ContainerMethods() {}

    private static Method view(Dict.View.Part part, String name) {
        return new Method(name, Params.NONE, (render, self, args) -> new Dict.View(part, (Dict) self));
    }

    private static long index(List<?> list, Object[] args) {
        int size = list.size();
        long start = args[1] == Values.MISSING ? 0 : position(Numbers.index(args[1]), size);
        long stop = args[2] == Values.MISSING ? size : position(Numbers.index(args[2]), size);
        for (long i = start; i < Math.min(stop, size); i++) {
            Object item = list.get((int) i);
            if (item == args[0] || Values.equal(item, args[0])) {
                return i;
            }
        }
        throw TemplateException.value(Repr.repr(args[0]) + " is not in list");
    }

    private static long position(long index, int size) {
        return Math.max(0, index < 0 ? index + size : index);
    }
}
