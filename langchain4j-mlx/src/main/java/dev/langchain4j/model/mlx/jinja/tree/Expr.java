package dev.langchain4j.model.mlx.jinja.tree;

import dev.langchain4j.model.mlx.jinja.python.Attributes;

/** A part of a template that has a value. */
public abstract non-sealed class Expr extends Node {

    Expr(Position at) {
        super(at);
    }

    abstract Object eval(Frame frame);

    /** The value, for whoever calls it next: a function's name is looked up without wrapping where that is possible. */
    Object call(Frame frame, CallArgs arguments) {
        Object callee = eval(frame);
        return Attributes.call(callee, frame.render, arguments.eval(frame));
    }
}
