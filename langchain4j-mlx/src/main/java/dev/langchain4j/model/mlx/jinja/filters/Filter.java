package dev.langchain4j.model.mlx.jinja.filters;

import dev.langchain4j.model.mlx.jinja.python.Args;
import dev.langchain4j.model.mlx.jinja.python.Params;
import dev.langchain4j.model.mlx.jinja.python.Render;

/** A filter or a test. */
public interface Filter {

    Object apply(Render render, Object value, Args args);

    /** A filter's work on arguments that are bound to its parameters. */
    public interface Body {
        Object apply(Object value, Object[] args);
    }

    static Filter of(String name, Params params, Body body) {
        return (render, value, args) -> body.apply(value, params.bind(name, args));
    }
}
