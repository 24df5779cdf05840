package dev.langchain4j.model.mlx.generate;

/**
 * The reasoning of an answer: counts its tokens and, at a limit, writes the text that closes it in the place of what is
 * drawn. Who reads the answer says where it is reasoning ({@link GenerationListener#isThinking}), so a token counts
 * that stands between the markers, those of the closing text included.
 */
final class Reasoning {
    private static final int[] NONE = {};

    private final GenerationListener listener;
    /** Null for none. */
    private final ReasoningLimit limit;
    /** Null if any token may come. */
    private TokenMask mask;

    private int count;
    private boolean cut;
    /** Whether this opening of the reasoning was closed; it is not closed twice. */
    private boolean closed;

    private int[] closing = NONE;
    private int written;

    Reasoning(GenerationListener listener, ReasoningLimit limit) {
        this.listener = listener;
        this.limit = limit;
    }

    /** What the answer may have. */
    void under(TokenMask allowed) {
        mask = allowed;
    }

    /** The reasoning may be open before the first token. */
    void begin() {
        closeAtLimit(listener.isThinking());
    }

    /**
     * A token was passed on to the listener.
     *
     * @param whole whether the text so far ends with a whole character, behind which other text may follow
     */
    void passed(boolean whole) {
        boolean thinking = listener.isThinking();
        count += thinking ? 1 : 0;
        closed &= thinking;
        closeAtLimit(thinking && whole);
    }

    private void closeAtLimit(boolean possible) {
        if (limit != null && possible && !closed && !isClosing() && count >= limit.maxTokens()) {
            closing = firstAllowed(cut ? limit.closingAgain() : limit.closing());
            written = 0;
            closed = true;
            cut |= isClosing();
        }
    }

    private int[] firstAllowed(int[][] texts) {
        for (int[] text : texts) {
            if (mask == null || mask.allowed(text) == text.length) {
                return text;
            }
        }
        return NONE;
    }

    /** Whether {@link #next} has a say in the next token. */
    boolean isClosing() {
        return written < closing.length;
    }

    /** The next token, which is not the one that was drawn. To be called while {@link #isClosing}. */
    int next() {
        return closing[written++];
    }

    /** Tokens of reasoning. */
    int count() {
        return count;
    }

    /** Whether the limit closed it. */
    boolean wasCut() {
        return cut;
    }
}
