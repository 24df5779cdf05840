package dev.langchain4j.model.mlx.jinja;

import java.util.List;

/** A part of a template that does something. */
abstract non-sealed class Stmt extends Node {

    /** How a statement ended. */
    enum Signal {
        NEXT,
        BREAK,
        CONTINUE
    }

    Stmt(Token at) {
        super(at);
    }

    abstract Signal exec(Frame frame);

    static Signal execAll(List<Stmt> body, Frame frame) {
        for (Stmt statement : body) {
            try {
                Signal signal = statement.exec(frame);
                if (signal != Signal.NEXT) {
                    return signal;
                }
            } catch (TemplateException e) {
                throw e.at(statement.line, statement.column);
            }
        }
        return Signal.NEXT;
    }
}
