package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.Input;
import dev.langchain4j.model.mlx.parse.LenientJson;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A call as its name and pairs of tags: GLM ({@code name<arg_key>k</arg_key><arg_value>v</arg_value>}) and LongCat,
 * which puts {@code longcat_} before each tag. Values carry no type, so the tool's schema decides. Models also write
 * the name and a JSON object.
 */
final class ArgPairCalls extends CallReader {

    private enum State {
        NAME,
        JSON,
        JSON_END,
        INSIDE,
        KEY,
        KEY_END,
        VALUE,
        ENDED
    }

    private final String keyTag;
    private final String keyEnd;
    private final String valueTag;
    private final String end;
    private final ValueEnd.Tags values;
    private final Set<String> given = new HashSet<>();

    private State state = State.NAME;
    private String key;
    private ValueEnd valueEnd;
    private LenientJson json;

    ArgPairCalls(CallEmitter calls, ToolSchemas tools, String prefix, String end) {
        super(calls, tools);
        this.end = end;
        keyTag = "<" + prefix + "arg_key>";
        keyEnd = "</" + prefix + "arg_key>";
        valueTag = "<" + prefix + "arg_value>";
        String start = end.replaceFirst("/", "");
        values = new ValueEnd.Tags(keyTag, "</" + prefix + "arg_value>", List.of(end), List.of(start), true);
    }

    @Override
    public boolean mayEnd() {
        return state == State.JSON_END;
    }

    @Override
    public Step step(Input in) {
        return switch (state) {
            case NAME -> name(in);
            case JSON -> json(in);
            case JSON_END -> expectEnd(in, end);
            case INSIDE -> inside(in);
            case KEY -> key(in);
            case KEY_END -> expectValue(in);
            case VALUE -> value(in);
            case ENDED -> Step.DONE;
        };
    }

    private Step to(State next) {
        state = next;
        return Step.AGAIN;
    }

    private Step name(Input in) {
        in.skipWhitespace();
        int length = nameEnd(in, 0);
        int behind = in.skipBlank(length);
        if (behind == in.available() && behind <= NAME_MAX) {
            return Step.WAIT;
        }
        if (behind == in.available() || "<{".indexOf(in.ahead(behind)) < 0) {
            return fail("no arguments after a name");
        }
        String name = in.take(length);
        in.skipWhitespace();
        if (in.peek() == '{') {
            json = new LenientJson(LenientJson.Dialect.LITERAL);
            state = State.JSON;
            return begin(name, null);
        }
        state = State.INSIDE;
        return beginCall(name);
    }

    private Step json(Input in) {
        Step step = readArguments(json, in);
        if (step != Step.DONE) {
            return step;
        }
        state = State.JSON_END;
        return completeCall();
    }

    private Step inside(Input in) {
        in.skipWhitespace();
        if (in.empty()) {
            return in.ended() && !in.cut() && !given.isEmpty() ? endCall() : Step.WAIT;
        }
        switch (in.matchAny(0, List.of(end, values.close()))) {
            case YES -> {
                if (in.match(end) == Input.Match.YES) {
                    in.skip(end.length());
                    return endCall();
                }
                if (given.isEmpty()) {
                    return fail("'" + keyTag + "' expected");
                }
                in.skip(values.close().length());
                return Step.AGAIN;
            }
            case MAYBE -> {
                return Step.WAIT;
            }
            case NO -> {
                Step step = expect(in, keyTag);
                return step == Step.DONE ? to(State.KEY) : step;
            }
        }
        throw new AssertionError(state);
    }

    private Step endCall() {
        calls.arguments().append('}');
        state = State.ENDED;
        return completeCall();
    }

    /** A key ends at its closing tag, or where the value opens. */
    private Step key(Input in) {
        int length = findName(in, "<");
        if (length < 0) {
            return noName(length);
        }
        Input.Match match = in.matchAny(length, List.of(keyEnd, valueTag));
        if (match != Input.Match.YES) {
            return match == Input.Match.MAYBE ? Step.WAIT : fail("'" + keyEnd + "' expected");
        }
        key = in.take(length).strip();
        in.skip(in.match(keyEnd) == Input.Match.YES ? keyEnd.length() : 0);
        return to(State.KEY_END);
    }

    private Step expectValue(Input in) {
        Step step = expect(in, valueTag);
        if (step != Step.DONE) {
            return step;
        }
        given.add(key);
        valueEnd = new ValueEnd(values, next -> tools.has(tool, next.strip()) && !given.contains(next.strip()));
        return to(State.VALUE);
    }

    private Step value(Input in) {
        if (!valueEnd.find(in)) {
            return Step.WAIT;
        }
        if (valueEnd.isAmbiguous()) {
            return fail("no end of the value of '" + key + "'");
        }
        String text = in.take(valueEnd.length());
        in.skip(valueEnd.closeLength());
        putKey(key).append(tools.typed(tool, key, text));
        calls.flush();
        return to(State.INSIDE);
    }
}
