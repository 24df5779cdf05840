package dev.langchain4j.model.mlx.jinja.common;

/** A template that cannot be compiled or rendered: why, and where in its source. */
public final class TemplateException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** What went wrong. */
    public enum Kind {
        /** The source is not a valid template. */
        SYNTAX,
        /** The template called {@code raise_exception}; the message holds its words, unaltered. */
        RAISED,
        /** Something that does not exist was used. */
        UNDEFINED,
        /** An operation on values of the wrong types. */
        TYPE,
        /** An operation on values of the right types that are out of its range. */
        VALUE,
        /** Something that the sandbox forbids, such as changing a list. */
        SECURITY,
        /** Any other failure while rendering. */
        RUNTIME,
        /** One of the {@link TemplateLimits} was exceeded. */
        LIMIT
    }

    private final Kind kind;
    private int line;
    private int column;

    public TemplateException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    public TemplateException(Kind kind, String message, int line, int column) {
        this(kind, message);
        at(line, column);
    }

    public static TemplateException type(String message) {
        return new TemplateException(Kind.TYPE, message);
    }

    public static TemplateException value(String message) {
        return new TemplateException(Kind.VALUE, message);
    }

    public static TemplateException runtime(String message) {
        return new TemplateException(Kind.RUNTIME, message);
    }

    public static TemplateException limit(String name, long limit) {
        return new TemplateException(Kind.LIMIT, name + " is limited to " + limit);
    }

    /** Sets the place unless a more precise one is known already. */
    public TemplateException at(int line, int column) {
        if (this.line == 0) {
            this.line = line;
            this.column = column;
        }
        return this;
    }

    /** What went wrong, for callers that treat kinds differently. */
    public Kind kind() {
        return kind;
    }

    /** The words alone, without the place; of {@link Kind#RAISED}, what the template said. */
    public String words() {
        return super.getMessage();
    }

    /** The line in the template's source, from 1; 0 where unknown. */
    public int line() {
        return line;
    }

    /** The column in {@link #line()}, from 1; 0 where unknown. */
    public int column() {
        return column;
    }

    /** The words, and the place except for {@link Kind#RAISED}. */
    @Override
    public String getMessage() {
        return kind == Kind.RAISED || line == 0 ? words() : words() + " (line " + line + ", column " + column + ")";
    }
}
