package dev.langchain4j.model.mlx.jinja.tree;

import dev.langchain4j.model.mlx.jinja.python.Budget;
import java.util.List;
import java.util.function.Consumer;

/** Questions about the names that occur in a part of a template. */
public final class Names {

    private Names() {}

    /** Whether {@code name} is read somewhere before it is set or declared. */
    static boolean undeclared(List<? extends Node> nodes, String name) {
        return first(nodes, name) instanceof Literals.Name;
    }

    private static Node first(List<? extends Node> nodes, String name) {
        Budget.current().steps(nodes.size());
        for (Node node : nodes) {
            if ((node instanceof Literals.Name read && read.name.equals(name))
                    || (node instanceof Target.Variable set && set.name.equals(name))) {
                return node;
            }
            Node found = first(node.children(), name);
            if (found != null) {
                return found;
            }
        }
        return null;
    }

    static boolean assigns(Node node, String name) {
        Budget.current().step();
        return (node instanceof Target.Variable set && set.name.equals(name) && !set.parameter)
                || node.children().stream().anyMatch(child -> assigns(child, name));
    }

    /** Whether an expression has neither names nor calls, so that Jinja computes it when it compiles. */
    static boolean constant(Expr expression) {
        return !(expression instanceof Literals.Name)
                && !(expression instanceof Access.Call)
                && expression.children().stream().allMatch(child -> constant((Expr) child));
    }

    /** All slices in an expression. */
    static void slices(Expr expression, Consumer<Access.Slice> found) {
        if (expression instanceof Access.Slice slice) {
            found.accept(slice);
        }
        expression.children().forEach(child -> slices((Expr) child, found));
    }
}
