package dev.langchain4j.model.mlx.jinja.python;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Attributes and items as the sandbox gives them: {@code a.b} asks for an attribute first, {@code a['b']} for an
 * item.
 */
public final class Attributes {

    private static final Set<String> LIST_MUTATORS =
            Set.of("append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove");
    private static final Set<String> DICT_MUTATORS = Set.of("clear", "pop", "popitem", "setdefault", "update");
    /** What every Python object has and the sandbox never gives. */
    private static final Set<String> OBJECT_MEMBERS = Set.of(
            "__class__",
            "__delattr__",
            "__dir__",
            "__doc__",
            "__eq__",
            "__format__",
            "__ge__",
            "__getattribute__",
            "__getstate__",
            "__gt__",
            "__hash__",
            "__init__",
            "__init_subclass__",
            "__le__",
            "__lt__",
            "__ne__",
            "__new__",
            "__reduce__",
            "__reduce_ex__",
            "__repr__",
            "__setattr__",
            "__sizeof__",
            "__str__",
            "__subclasshook__");

    private static final Set<String> CONTAINER_MEMBERS = Set.of(
            "__contains__",
            "__getitem__",
            "__iter__",
            "__len__",
            "__add__",
            "__mul__",
            "__rmul__",
            "__reversed__",
            "__setitem__",
            "__delitem__");

    private Attributes() {}

    public static boolean isDictMember(String name) {
        return DICT_MUTATORS.contains(name)
                || ContainerMethods.DICT.containsKey(name)
                || OBJECT_MEMBERS.contains(name)
                || CONTAINER_MEMBERS.contains(name);
    }

    private static Map<String, Method> methods(Object object) {
        return switch (object) {
            case null -> Map.of();
            case String _, Markup _ -> StringMethods.ALL;
            case Dict _ -> ContainerMethods.DICT;
            case Tuple _, Range _ -> ContainerMethods.TUPLE;
            case List<?> _ -> ContainerMethods.LIST;
            case Long _, BigInteger _, Boolean _ -> ContainerMethods.INT;
            case Double _ -> ContainerMethods.FLOAT;
            case PyObject own -> own.methods();
            default -> Map.of();
        };
    }

    /** The method that {@code object.name} is, when it is one and may be called; else null. */
    public static Method safeMethod(Object object, String name) {
        return methods(object).get(name);
    }

    /** {@code object.name}. */
    public static Object attribute(Object object, String name) {
        if (object instanceof Undefined undefined) {
            if (OBJECT_MEMBERS.contains(name)) {
                return Undefined.unsafe(undefined, name);
            }
            throw undefined.failure();
        }
        Object member = member(object, name);
        if (member != Values.MISSING) {
            return member;
        }
        if (object instanceof Dict dict) {
            Object value = dict.find(name);
            if (value != Values.MISSING) {
                return value;
            }
        }
        return Undefined.member(object, name);
    }

    /** {@code object[key]}. */
    public static Object item(Object object, Object key) {
        switch (object) {
            case Dict dict -> {
                Object value = isHashable(key) ? dict.find(key) : Values.MISSING;
                if (value != Values.MISSING) {
                    return value;
                }
            }
            case Undefined undefined -> throw undefined.failure();
            case List<?> list
            when Numbers.isInteger(key) -> {
                long index = Numbers.index(key);
                long position = index < 0 ? index + list.size() : index;
                if (position >= 0 && position < list.size()) {
                    return list.get((int) position);
                }
            }
            case String text
            when Numbers.isInteger(key) -> {
                String character = Strings.at(text, Numbers.index(key));
                if (character != null) {
                    return character;
                }
            }
            case Markup markup
            when Numbers.isInteger(key) -> {
                String character = Strings.at(markup.text(), Numbers.index(key));
                if (character != null) {
                    return new Markup(character);
                }
            }
            case null, default -> {}
        }
        String name = Values.text(key);
        if (name != null) {
            Object member = member(object, name);
            if (member != Values.MISSING) {
                return member;
            }
        }
        return Undefined.member(object, key);
    }

    private static boolean isHashable(Object key) {
        return !(key instanceof Dict) && (!(key instanceof List) || key instanceof Tuple || key instanceof Range);
    }

    /** What Python's getattr gives, {@link Values#MISSING} when there is no such attribute. */
    private static Object member(Object object, String name) {
        Method method = methods(object).get(name);
        if (method != null) {
            return new Method.Bound(method, object);
        }
        Object own =
                switch (object) {
                    case PyObject jinja -> jinja.attribute(name);
                    case Tuple.Group group when name.equals("grouper") -> group.get(0);
                    case Tuple.Group group when name.equals("list") -> group.get(1);
                    case null, default -> number(object, name);
                };
        if (own != Values.MISSING) {
            return own;
        }
        boolean unsafe = (OBJECT_MEMBERS.contains(name) && !(object instanceof Namespace))
                || (CONTAINER_MEMBERS.contains(name) && Values.lengthOrNegative(object) >= 0)
                || (object instanceof Dict && DICT_MUTATORS.contains(name))
                || (isMutableList(object) && LIST_MUTATORS.contains(name));
        return unsafe ? Undefined.unsafe(object, name) : Values.MISSING;
    }

    private static boolean isMutableList(Object object) {
        return object instanceof List && !(object instanceof Tuple) && !(object instanceof Range);
    }

    private static Object number(Object object, String name) {
        if (!Values.isNumber(object)) {
            if (object instanceof Range range) {
                return switch (name) {
                    case "start" -> range.start;
                    case "stop" -> range.stop;
                    case "step" -> range.step;
                    default -> Values.MISSING;
                };
            }
            return Values.MISSING;
        }
        boolean integer = Numbers.isInteger(object);
        return switch (name) {
            case "real" -> Operators.plus(object);
            case "imag" -> integer ? (Object) 0L : (Object) 0.0;
            case "numerator" -> integer ? Operators.plus(object) : Values.MISSING;
            case "denominator" -> integer ? 1L : Values.MISSING;
            default -> Values.MISSING;
        };
    }

    public static Object call(Object callee, Render render, Args args) {
        return switch (callee) {
            case PyObject.Callable callable -> callable.call(render, args);
            case Undefined undefined -> throw undefined.failure();
            case null, default ->
                throw TemplateException.type("'" + Values.typeName(callee) + "' object is not callable");
        };
    }
}
