package dev.langchain4j.model.mlx.jinja.python;

/** A string that is marked as safe HTML: what joins it is escaped first. */
public record Markup(String text) {

    /** The value as it may stand beside markup: markup as it is, everything else escaped. */
    public static String escape(Object value) {
        return value instanceof Markup markup ? markup.text() : escapeText(Repr.str(value));
    }

    public static String escapeText(String text) {
        Budget.current().scanSlowly(text.length() >> 3);
        TextBuilder out = null;
        int plain = 0;
        for (int i = 0; i < text.length(); i++) {
            String entity =
                    switch (text.charAt(i)) {
                        case '&' -> "&amp;";
                        case '<' -> "&lt;";
                        case '>' -> "&gt;";
                        case '"' -> "&#34;";
                        case '\'' -> "&#39;";
                        default -> null;
                    };
            if (entity != null) {
                out = out == null ? new TextBuilder() : out;
                out.append(text, plain, i).append(entity);
                plain = i + 1;
            }
        }
        return out == null ? text : out.append(text, plain, text.length()).toString();
    }
}
