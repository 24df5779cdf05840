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

    /** The last position at or before this one where a prompt of these tokens may be cut: not inside of a picture. */
    int lineAt(int position, int[] prompt) {
        int line = lineAt(position);
        while (isInside(line, prompt)) {
            line = lineAt(line - 1);
        }
        return line;
    }

    /**
     * Whether a position lies inside of something that is used as a whole or not at all. Its tokens are negative: a few
     * of them say too little to tell it from another one.
     */
    static boolean isInside(int position, int[] tokens) {
        return position > 0 && position < tokens.length && tokens[position - 1] < 0 && tokens[position] < 0;
    }

    /** The last position of a request that may be kept: with a grid, of its prompt but for the last token. */
    int kept(int position, int promptLength) {
        return tokens == 0 ? position : Math.min(position, lineAt(promptLength - 1));
    }

    /** The last position at or before this one where prefill may stop and what it computed may be kept. */
    int stop(int position, int[] prompt) {
        return lineAt(kept(position, prompt.length), prompt);
    }
}
