package dev.langchain4j.model.mlx.calls;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.Input;
import dev.langchain4j.model.mlx.parse.JsonText;
import dev.langchain4j.model.mlx.parse.LenientJson;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Calls as tags around plain text: Qwen3-Coder ({@code <function=..><parameter=..>}), MiniMax M2, DeepSeek V3.2 and
 * Muse Spark ({@code <invoke name=".."><parameter name="..">}), MiniCPM 5
 * ({@code <function name=".."><param name="..">}).
 *
 * <p>Values carry no type, so the tool's schema decides, unless a {@code string="true|false"} attribute does.
 */
final class XmlCalls extends CallReader {

    /** Tags of one family; what stands between an opening and {@code >} is the name. */
    record Tags(String call, String callEnd, String parameter, String parameterEnd, boolean attributes, boolean cdata) {
        static final Tags MINICPM = new Tags("<function name=", "</function>", "<param ", "</param>", true, true);

        /** How values stand in a block that this ends; empty if a call is a block. */
        ValueEnd.Tags values(String blockEnd) {
            List<String> outer = blockEnd.isEmpty() ? List.of(callEnd) : List.of(callEnd, blockEnd);
            String another = blockEnd.isEmpty() ? call : blockEnd.replaceFirst("/", "");
            return new ValueEnd.Tags(parameter, parameterEnd, outer, List.of(call, another), false);
        }

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
    /** What a length is where a value is no CDATA section. */
    private static final int NO_CDATA = -2;

    private enum State {
        START,
        CALL_NAME,
        INSIDE,
        PARAMETER_NAME,
        JSON_VALUE,
        JSON_END,
        VALUE,
        BETWEEN,
        JSON_CALLS
    }

    private final Tags tags;
    /** Text that ends the block; empty if a call is a block. */
    private final String end;

    private State state;
    private final ValueEnd.Tags values;
    private final Set<String> given = new HashSet<>();
    private String parameter;
    private String stringAttribute = "";
    private ValueEnd valueEnd;
    /** A value that is JSON, and where it began. */
    private LenientJson json;

    private StringBuilder jsonText;
    private int jsonStart;
    private CallReader jsonCalls;

    XmlCalls(CallEmitter calls, ToolSchemas tools, Tags tags, String end, boolean opened) {
        super(calls, tools);
        this.tags = tags;
        this.end = end;
        values = tags.values(end);
        state = opened ? State.CALL_NAME : State.START;
    }

    @Override
    public boolean mayEnd() {
        return state == State.BETWEEN || jsonCalls != null && jsonCalls.mayEnd();
    }

    @Override
    public Step step(Input in) {
        return switch (state) {
            case START -> start(in);
            case CALL_NAME -> callName(in);
            case INSIDE -> inside(in);
            case PARAMETER_NAME -> parameterName(in);
            case JSON_VALUE -> jsonValue(in);
            case JSON_END -> jsonEnd(in);
            case VALUE -> value(in);
            case BETWEEN -> between(in);
            case JSON_CALLS -> step(jsonCalls, in);
        };
    }

    private Step to(State next) {
        state = next;
        return Step.AGAIN;
    }

    /** The first call of a block, which models of a family that has tags also write as JSON. */
    private Step start(Input in) {
        in.skipWhitespace();
        if (!in.empty() && (in.peek() == '{' || in.peek() == '[')) {
            jsonCalls = new JsonCalls(calls, tools, JsonCalls.Block.MARKED, end);
            return to(State.JSON_CALLS);
        }
        Step step = expect(in, tags.call);
        return step == Step.DONE ? to(State.CALL_NAME) : step;
    }

    private Step callName(Input in) {
        int length = tagLength(in);
        if (length < 0) {
            return noName(length);
        }
        String name = tagName(in.take(length));
        skipTagEnd(in);
        given.clear();
        state = State.INSIDE;
        return beginCall(name);
    }

    /** Distance to the end of a tag, or of its line if the bracket was forgotten; -1 to wait, -2 after failing. */
    private int tagLength(Input in) {
        int bracket = findName(in, ">");
        int line = in.findAhead(0, "\n");
        boolean forgotten = line > 0 && (line < bracket || bracket == -1);
        return forgotten && !in.lookAhead(line).isBlank() ? line : bracket;
    }

    private static void skipTagEnd(Input in) {
        in.skip(in.peek() == '>' ? 1 : 0);
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

    /** Between the parameters of a call, where closing tags may be doubled, or the one of the call forgotten. */
    private Step inside(Input in) {
        in.skipWhitespace();
        if (in.empty()) {
            return in.ended() && !in.cut() && !given.isEmpty() ? endCall() : Step.WAIT;
        }
        switch (in.matchAny(0, values.outer())) {
            case MAYBE -> {
                return Step.WAIT;
            }
            case YES -> {
                in.skip(in.match(tags.callEnd) == Input.Match.YES ? tags.callEnd.length() : 0);
                return endCall();
            }
            case NO -> {
                if (!given.isEmpty() && in.match(tags.parameterEnd) == Input.Match.YES) {
                    in.skip(tags.parameterEnd.length());
                    return Step.AGAIN;
                }
            }
        }
        Input.Match doubled = given.isEmpty() ? Input.Match.NO : in.match(tags.parameterEnd);
        Step step = doubled == Input.Match.MAYBE ? Step.WAIT : expect(in, tags.parameter);
        return step == Step.DONE ? to(State.PARAMETER_NAME) : step;
    }

    private Step endCall() {
        calls.arguments().append('}');
        state = State.BETWEEN;
        return completeCall();
    }

    private Step parameterName(Input in) {
        int length = tagLength(in);
        if (length < 0) {
            return noName(length);
        }
        String inside = in.take(length);
        skipTagEnd(in);
        parameter = tagName(inside);
        stringAttribute = tags.attributes ? attribute(inside, "string") : "";
        if (parameter.isEmpty() || parameter.indexOf('<') >= 0) {
            return fail("a parameter without a name");
        }
        given.add(parameter);
        valueEnd = new ValueEnd(values, this::isExpected);
        json = null;
        jsonStart = in.sinceMarkLength();
        return to(tools.allowsText(tool, parameter) ? State.VALUE : State.JSON_VALUE);
    }

    private boolean isExpected(String insideOfTag) {
        String next = tags.attributes ? attribute(insideOfTag, "name") : insideOfTag.strip();
        return tools.has(tool, next) && !given.contains(next);
    }

    /** An object or a list, whose strings may spell any tag; read as text if it is not written as JSON. */
    private Step jsonValue(Input in) {
        if (json == null) {
            in.skipWhitespace();
            if (in.empty()) {
                return Step.WAIT;
            }
            if (in.peek() != '{' && in.peek() != '[') {
                return asText(in);
            }
            json = new LenientJson(LenientJson.Dialect.LITERAL);
            jsonText = new StringBuilder();
        }
        switch (json.read(in, jsonText)) {
            case WAIT -> {
                return Step.WAIT;
            }
            case FAILED -> {
                return asText(in);
            }
            case DONE -> {
                return to(State.JSON_END);
            }
        }
        throw new AssertionError(state);
    }

    /** Behind a value that is JSON stands its closing tag, or what follows where that was forgotten. */
    private Step jsonEnd(Input in) {
        in.skipWhitespace();
        if (in.empty() && !(in.ended() && !in.cut())) {
            return Step.WAIT;
        }
        Input.Match close = in.match(tags.parameterEnd);
        Input.Match next = in.empty() ? Input.Match.YES : in.matchAny(0, values.followers());
        if (close == Input.Match.NO && next == Input.Match.NO) {
            return asText(in);
        }
        if (close != Input.Match.YES && next != Input.Match.YES) {
            return Step.WAIT;
        }
        in.skip(close == Input.Match.YES ? tags.parameterEnd.length() : 0);
        put("");
        return to(State.INSIDE);
    }

    private Step asText(Input in) {
        in.seekAfterMark(jsonStart);
        jsonText = null;
        return to(State.VALUE);
    }

    private Step value(Input in) {
        int length = tags.cdata ? cdataLength(in) : NO_CDATA;
        if (length == NO_CDATA) {
            if (!valueEnd.find(in)) {
                return Step.WAIT;
            }
            if (valueEnd.isAmbiguous()) {
                return fail("no end of the value of '" + parameter + "'");
            }
            length = valueEnd.length();
        } else if (length < 0) {
            return Step.WAIT;
        }
        String raw = in.take(length);
        in.skip(in.match(tags.parameterEnd) == Input.Match.YES ? tags.parameterEnd.length() : 0);
        put(tags.cdata ? withoutCdata(raw) : raw);
        return to(State.INSIDE);
    }

    private void put(String text) {
        StringBuilder out = putKey(parameter);
        JsonNode typed = stringAttribute.equals("false") ? JsonText.read(text) : null;
        if (jsonText != null) {
            out.append(jsonText);
        } else if (stringAttribute.equals("true")) {
            JsonText.quote(text, out);
        } else if (typed != null) {
            out.append(typed);
        } else {
            out.append(tools.typed(tool, parameter, tags.attributes ? text : withoutLineBreaks(text)));
        }
        jsonText = null;
        calls.flush();
    }

    /** Distance to the tag behind a CDATA section, -1 to wait. */
    private int cdataLength(Input in) {
        int from = in.skipBlank(0);
        Input.Match opened = in.matchAhead(from, CDATA);
        if (opened != Input.Match.YES) {
            return opened == Input.Match.MAYBE ? -1 : NO_CDATA;
        }
        int close = in.findAhead(from, CDATA_END);
        while (close >= 0) {
            int behind = in.skipBlank(close + CDATA_END.length());
            Input.Match match = in.matchAhead(behind, tags.parameterEnd);
            if (match != Input.Match.NO) {
                return match == Input.Match.YES ? behind : -1;
            }
            close = in.findAhead(close + 1, CDATA_END);
        }
        return -1;
    }

    private static String withoutCdata(String raw) {
        String text = raw.strip();
        return text.startsWith(CDATA) && text.endsWith(CDATA_END)
                ? text.substring(CDATA.length(), text.length() - CDATA_END.length())
                : raw;
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
            case YES -> {
                in.skip(tags.call.length());
                yield to(State.CALL_NAME);
            }
            case MAYBE -> Step.WAIT;
            // A call that is closed is whole, though the end of the block was forgotten.
            case NO -> in.match(end) == Input.Match.NO ? Step.DONE : expectEnd(in, end);
        };
    }
}
