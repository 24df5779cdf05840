package dev.langchain4j.model.mlx.embed;

import dev.langchain4j.mlx.text.Tokenizer;
import java.util.Arrays;

/**
 * Texts to token ids with the special tokens around them that the tokenizer puts there; what is too long loses its end,
 * never the special tokens. Thread-safe.
 */
final class TextTokens {
    private static final String PROBE = "a";

    private final Tokenizer tokenizer;
    private final int tokensMax;
    /** Special tokens before and after a text. */
    private final int before;

    private final int after;

    TextTokens(Tokenizer tokenizer, int tokensMax) {
        this.tokenizer = tokenizer;
        this.tokensMax = tokensMax;
        int[] plain = tokenizer.encode(PROBE, false);
        int[] whole = tokenizer.encode(PROBE, true);
        int found = 0;
        while (found + plain.length <= whole.length
                && !Arrays.equals(plain, Arrays.copyOfRange(whole, found, found + plain.length))) {
            found++;
        }
        boolean contained = found + plain.length <= whole.length;
        before = contained ? found : 0;
        after = contained ? whole.length - found - plain.length : 0;
    }

    /** Special tokens around a text. */
    int special() {
        return before + after;
    }

    /** The ids of a text, in which names of special tokens are text. */
    int[] encode(String text) {
        int[] ids = tokenizer.encodeText(text, true);
        if (ids.length <= tokensMax) {
            return ids;
        }
        int[] cut = Arrays.copyOf(ids, tokensMax);
        System.arraycopy(ids, ids.length - after, cut, tokensMax - after, after);
        return cut;
    }

    /** Tokens at the beginning of a text that a prompt before it makes. */
    int promptTokens(String prompt) {
        return prompt.isEmpty()
                ? 0
                : Math.min(tokensMax - 1 - after, tokenizer.encodeText(prompt, true).length - after);
    }
}
