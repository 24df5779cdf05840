package dev.langchain4j.model.mlx.parse;

/**
 * Calls as tags around plain text: Qwen3-Coder ({@code <function=..><parameter=..>}), MiniMax M2 and DeepSeek V3.2
 * ({@code <invoke name=".."><parameter name="..">}).
 *
 * <p>Values carry no type, so the tool's schema decides, unless a {@code string="true|false"} attribute does.
 */
final class XmlCalls extends CallReader {

    /** Tags of one family; what stands between an opening and {@code >} is the name. */
    record Tags(String call, String callEnd, String parameter, String parameterEnd, boolean attributes) {

        static Tags equalsSign() {
            return new Tags("<function=", "</function>", "<parameter=", "</parameter>", false);
        }

        static Tags nameAttribute(String prefix) {
            return new Tags(
                    "<" + prefix + "invoke ",
                    "</" + prefix + "invoke>",
                    "<" + prefix + "parameter ",
                    "</" + prefix + "parameter>",
                    true);
        }
    }

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
    private boolean firstParameter;

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
            return length == -1 ? Step.WAIT : Step.FAILED;
        }
        name = tagName(in.take(length));
        in.skip(1);
        if (!isToolName(name)) {
            return fail("'" + name + "' is not the name of a tool");
        }
        calls.begin(name, null);
        calls.arguments().append('{');
        firstParameter = true;
        state = State.INSIDE;
        return Step.AGAIN;
    }

    private String tagName(String inside) {
        return tags.attributes ? attribute(inside, "name") : unquote(inside.strip());
    }

    private static String unquote(String text) {
        boolean quoted = text.length() >= 2 && text.startsWith("\"") && text.endsWith("\"");
        return quoted ? text.substring(1, text.length() - 1) : text;
    }

    private static String attribute(String inside, String key) {
        int start = inside.indexOf(key + "=\"");
        if (start < 0) {
            return "";
        }
        int from = start + key.length() + 2;
        int to = inside.indexOf('"', from);
        return to < 0 ? "" : inside.substring(from, to);
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
            return length == -1 ? Step.WAIT : Step.FAILED;
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
        int length = in.find(tags.parameterEnd);
        if (length < 0) {
            return Step.WAIT;
        }
        String text = in.take(length);
        in.skip(tags.parameterEnd.length());
        StringBuilder out = calls.arguments();
        out.append(firstParameter ? "" : ",");
        firstParameter = false;
        JsonText.quote(parameter, out);
        out.append(':');
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
