package dev.langchain4j.model.mlx.jinja;

/** The object of {@code namespace()}: the only one whose attributes a template may set. */
record Namespace(Dict attributes) {

    Namespace {
        attributes.keySet().forEach(Namespace::check);
    }

    /** Returns what the attribute was before, or null. */
    Object set(String name, Object value) {
        check(name);
        return attributes.put(name, value);
    }

    private static void check(Object name) {
        if (name instanceof String text && text.startsWith("_")) {
            throw new TemplateException(
                    TemplateException.Kind.SECURITY,
                    "Chat templates cannot store underscore-prefixed attributes on a namespace, but got "
                            + Repr.repr(name) + ". Please rename the attribute.");
        }
    }
}
