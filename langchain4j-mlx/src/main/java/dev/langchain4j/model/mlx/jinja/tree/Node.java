package dev.langchain4j.model.mlx.jinja.tree;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import java.util.List;

/**
 * A part of a parsed template, which evaluates itself. Between parsing and the first render {@link #declare} notes
 * the names of a scope and {@link #bind} turns them into slots; from then on a node does not change.
 */
public abstract sealed class Node implements Position permits Expr, Stmt {

    private int height;
    final int line;
    final int column;

    Node(Position at) {
        this.line = at.line();
        this.column = at.column();
    }

    /** The parts, in the order in which names in them count. */
    abstract List<? extends Node> children();

    /** Notes the names that this node uses in the scope that it stands in, without going into scopes of its own. */
    void declare(Scope scope) {
        children().forEach(child -> child.declare(scope));
    }

    /**
     * Finds the slots of names.
     *
     * @param soft whether this is inside of a condition, where an unknown filter or test fails only when it runs
     */
    void bind(Scope scope, boolean soft) {
        children().forEach(child -> child.bind(scope, soft));
    }

    /**
     * How many parts of parts there are below it, itself included, which is how deep the thread's stack goes for it.
     */
    public final int height() {
        if (height == 0) {
            height = 1 + partsHeight();
        }
        return height;
    }

    int partsHeight() {
        return children().stream().mapToInt(Node::height).max().orElse(0);
    }

    @Override
    public final int line() {
        return line;
    }

    @Override
    public final int column() {
        return column;
    }

    public final TemplateException failure(String message) {
        return new TemplateException(TemplateException.Kind.SYNTAX, message, line, column);
    }
}
