package dev.langchain4j.model.mlx.jinja;

/** A value that a template can call. */
interface PyCallable {

    Object call(Render render, Args args);
}
