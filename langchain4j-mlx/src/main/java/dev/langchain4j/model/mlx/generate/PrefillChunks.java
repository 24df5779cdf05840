package dev.langchain4j.model.mlx.generate;

/**
 * How long the chunks of a prompt are: as set for the device, but fewer tokens where attention would store too many
 * scores, one for each head, new token and token before it. Chunks end at positions that depend on nothing else, so
 * that a resumed prompt is computed in the same pieces as one from the start.
 *
 * @param tokens tokens of a chunk, at least 1; multiples of them always end one
 * @param scoreBytes bytes of scores for each new token and token that it attends to, in the layer that stores most; 0
 *     if none stores any
 * @param scoreBytesMax most bytes of scores of a chunk, unless it has no more than 32 tokens
 */
public record PrefillChunks(int tokens, long scoreBytes, long scoreBytesMax) {
    /** Below this, chunks get slow, for each of them reads all weights. */
    private static final int TOKENS_MIN = Prefill.PIECE_TOKENS_MIN;

    /** Chunks of this many tokens, whatever their scores. */
    public static PrefillChunks of(int tokens) {
        return new PrefillChunks(tokens, 0, Long.MAX_VALUE);
    }

    /** Where a chunk ends that begins at a position. */
    int end(int position) {
        int start = position / tokens * tokens;
        int piece = pieceTokens(start + tokens);
        return start + Math.min(tokens, ((position - start) / piece + 1) * piece);
    }

    /** Tokens of the equal pieces of a chunk that ends at a position. */
    private int pieceTokens(int end) {
        long bytesOfOne = scoreBytes * end;
        if (bytesOfOne <= scoreBytesMax / tokens) {
            return tokens;
        }
        int fit = (int) Math.clamp(scoreBytesMax / bytesOfOne, Math.min(tokens, TOKENS_MIN), tokens);
        return Math.ceilDiv(tokens, Math.ceilDiv(tokens, fit));
    }
}
