package dev.langchain4j.model.mlx.parse;

import java.util.List;

/** A call that is a message of its own: a header that names the tool, and behind it its arguments as JSON. */
final class MessageCall {
    private final TextFlow flow;
    private final CallEmitter calls;
    /** What ends a message; a call without arguments has nothing before it. */
    private final List<String> ends;

    private LenientJson value;
    private boolean empty;

    MessageCall(TextFlow flow, CallEmitter calls, List<String> ends) {
        this.flow = flow;
        this.calls = calls;
        this.ends = ends;
    }

    void begin(String name) {
        calls.openBlock(false);
        calls.begin(name, null);
        value = new LenientJson(LenientJson.Dialect.LITERAL);
        empty = true;
    }

    /**
     * Reads on; what cannot be read as a call goes back, from the mark in the input on.
     *
     * @return whether the message is over; else more text is needed
     */
    boolean read(Input in) {
        if (empty) {
            in.skipWhitespace();
            Input.Match end = in.empty() && !in.ended() ? Input.Match.MAYBE : in.matchAny(0, ends);
            if (end == Input.Match.YES || in.empty() && in.ended() && !in.cut()) {
                return complete(in);
            }
            if (end == Input.Match.MAYBE && !in.ended()) {
                return false;
            }
            empty = in.empty();
        }
        LenientJson.Status status = value.read(in, calls.arguments());
        if (status == LenientJson.Status.FAILED) {
            return giveBack(in, value.failure());
        }
        calls.flush();
        if (status == LenientJson.Status.WAIT) {
            if (!in.ended()) {
                return false;
            }
            in.skip(in.available());
            return giveBack(in, "the output ended inside of a tool call");
        }
        return complete(in);
    }

    private boolean complete(Input in) {
        String reason = calls.complete();
        if (reason != null) {
            return giveBack(in, reason);
        }
        in.unmark();
        calls.deliver();
        flow.marker();
        return true;
    }

    private boolean giveBack(Input in, String reason) {
        String raw = in.sinceMark();
        in.unmark();
        calls.dropBlock();
        if (in.cut() && in.empty()) {
            flow.marker();
        } else {
            flow.malformed(raw, reason);
        }
        return true;
    }
}
