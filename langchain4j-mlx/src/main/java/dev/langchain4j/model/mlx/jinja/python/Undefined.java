package dev.langchain4j.model.mlx.jinja.python;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.common.TemplateException.Kind;

/** The value of a name, attribute or item that does not exist: prints as nothing, fails when used. */
public final class Undefined {

    private static final Object NO_OWNER = new Object();

    private final String hint;
    private final Object owner;
    private final Object name;
    private final Kind kind;

    private Undefined(String hint, Object owner, Object name, Kind kind) {
        this.hint = hint;
        this.owner = owner;
        this.name = name;
        this.kind = kind;
    }

    public static Undefined variable(String name) {
        return new Undefined(null, NO_OWNER, name, Kind.UNDEFINED);
    }

    public static Undefined member(Object owner, Object name) {
        return new Undefined(null, owner, name, Kind.UNDEFINED);
    }

    public static Undefined hint(String hint) {
        return new Undefined(hint, NO_OWNER, null, Kind.UNDEFINED);
    }

    /** What the sandbox gives for an attribute that must not be used. */
    static Undefined unsafe(Object owner, String name) {
        String hint =
                "access to attribute " + Repr.repr(name) + " of '" + Values.typeName(owner) + "' object is unsafe.";
        return new Undefined(hint, owner, name, Kind.SECURITY);
    }

    public TemplateException failure() {
        return new TemplateException(kind, message());
    }

    private String message() {
        if (hint != null) {
            return hint;
        }
        if (owner == NO_OWNER) {
            return Repr.repr(name) + " is undefined";
        }
        String type = Values.qualifiedTypeName(owner);
        return name instanceof String
                ? Repr.repr(type) + " has no attribute " + Repr.repr(name)
                : type + " has no element " + Repr.repr(name);
    }
}
