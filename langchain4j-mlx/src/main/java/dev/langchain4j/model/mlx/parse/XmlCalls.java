package dev.langchain4j.model.mlx.parse;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Calls as tags around plain text: Qwen3-Coder ({@code <function=..><parameter=..>}), MiniMax M2, DeepSeek V3.2 and Muse
 * Spark ({@code <invoke name=".."><parameter name="..">}), MiniCPM 5 ({@code <function name=".."><param name="..">}).
 *
 * <p>Values carry no type, so the tool's schema decides, unless a {@code string="true|false"} attribute does.
 */
final class XmlCalls extends CallReader {

    /** Tags of one family; what stands between an opening and {@code >} is the name. */
    record Tags(String call, String callEnd, String parameter, String parameterEnd, boolean attributes, boolean cdata) {
        static final Tags MINICPM = new Tags("<function name=", "</function>", "<param ", "</param>", true, true);

        static Tags equalsSign() {
            return new Tags("<function=", "</function>", "<parameter=", "</parameter>", false, false);
        }

        static Tags nameAttribute(String prefix) {
            return new Tags(
                    "<" + prefix + "invoke ",
                    "</" + prefix + "invoke>",
                    "<" + prefix + "parameter ",
                    "</" + prefix + "parameter>",
                    true,
                    false);
        }
    }

    private static final Pattern ATTRIBUTE = Pattern.compile("(\\w+)\\s*=\\s*(\"[^\"]*\"|'[^']*'|[^\\s\"'<>]+)");
    private static final String CDATA = "<![CDATA[";
    private static final String CDATA_END = "]]>";

    private enum State {
        START,
        CALL_NAME,
        INSIDE,
        PARAMETER_NAME,
        VALUE,
        BETWEEN
    }

    private final Tags tags;
    /** Text that ends the block; empty if a call is a block. */
    private final String end;

    private State state;
    private String name;
    private String parameter;
    private String stringAttribute = "";

    XmlCalls(CallEmitter calls, ToolSchemas tools, Tags tags, String end, boolean opened) {
        super(calls, tools);
        this.tags = tags;
        this.end = end;
        state = opened ? State.CALL_NAME : State.START;
    }

    @Override
    boolean mayEnd() {
        return state == State.BETWEEN;
    }

    @Override
    Step step(Input in) {
        return switch (state) {
            case START -> then(expect(in, tags.call), State.CALL_NAME);
            case CALL_NAME -> callName(in);
            case INSIDE -> inside(in);
            case PARAMETER_NAME -> parameterName(in);
            case VALUE -> value(in);
            case BETWEEN -> between(in);
        };
    }

    private Step then(Step step, State next) {
        if (step != Step.DONE) {
            return step;
        }
        state = next;
        return Step.AGAIN;
    }

    private Step callName(Input in) {
        int length = findName(in, ">");
        if (length < 0) {
            return noName(length);
        }
        name = tagName(in.take(length));
        in.skip(1);
        state = State.INSIDE;
        return beginCall(name);
    }

    private String tagName(String inside) {
        if (!tags.attributes) {
            return unquote(inside.strip());
        }
        // Where the tag's opening ends in "name=", what follows is the name.
        boolean opened = state == State.CALL_NAME && tags.call.endsWith("name=");
        return opened ? unquote(inside.strip()) : attribute(inside, "name");
    }

    private static String unquote(String text) {
        boolean quoted = text.length() >= 2
                && (text.charAt(0) == '"' || text.charAt(0) == '\'')
                && text.charAt(text.length() - 1) == text.charAt(0);
        return quoted ? text.substring(1, text.length() - 1) : text;
    }

    private static String attribute(String inside, String key) {
        Matcher attribute = ATTRIBUTE.matcher(inside);
        while (attribute.find()) {
            if (attribute.group(1).equals(key)) {
                return unquote(attribute.group(2));
            }
        }
        return "";
    }

    private Step inside(Input in) {
        in.skipWhitespace();
        if (in.empty()) {
            return Step.WAIT;
        }
        if (in.match(tags.callEnd) == Input.Match.YES) {
            in.skip(tags.callEnd.length());
            calls.arguments().append('}');
            state = State.BETWEEN;
            return completeCall();
        }
        if (in.match(tags.callEnd) == Input.Match.MAYBE) {
            return Step.WAIT;
        }
        return then(expect(in, tags.parameter), State.PARAMETER_NAME);
    }

    private Step parameterName(Input in) {
        int length = findName(in, ">");
        if (length < 0) {
            return noName(length);
        }
        String inside = in.take(length);
        in.skip(1);
        parameter = tagName(inside);
        stringAttribute = tags.attributes ? attribute(inside, "string") : "";
        if (parameter.isEmpty() || parameter.indexOf('<') >= 0) {
            return fail("a parameter without a name");
        }
        state = State.VALUE;
        return Step.AGAIN;
    }

    private Step value(Input in) {
        int length = valueLength(in);
        if (length < 0) {
            return Step.WAIT;
        }
        String raw = in.take(length);
        String text = tags.cdata ? withoutCdata(raw.strip()) : raw;
        in.skip(tags.parameterEnd.length());
        StringBuilder out = putKey(parameter);
        if (stringAttribute.equals("true")) {
            JsonText.quote(text, out);
        } else if (stringAttribute.equals("false") && JsonText.read(text) != null) {
            out.append(JsonText.read(text));
        } else {
            out.append(tools.typed(name, parameter, tags.attributes ? text : withoutLineBreaks(text)));
        }
        calls.flush();
        state = State.INSIDE;
        return Step.AGAIN;
    }

    /** Distance to the tag that ends the value, or -1; inside of a CDATA section there is none. */
    private int valueLength(Input in) {
        int length = in.find(tags.parameterEnd);
        while (tags.cdata && length >= 0) {
            String text = in.lookAhead(length).strip();
            if (!text.startsWith(CDATA) || text.endsWith(CDATA_END)) {
                break;
            }
            length = in.findAhead(length + 1, tags.parameterEnd);
        }
        return length;
    }

    private static String withoutCdata(String text) {
        return text.startsWith(CDATA) && text.endsWith(CDATA_END)
                ? text.substring(CDATA.length(), text.length() - CDATA_END.length())
                : text;
    }

    /** Without the one line break after the opening and the one before the closing tag. */
    private static String withoutLineBreaks(String text) {
        int from = text.startsWith("\r\n") ? 2 : text.startsWith("\n") ? 1 : 0;
        int to = text.endsWith("\r\n") ? text.length() - 2 : text.endsWith("\n") ? text.length() - 1 : text.length();
        return from >= to ? "" : text.substring(from, to);
    }

    private Step between(Input in) {
        if (end.isEmpty()) {
            return Step.DONE;
        }
        in.skipWhitespace();
        if (in.empty()) {
            return Step.WAIT;
        }
        return switch (in.match(tags.call)) {
            case YES -> then(expect(in, tags.call), State.CALL_NAME);
            case MAYBE -> Step.WAIT;
            case NO -> expect(in, end);
        };
    }
}
