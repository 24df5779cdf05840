package dev.langchain4j.model.mlx.parse;

/**
 * Follows the Markdown of a text to tell whether a place is inside of code: what looks like a call there is an example.
 *
 * <p>A fence is open until a line closes it. A span of backticks is one only if as many backticks close it in the same
 * paragraph, which is known later.
 */
final class CodeSpans {
    private static final int FENCE_MIN = 3;

    private boolean lineIsBlank = true;
    /** Backticks or tildes in a row, not yet known to be at their end. */
    private int run;

    private char runChar;
    private boolean runAtLineStart;
    /** The fence that is open: its character and length; 0 for none. */
    private int fence;

    private char fenceChar;
    /** A line that began with enough characters for a fence and has nothing against it so far. */
    private int fenceLine;

    private char fenceLineChar;
    /** Backticks that opened a span; 0 for none. */
    private int span;

    private int spansClosed;

    /** Whether the text stands inside of a fence. */
    boolean inFence() {
        return fence > 0;
    }

    /** Whether backticks are open, so that it is a span if as many follow in this paragraph. */
    boolean inSpan() {
        endRun();
        return span > 0;
    }

    /** As {@link #inSpan}, in the middle of what may be more backticks. */
    boolean inOpenSpan() {
        return span > 0 || run > 0;
    }

    /** How many spans were closed so far. */
    int spansClosed() {
        return spansClosed;
    }

    void accept(String text) {
        for (int i = 0; i < text.length(); i++) {
            accept(text.charAt(i));
        }
    }

    void accept(char c) {
        if ((c == '`' || c == '~') && (run == 0 || c == runChar)) {
            runAtLineStart = run == 0 ? lineIsBlank : runAtLineStart;
            runChar = c;
            run++;
            lineIsBlank = false;
            return;
        }
        endRun();
        if (c == '\n') {
            endLine();
        } else if (c == '`' || c == '~') {
            accept(c);
        } else if (!Character.isWhitespace(c)) {
            lineIsBlank = false;
            // Behind what closes a fence stands nothing.
            fenceLine = fence > 0 ? 0 : fenceLine;
        }
    }

    /** The run of backticks or tildes is over. */
    private void endRun() {
        if (run == 0) {
            return;
        }
        int length = run;
        run = 0;
        boolean fenceLike = runAtLineStart && length >= FENCE_MIN;
        if (fence > 0) {
            fenceLine = fenceLike && runChar == fenceChar && length >= fence ? length : 0;
            return;
        }
        if (fenceLike) {
            fenceLine = length;
            fenceLineChar = runChar;
        } else if (runChar == '`') {
            fenceLine = fenceLineChar == '`' ? 0 : fenceLine;
        }
        if (runChar == '`') {
            if (span == 0) {
                span = length;
            } else if (span == length) {
                span = 0;
                spansClosed++;
            }
        }
    }

    private void endLine() {
        if (fence > 0) {
            fence = fenceLine > 0 ? 0 : fence;
            span = 0;
        } else if (fenceLine > 0) {
            fence = fenceLine;
            fenceChar = fenceLineChar;
            span = 0;
        } else if (lineIsBlank) {
            span = 0;
        }
        fenceLine = 0;
        lineIsBlank = true;
    }
}
