package dev.langchain4j.model.mlx.parse;

/** A call that is a message of its own: a header that names the tool, and behind it its arguments as JSON. */
final class MessageCall {
    private final TextFlow flow;
    private final CallEmitter calls;
    private LenientJson value;

    MessageCall(TextFlow flow, CallEmitter calls) {
        this.flow = flow;
        this.calls = calls;
    }

    void begin(String name) {
        calls.begin(name, null);
        value = new LenientJson(LenientJson.Dialect.LITERAL);
    }

    /**
     * Reads on; what cannot be read as a call goes back, from the mark in the input on.
     *
     * @return whether the message is over; else more text is needed
     */
    boolean read(Input in) {
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
        String reason = calls.complete();
        if (reason != null) {
            return giveBack(in, reason);
        }
        in.unmark();
        flow.marker();
        return true;
    }

    private boolean giveBack(Input in, String reason) {
        String raw = in.sinceMark();
        in.unmark();
        flow.malformed(raw, reason);
        return true;
    }
}
