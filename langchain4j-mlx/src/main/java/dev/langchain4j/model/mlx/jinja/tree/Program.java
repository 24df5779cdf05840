package dev.langchain4j.model.mlx.jinja.tree;

import dev.langchain4j.model.mlx.jinja.python.Render;
import java.util.List;

/** All statements of a template, their names bound to slots. Does not change any more. */
public final class Program {
    private final List<Stmt> body;
    private final Scope scope = new Scope(null, new Scope.Activation(0));
    private final Scope.Entry entry;

    public Program(List<Stmt> body) {
        this.body = body;
        body.forEach(statement -> statement.declare(scope));
        body.forEach(statement -> statement.bind(scope, false));
        entry = scope.entry();
    }

    /** Writes what the template makes of a render's context. */
    public void run(Render render) {
        Frame frame = new Frame(render, null, scope.activation);
        entry.run(frame);
        Stmt.execAll(body, frame);
    }
}
