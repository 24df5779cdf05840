package dev.langchain4j.model.mlx.jinja;

/** A part of a template that has a value. */
abstract non-sealed class Expr extends Node {

    Expr(Token at) {
        super(at);
    }

    abstract Object eval(Frame frame);

    /** The value, for whoever calls it next: a function's name is looked up without wrapping where that is possible. */
    Object call(Frame frame, CallArgs arguments) {
        Object callee = eval(frame);
        return Attributes.call(callee, frame.render, arguments.eval(frame));
    }
}
