package dev.langchain4j.model.mlx.parse;

import java.util.List;

/**
 * Functionary: each message names its recipient first. What is for everyone is the answer, what is for a tool is a call
 * of it. The prompt ends where the first recipient is to be named.
 */
final class RecipientMachine implements OutputParser.Machine {

    private static final int NAME_MAX = 200;

    private enum State {
        HEADER,
        TEXT,
        ARGUMENTS
    }

    private final TextFlow flow;
    private final MessageCall call;
    private final ToolSchemas tools;
    private final CallFormat.Recipients marks;
    private final CodeSpans code = new CodeSpans();
    private State state = State.HEADER;

    RecipientMachine(TextFlow flow, CallEmitter calls, ToolSchemas tools, CallFormat.Recipients marks) {
        this.flow = flow;
        this.call = new MessageCall(flow, calls, List.of(marks.start()));
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
        Input.Match start = in.match(marks.start());
        int skip = start == Input.Match.YES ? marks.start().length() : 0;
        Input.Match header = start == Input.Match.MAYBE ? start : header(in, skip);
        if (header == Input.Match.MAYBE && !in.ended()) {
            return false;
        }
        in.skip(header == Input.Match.MAYBE && startsName(in) ? in.available() : 0);
        state = State.TEXT;
        if (header == Input.Match.YES) {
            open(in, skip);
        }
        return true;
    }

    /** Whether what was cut is the beginning of a header. */
    private boolean startsName(Input in) {
        String text = in.lookAhead(in.available());
        return marks.isControl()
                || marks.everyone().startsWith(text)
                || tools.names().stream().anyMatch(name -> (name + marks.headerEnd()).startsWith(text));
    }

    /** Whether a recipient and what ends a header stand so far ahead; one that is not known has arguments behind it. */
    private Input.Match header(Input in, int from) {
        int at = CallReader.nameEnd(in, from);
        if (at == in.available()) {
            return in.ended() && !in.cut() || at - from > NAME_MAX ? Input.Match.NO : Input.Match.MAYBE;
        }
        String name = in.lookAhead(at).substring(from);
        if (name.isEmpty()) {
            return Input.Match.NO;
        }
        Input.Match end = in.matchAhead(at, marks.headerEnd());
        boolean known = name.equals(marks.everyone()) || tools.contains(tools.named(name)) || marks.isControl();
        if (known || end != Input.Match.YES) {
            return end;
        }
        return tools.isEmpty()
                ? Input.Match.NO
                : in.matchAhead(at + marks.headerEnd().length(), "{");
    }

    private void open(Input in, int from) {
        in.mark();
        String name = in.lookAhead(CallReader.nameEnd(in, from)).substring(from);
        in.skip(from + name.length() + marks.headerEnd().length());
        flow.marker();
        if (name.equals(marks.everyone()) || tools.isEmpty()) {
            in.unmark();
            state = State.TEXT;
            return;
        }
        call.begin(tools.named(name));
        state = State.ARGUMENTS;
    }

    private boolean text(Input in) {
        for (int length = 0; length < in.available(); length++) {
            Input.Match start = in.matchAhead(length, marks.start());
            // In a fence or between backticks stands an example.
            if (start != Input.Match.NO && !marks.isControl() && (code.inFence() || code.inSpan())) {
                start = Input.Match.NO;
            }
            if (start == Input.Match.YES) {
                start = header(in, length + marks.start().length());
            }
            if (start != Input.Match.NO) {
                pass(in, length);
                if (start == Input.Match.YES) {
                    open(in, marks.start().length());
                } else if (in.ended()) {
                    in.skip(in.available());
                }
                return start == Input.Match.YES;
            }
            code.accept(in.ahead(length));
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
