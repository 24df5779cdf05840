package dev.langchain4j.model.mlx.parse;

/**
 * Answer and reasoning on their way to the sink.
 *
 * <p>White space next to a marker belongs to the format, not to the answer, so white space is held until text of its
 * kind follows; what is held when a marker was the last thing is dropped.
 */
final class TextFlow {

    private final class Lane {
        private final boolean thinking;
        private final StringBuilder held = new StringBuilder();
        private boolean started;
        private boolean markerSince;

        Lane(boolean thinking) {
            this.thinking = thinking;
        }

        void add(String piece) {
            if (piece.isEmpty()) {
                return;
            }
            int body = piece.length();
            while (body > 0 && Character.isWhitespace(piece.charAt(body - 1))) {
                body--;
            }
            if (body == 0) {
                held.append(piece);
                return;
            }
            String text = held + piece.substring(0, body);
            held.setLength(0);
            held.append(piece, body, piece.length());
            emit(!started && markerSince ? text.stripLeading() : text);
            started = true;
            markerSince = false;
        }

        void end() {
            if (!markerSince && !held.isEmpty()) {
                emit(held.toString());
            }
            held.setLength(0);
        }

        private void emit(String text) {
            if (thinking) {
                sink.thinking(text);
            } else {
                sink.text(text);
            }
        }
    }

    private final OutputSink sink;
    private final Lane text = new Lane(false);
    private final Lane thinking = new Lane(true);

    TextFlow(OutputSink sink) {
        this.sink = sink;
    }

    void text(String piece) {
        text.add(piece);
    }

    void thinking(String piece) {
        thinking.add(piece);
    }

    /** Text that looked like a call: goes out at once, behind the white space before it. */
    void malformed(String raw, String reason) {
        if (!text.held.isEmpty() && (text.started || !text.markerSince)) {
            text.emit(text.held.toString());
        }
        text.held.setLength(0);
        text.started = true;
        text.markerSince = false;
        sink.malformedToolCall(raw, reason);
    }

    /** A marker was read. */
    void marker() {
        text.markerSince = true;
        thinking.markerSince = true;
    }

    /** Whether the answer has anything but white space so far. */
    boolean hasText() {
        return text.started;
    }

    boolean hasThinking() {
        return thinking.started;
    }

    void end() {
        thinking.end();
        text.end();
    }
}
