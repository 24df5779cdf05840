package dev.langchain4j.model.mlx.jinja.python;

import java.util.Iterator;
import java.util.Map;

/** A value of a type of Jinja's own. */
public interface PyObject {
    /** Python's name of its type. */
    default String type() {
        return getClass().getSimpleName();
    }

    /** The module of its type as messages name it, with a dot after it. */
    default String module() {
        return "";
    }

    /** What repr() gives. */
    default String describe() {
        return "<" + type() + " object>";
    }

    /** An attribute, or {@link Values#MISSING}. */
    default Object attribute(String name) {
        return Values.MISSING;
    }

    /** Its methods by name. */
    default Map<String, Method> methods() {
        return Map.of();
    }

    /** One that a template can call. */
    interface Callable extends PyObject {
        Object call(Render render, Args args);
    }

    /** One that a template can iterate over. */
    interface Iterable extends PyObject {
        int length();

        /** The items that are left. */
        Iterator<Object> items();
    }
}
