package dev.langchain4j.model.mlx.parse;

/**
 * Reads the calls of one block in one wire format: from behind the marker that opened it to the end of the block.
 *
 * <p>{@link #step} is called until it waits or ends. A reader keeps its own state, consumes only what it understood, and
 * never throws on what a model wrote.
 */
abstract class CallReader {

    enum Step {
        /** Progress was made; call again. */
        AGAIN,
        /** More text is needed. */
        WAIT,
        /** The block is over; the input stands behind it. */
        DONE,
        FAILED
    }

    private static final int NAME_MAX = 200;

    final CallEmitter calls;
    final ToolSchemas tools;
    private String failure = "";
    private boolean callEnded;

    CallReader(CallEmitter calls, ToolSchemas tools) {
        this.calls = calls;
        this.tools = tools;
    }

    abstract Step step(Input in);

    /** Whether the output may end here, where {@link #step} waits, without a call being torn. */
    abstract boolean mayEnd();

    /** Why {@link #step} failed. */
    final String failure() {
        return failure;
    }

    /** Whether a call was completed since the last time this was asked. */
    final boolean pollCallEnded() {
        boolean ended = callEnded;
        callEnded = false;
        return ended;
    }

    final Step fail(String reason) {
        failure = reason;
        return Step.FAILED;
    }

    /** Completes the call of the emitter. */
    final Step completeCall() {
        String reason = calls.complete();
        if (reason != null) {
            return fail(reason);
        }
        callEnded();
        return Step.AGAIN;
    }

    final void callEnded() {
        callEnded = true;
    }

    /** Reads one value into the arguments of the current call and passes on what is readable. */
    final Step readArguments(LenientJson value, Input in) {
        Step step = readValue(value, in, calls.arguments());
        if (step != Step.FAILED) {
            calls.flush();
        }
        return step;
    }

    /** DONE when the value is complete. */
    final Step readValue(LenientJson value, Input in, StringBuilder out) {
        return switch (value.read(in, out)) {
            case WAIT -> Step.WAIT;
            case DONE -> Step.DONE;
            case FAILED -> fail(value.failure());
        };
    }

    /** Expects {@code marker} here, after whitespace. DONE when it was there. */
    final Step expect(Input in, String marker) {
        in.skipWhitespace();
        return switch (in.match(marker)) {
            case MAYBE -> Step.WAIT;
            case NO -> in.empty() ? Step.WAIT : fail("'" + marker + "' expected");
            case YES -> {
                in.skip(marker.length());
                yield Step.DONE;
            }
        };
    }

    /** Distance to {@code terminator} of a short name, -1 to wait, -2 after failing. */
    final int findName(Input in, String terminator) {
        int length = in.find(terminator);
        if (length > NAME_MAX || length < 0 && in.available() > NAME_MAX + terminator.length()) {
            fail("no '" + terminator + "' after a name");
            return -2;
        }
        return length;
    }

    /** What a step gives where {@link #findName} found no name. */
    static Step noName(int length) {
        return length == -1 ? Step.WAIT : Step.FAILED;
    }

    /** Begins a call whose arguments come one by one, if that is the name of a tool. */
    final Step beginCall(String name) {
        if (!isToolName(name)) {
            return fail("'" + name + "' is not the name of a tool");
        }
        calls.begin(name, null);
        calls.arguments().append('{');
        return Step.AGAIN;
    }

    /** Writes the key of the next argument; its value is to follow. */
    final StringBuilder putKey(String key) {
        StringBuilder out = calls.arguments();
        out.append(out.length() > 1 ? "," : "");
        JsonText.quote(key, out);
        return out.append(':');
    }

    /** A tool on offer, or what could be the name of one: a call of an unknown tool is for the caller to answer. */
    final boolean isToolName(String name) {
        return tools.contains(name) || !name.isEmpty() && name.chars().allMatch(c -> isNamePart((char) c));
    }

    static boolean isNamePart(char c) {
        return Character.isLetterOrDigit(c) || c == '_' || c == '-' || c == '.' || c == ':' || c == '/';
    }
}
