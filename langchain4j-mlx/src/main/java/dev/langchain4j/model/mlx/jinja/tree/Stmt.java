package dev.langchain4j.model.mlx.jinja.tree;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.python.Budget;
import java.util.List;

/** A part of a template that does something. */
public abstract non-sealed class Stmt extends Node {

    /** How a statement ended. */
    public enum Signal {
        NEXT,
        BREAK,
        CONTINUE
    }

    Stmt(Position at) {
        super(at);
    }

    abstract Signal exec(Frame frame);

    /** Whether what it made may be in variables when it has run, so that it counts until their scope ends. */
    boolean leavesValues() {
        return false;
    }

    static Signal execAll(List<Stmt> body, Frame frame) {
        Budget budget = frame.render.budget;
        for (Stmt statement : body) {
            try {
                budget.step();
                long mark = budget.mark();
                Signal signal = statement.exec(frame);
                if (!statement.leavesValues()) {
                    budget.release(mark);
                }
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
