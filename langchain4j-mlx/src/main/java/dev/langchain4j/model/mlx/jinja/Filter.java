package dev.langchain4j.model.mlx.jinja;

/** A filter or a test. */
interface Filter {

    Object apply(Render render, Object value, Args args);

    /** A filter's work on arguments that are bound to its parameters. */
    interface Body {
        Object apply(Object value, Object[] args);
    }

    static Filter of(String name, Params params, Body body) {
        return (render, value, args) -> body.apply(value, params.bind(name, args));
    }
}
