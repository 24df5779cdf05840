package dev.langchain4j.model.mlx.jinja;

import java.util.List;

/** Questions about the names that occur in a part of a template. */
final class Names {

    private Names() {}

    /** Whether {@code name} is read somewhere before it is set or declared. */
    static boolean undeclared(List<? extends Node> nodes, String name) {
        return first(nodes, name) instanceof Literals.Name;
    }

    private static Node first(List<? extends Node> nodes, String name) {
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
        return (node instanceof Target.Variable set && set.name.equals(name) && !set.parameter)
                || node.children().stream().anyMatch(child -> assigns(child, name));
    }
}
