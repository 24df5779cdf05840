package dev.langchain4j.model.mlx.jinja.python;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;

/** The object of {@code namespace()}: the only one whose attributes a template may set. */
public record Namespace(Dict attributes) implements PyObject {

    public Namespace {
        attributes.keySet().forEach(Namespace::check);
    }

    @Override
    public String type() {
        return "TemplateNamespace";
    }

    @Override
    public String module() {
        return "jinja2.utils.";
    }

    @Override
    public Object attribute(String name) {
        return attributes.find(name);
    }

    /** Returns what the attribute was before, or null. */
    public Object set(String name, Object value) {
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
