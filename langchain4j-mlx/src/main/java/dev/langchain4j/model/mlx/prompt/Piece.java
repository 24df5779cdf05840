package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.mlx.text.Encoding;
import dev.langchain4j.mlx.text.Tokenizer;

/**
 * A stretch of a prompt's text between two turns that the model generated, with its tokens. Immutable; the arrays are not
 * to be changed.
 *
 * @param leading the text of the special token before it, in whose company it was tokenized; empty for none
 * @param text the stretch
 * @param ids its tokens
 * @param ends where each token ends in the stretch
 */
record Piece(String leading, String text, int[] ids, int[] ends) {

    /**
     * Tokenizes a stretch as the tokenizer would if {@code leading} stood before it: some treat the beginning of a text in
     * a special way, and some special tokens take white space behind them along.
     */
    static Piece encode(String leading, String text, Tokenizer tokenizer) {
        Encoding encoding = tokenizer.encodeWithOffsets(leading + text, false);
        int skip = leading.isEmpty() ? 0 : 1;
        if (skip == 1 && (encoding.size() == 0 || encoding.end(0) < leading.length())) {
            // Not one token after all.
            return encode("", text, tokenizer);
        }
        int[] ids = new int[encoding.size() - skip];
        int[] ends = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = encoding.id(i + skip);
            ends[i] = Math.max(0, encoding.end(i + skip) - leading.length());
        }
        return new Piece(leading, text, ids, ends);
    }

    /** How many tokens lie wholly in the first {@code chars} chars. */
    int tokensWithin(int chars) {
        int low = 0;
        int high = ids.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (ends[middle] <= chars) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    long bytes() {
        return 2L * text.length() + 8L * ids.length;
    }
}
