package dev.langchain4j.model.mlx.parse;

/**
 * Reads the calls of one block in one wire format: from behind the marker that opened it to the end of the block.
 *
 * <p>{@link #step} is called until it waits or ends. A reader keeps its own state, consumes only what it understood,
 * and never throws on what a model wrote.
 */
public abstract class CallReader {

    public enum Step {
        /** Progress was made; call again. */
        AGAIN,
        /** More text is needed. */
        WAIT,
        /** The block is over; the input stands behind it. */
        DONE,
        FAILED
    }

    public static final int NAME_MAX = 200;

    public final CallEmitter calls;
    public final ToolSchemas tools;
    private String failure = "";
    /** The tool whose call is being read. */
    public String tool = "";

    public CallReader(CallEmitter calls, ToolSchemas tools) {
        this.calls = calls;
        this.tools = tools;
    }

    public abstract Step step(Input in);

    /** Whether the output may end here, where {@link #step} waits, without a call being torn. */
    public abstract boolean mayEnd();

    /** Why {@link #step} failed. */
    public final String failure() {
        return failure;
    }

    /** Whether a block without a marker that breaks off here can be nothing but a call. */
    public boolean isCertain(Input in) {
        return true;
    }

    public final Step fail(String reason) {
        failure = reason;
        return Step.FAILED;
    }

    /** Completes the call of the emitter. */
    public final Step completeCall() {
        String reason = calls.complete();
        if (reason != null) {
            return fail(reason);
        }
        return Step.AGAIN;
    }

    /** Reads one value into the arguments of the current call and passes on what is readable. */
    public final Step readArguments(LenientJson value, Input in) {
        Step step = readValue(value, in, calls.arguments());
        if (step != Step.FAILED) {
            calls.flush();
        }
        return step;
    }

    /** DONE when the value is complete. */
    public final Step readValue(LenientJson value, Input in, StringBuilder out) {
        return switch (value.read(in, out)) {
            case WAIT -> Step.WAIT;
            case DONE -> Step.DONE;
            case FAILED -> fail(value.failure());
        };
    }

    /** Reads on with another reader. */
    public final Step step(CallReader reader, Input in) {
        Step step = reader.step(in);
        return step == Step.FAILED ? fail(reader.failure()) : step;
    }

    /** Expects {@code marker} here, after whitespace. DONE when it was there. */
    public final Step expect(Input in, String marker) {
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

    /** Expects the end of the block, which is forgotten where the next block opens, or the output ends. */
    public final Step expectEnd(Input in, String end) {
        in.skipWhitespace();
        String start = end.replaceFirst("/", "");
        Input.Match another = start.equals(end) ? Input.Match.NO : in.match(start);
        return switch (another) {
            case YES -> Step.DONE;
            case MAYBE -> Step.WAIT;
            case NO -> expect(in, end);
        };
    }

    /** Distance to {@code terminator} of a short name, -1 to wait, -2 after failing. */
    public final int findName(Input in, String terminator) {
        int length = in.find(terminator);
        if (length > NAME_MAX || length < 0 && in.available() > NAME_MAX + terminator.length()) {
            fail("no '" + terminator + "' after a name");
            return -2;
        }
        return length;
    }

    /** What a step gives where {@link #findName} found no name. */
    public static Step noName(int length) {
        return length == -1 ? Step.WAIT : Step.FAILED;
    }

    /** Begins a call, if that is the name of a tool, perhaps in a namespace. */
    public final Step begin(String written, String id) {
        if (!isToolName(written)) {
            return fail("'" + written + "' is not the name of a tool");
        }
        tool = toolName(written);
        calls.begin(tool, id);
        return Step.AGAIN;
    }

    /** Begins a call whose arguments come one by one. */
    public final Step beginCall(String written) {
        Step step = begin(written, null);
        if (step == Step.AGAIN) {
            calls.arguments().append('{');
        }
        return step;
    }

    /** See {@link ToolSchemas#named}. */
    public final String toolName(String written) {
        return tools.named(written);
    }

    /** Writes the key of the next argument; its value is to follow. */
    public final StringBuilder putKey(String key) {
        StringBuilder out = calls.arguments();
        out.append(out.length() > 1 ? "," : "");
        JsonText.quote(key, out);
        return out.append(':');
    }

    /** A tool on offer, or what could be the name of one: a call of an unknown tool is for the caller to answer. */
    public final boolean isToolName(String name) {
        return tools.contains(name) || !name.isEmpty() && name.chars().allMatch(c -> isNamePart((char) c));
    }

    /** The place behind the characters of a name that stand so far ahead. */
    public static int nameEnd(Input in, int from) {
        int at = from;
        while (at < in.available() && isNamePart(in.ahead(at))) {
            at++;
        }
        return at;
    }

    public static boolean isNamePart(char c) {
        return Character.isLetterOrDigit(c) || c == '_' || c == '-' || c == '.' || c == ':' || c == '/';
    }
}
