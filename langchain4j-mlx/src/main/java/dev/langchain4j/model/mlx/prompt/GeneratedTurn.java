package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.model.mlx.calls.OutputFormat;
import java.util.List;

/**
 * A turn that the model generated: what it says, and its exact tokens. Immutable but for what was compared with it
 * last.
 */
final class GeneratedTurn {
    /** A text that does not have this turn in its first {@code limit} chars, read in this format. */
    record Rejected(String text, int limit, boolean reasoningOpen, OutputFormat format) {}

    /** What every entry costs beside its arrays and texts: a guess. */
    private static final int OVERHEAD_BYTES = 400;

    final TurnContent content;
    final Context context;
    final TurnReading reading;
    /** The memory ID, or null. */
    final Object conversation;
    /** Whether only requests of the same conversation may use it. */
    final boolean isolated;

    /** The prompt's text before it, from the generated turn before that one on. */
    final Piece before;
    /** What the template wrote behind the last message to open the turn; null if that is not known. */
    final String opening;
    /**
     * The end of the opening that templates leave out later, for there is no reasoning in it; empty if there is none.
     */
    final String emptyReasoning;

    final boolean reasoningOpen;
    /** Without an end token. */
    final int[] tokens;
    /** Text behind the tokens that belongs to the turn: the beginning of a token that a stop sequence cut. */
    final String rest;
    /** The token that ended it, or -1. */
    final int endToken;

    /** Chars of the turn's text. */
    final int textLength;

    final long bytes;

    /** How a template rendered it, if that was found to say the same. */
    volatile String verified;

    /** How a template rendered its message, where that was found not to say the same; the newest first. */
    private volatile List<Rejected> rejected = List.of();

    GeneratedTurn(
            TurnContent content,
            TurnReading reading,
            PromptOrigin origin,
            int[] tokens,
            String rest,
            int endToken,
            int textLength) {
        this.content = content;
        this.reading = reading;
        this.context = origin.context();
        this.conversation = origin.conversation();
        this.isolated = origin.isolated();
        this.before = origin.last();
        this.opening = origin.opening();
        this.reasoningOpen = origin.reasoningOpen();
        boolean filled =
                reasoningOpen && (reading.thinkingOpen() || !reading.thinking().isEmpty());
        this.emptyReasoning = filled ? "" : origin.emptyReasoning();
        this.tokens = tokens;
        this.rest = rest;
        this.endToken = endToken;
        this.textLength = textLength;
        // The text is held five times at most: as content, as its reading, as the template spells it, and as it did
        // before.
        this.bytes = OVERHEAD_BYTES + before.bytes() + 4L * tokens.length + 10L * textLength;
    }

    boolean isRejected(Rejected text) {
        return rejected.contains(text);
    }

    /** Notes what need not be read again. */
    void reject(Rejected text) {
        List<Rejected> before = rejected;
        if (text.text().length() <= textLength) {
            rejected = before.isEmpty() ? List.of(text) : List.of(text, before.getFirst());
        }
    }
}
