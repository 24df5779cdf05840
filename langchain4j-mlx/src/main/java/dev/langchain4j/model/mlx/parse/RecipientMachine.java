package dev.langchain4j.model.mlx.parse;

/**
 * Functionary: each message names its recipient first. What is for everyone is the answer, what is for a tool is a call of
 * it. The prompt ends where the first recipient is to be named.
 */
final class RecipientMachine implements OutputParser.Machine {

    /**
     * What stands around recipients.
     *
     * @param start opens a further message
     * @param headerEnd stands between a recipient and the message
     * @param everyone the recipient of an answer
     */
    record Marks(String start, String headerEnd, String everyone) {
        static final Marks FUNCTIONARY_V3 = new Marks(">>>", "\n", "all");
        static final Marks FUNCTIONARY_V2 = new Marks("<|from|>assistant\n<|recipient|>", "\n<|content|>", "all");

        /** Whether the start is a control token, which cannot be part of an answer's prose. */
        boolean isControl() {
            return start.startsWith("<|");
        }
    }

    private static final int NAME_MAX = 200;

    private enum State {
        HEADER,
        TEXT,
        ARGUMENTS
    }

    private final TextFlow flow;
    private final MessageCall call;
    private final ToolSchemas tools;
    private final Marks marks;
    private State state = State.HEADER;

    RecipientMachine(TextFlow flow, CallEmitter calls, ToolSchemas tools, Marks marks) {
        this.flow = flow;
        this.call = new MessageCall(flow, calls);
        this.tools = tools;
        this.marks = marks;
    }

    @Override
    public boolean isThinking() {
        return false;
    }

    @Override
    public void run(Input in) {
        while ((!in.empty() || in.ended() && state == State.ARGUMENTS) && step(in)) {
            // Each round gets on; it ends when more text is needed.
        }
    }

    private boolean step(Input in) {
        return switch (state) {
            case HEADER -> begin(in);
            case TEXT -> text(in);
            case ARGUMENTS -> arguments(in);
        };
    }

    /** Directly behind the prompt, which may have left the start of the message to the model. */
    private boolean begin(Input in) {
        Input.Match start = in.match(marks.start);
        int skip = start == Input.Match.YES ? marks.start.length() : 0;
        Input.Match header = start == Input.Match.MAYBE ? start : header(in, skip);
        if (header == Input.Match.MAYBE) {
            return false;
        }
        state = State.TEXT;
        if (header == Input.Match.YES) {
            open(in, skip);
        }
        return true;
    }

    /** Whether a recipient that is known and what ends a header stand so far ahead. */
    private Input.Match header(Input in, int from) {
        int at = nameEnd(in, from);
        if (at == in.available()) {
            return in.ended() || at - from > NAME_MAX ? Input.Match.NO : Input.Match.MAYBE;
        }
        String name = in.lookAhead(at).substring(from);
        boolean known = name.equals(marks.everyone) || tools.contains(name) || marks.isControl() && !name.isEmpty();
        return known ? in.matchAhead(at, marks.headerEnd) : Input.Match.NO;
    }

    private static int nameEnd(Input in, int from) {
        int at = from;
        while (at < in.available() && CallReader.isNamePart(in.ahead(at))) {
            at++;
        }
        return at;
    }

    private void open(Input in, int from) {
        in.mark();
        String name = in.lookAhead(nameEnd(in, from)).substring(from);
        in.skip(from + name.length() + marks.headerEnd.length());
        flow.marker();
        if (name.equals(marks.everyone) || tools.isEmpty()) {
            in.unmark();
            state = State.TEXT;
            return;
        }
        call.begin(name);
        state = State.ARGUMENTS;
    }

    private boolean text(Input in) {
        for (int length = 0; length < in.available(); length++) {
            Input.Match start = in.matchAhead(length, marks.start);
            if (start == Input.Match.YES) {
                start = header(in, length + marks.start.length());
            }
            if (start != Input.Match.NO) {
                pass(in, length);
                if (start == Input.Match.YES) {
                    open(in, marks.start.length());
                }
                return start == Input.Match.YES;
            }
        }
        pass(in, in.available());
        return false;
    }

    private void pass(Input in, int length) {
        if (length > 0) {
            flow.text(in.take(length));
        }
    }

    private boolean arguments(Input in) {
        boolean over = call.read(in);
        state = over ? State.TEXT : state;
        return over;
    }
}
