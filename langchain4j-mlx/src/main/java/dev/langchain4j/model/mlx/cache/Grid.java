package dev.langchain4j.model.mlx.cache;

/**
 * Positions at which a prompt may be cut.
 *
 * @param tokens distance of the lines; 0 for any position
 */
record Grid(int tokens) {
    /** The last position at or before this one where a prompt may be cut. */
    int lineAt(int position) {
        return tokens == 0 ? position : position / tokens * tokens;
    }

    /** The last position of a request that may be kept: with a grid, of its prompt but for the last token. */
    int kept(int position, int promptLength) {
        return tokens == 0 ? position : Math.min(position, lineAt(promptLength - 1));
    }

    /** The last position at or before this one where prefill may stop and what it computed may be kept. */
    int stop(int position, int promptLength) {
        return lineAt(kept(position, promptLength));
    }
}
