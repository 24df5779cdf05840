package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.mlx.text.Encoding;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.jinja.common.TextRanges;

/**
 * A stretch of a prompt's text between two turns that the model generated, with its tokens. Immutable; the arrays are
 * not to be changed.
 *
 * @param leading the text of the special token before it, in whose company it was tokenized; empty for none
 * @param text the stretch
 * @param ids its tokens
 * @param ends where each token ends in the stretch
 * @param spelled where texts of the request spell control tokens, which are text then
 */
record Piece(String leading, String text, int[] ids, int[] ends, TextRanges spelled) {

    /**
     * Tokenizes a stretch as the tokenizer would if {@code leading} stood before it: some treat the beginning of a text
     * in a special way, and some special tokens take white space behind them along.
     *
     * @param outside the characters of the stretch that texts of the request wrote
     */
    static Piece encode(String leading, String text, TextRanges outside, ControlTokens control) {
        Tokenizer tokenizer = control.tokenizer();
        String whole = leading + text;
        Encoding encoding = tokenizer.encodeWithOffsets(whole, false);
        TextRanges spelled = control.spelled(encoding, whole, outside.behind(leading.length()));
        if (!spelled.isEmpty()) {
            encoding = tokenizer.encodeWithOffsets(whole, false, spelled.bounds());
        }
        int skip = leading.isEmpty() ? 0 : 1;
        if (skip == 1 && (encoding.size() == 0 || encoding.end(0) < leading.length())) {
            // Not one token after all.
            return encode("", text, outside, control);
        }
        int[] ids = new int[encoding.size() - skip];
        int[] ends = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = encoding.id(i + skip);
            ends[i] = Math.max(0, encoding.end(i + skip) - leading.length());
        }
        return new Piece(leading, text, ids, ends, spelled.within(leading.length(), whole.length()));
    }

    /** Whether these are the tokens of the same text with these characters from texts of a request. */
    boolean fits(TextRanges outside, ControlTokens control) {
        int[] bounds = spelled.bounds();
        for (int i = 0; i < bounds.length; i += 2) {
            if (!outside.overlaps(bounds[i], bounds[i + 1])) {
                return false;
            }
        }
        for (int i = 0; i < ids.length && !outside.isEmpty(); i++) {
            if (control.contains(ids[i]) && outside.overlaps(i == 0 ? 0 : ends[i - 1], ends[i])) {
                return false;
            }
        }
        return true;
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
