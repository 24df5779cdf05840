package dev.langchain4j.model.mlx.parse;

/**
 * A call as its name and pairs of tags: GLM ({@code name<arg_key>k</arg_key><arg_value>v</arg_value>}) and LongCat,
 * which puts {@code longcat_} before each tag. Values carry no type, so the tool's schema decides.
 */
final class ArgPairCalls extends CallReader {

    private enum State {
        NAME,
        INSIDE,
        KEY,
        KEY_END,
        VALUE,
        ENDED
    }

    private final String keyTag;
    private final String keyEnd;
    private final String valueTag;
    private final String valueEnd;
    private final String end;

    private State state = State.NAME;
    private String name;
    private String key;

    ArgPairCalls(CallEmitter calls, ToolSchemas tools, String prefix, String end) {
        super(calls, tools);
        this.end = end;
        keyTag = "<" + prefix + "arg_key>";
        keyEnd = "</" + prefix + "arg_key>";
        valueTag = "<" + prefix + "arg_value>";
        valueEnd = "</" + prefix + "arg_value>";
    }

    @Override
    boolean mayEnd() {
        return false;
    }

    @Override
    Step step(Input in) {
        return switch (state) {
            case NAME -> name(in);
            case INSIDE -> inside(in);
            case KEY -> key(in);
            case KEY_END -> expectValue(in);
            case VALUE -> value(in);
            case ENDED -> Step.DONE;
        };
    }

    private Step name(Input in) {
        int length = findName(in, "<");
        if (length < 0) {
            return noName(length);
        }
        name = in.take(length).strip();
        state = State.INSIDE;
        return beginCall(name);
    }

    private Step inside(Input in) {
        in.skipWhitespace();
        if (in.empty()) {
            return Step.WAIT;
        }
        switch (in.match(end)) {
            case YES -> {
                in.skip(end.length());
                calls.arguments().append('}');
                state = State.ENDED;
                return completeCall();
            }
            case MAYBE -> {
                return Step.WAIT;
            }
            case NO -> {
                Step step = expect(in, keyTag);
                state = step == Step.DONE ? State.KEY : state;
                return step == Step.DONE ? Step.AGAIN : step;
            }
        }
        throw new AssertionError(state);
    }

    private Step key(Input in) {
        int length = findName(in, keyEnd);
        if (length < 0) {
            return noName(length);
        }
        key = in.take(length).strip();
        in.skip(keyEnd.length());
        state = State.KEY_END;
        return Step.AGAIN;
    }

    private Step expectValue(Input in) {
        Step step = expect(in, valueTag);
        state = step == Step.DONE ? State.VALUE : state;
        return step == Step.DONE ? Step.AGAIN : step;
    }

    private Step value(Input in) {
        int length = in.find(valueEnd);
        if (length < 0) {
            return Step.WAIT;
        }
        String text = in.take(length);
        in.skip(valueEnd.length());
        putKey(key).append(tools.typed(name, key, text));
        calls.flush();
        state = State.INSIDE;
        return Step.AGAIN;
    }
}
