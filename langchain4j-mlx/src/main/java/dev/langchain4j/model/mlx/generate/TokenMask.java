package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.Logits;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.text.GrammarMatcher;

/** The tokens that a grammar allows next, as bits, and what they leave of the logits. Borrows the matcher. */
final class TokenMask {
    private final GrammarMatcher grammar;
    /** Those of one position. */
    private final int[] words;
    /** Those of all positions. */
    private int[] rows;

    TokenMask(GrammarMatcher grammar) {
        this.grammar = grammar;
        this.words = new int[grammar.maskWords()];
    }

    GrammarMatcher grammar() {
        return grammar;
    }

    /**
     * Finds out what may come next, and behind each of these tokens that may follow, which are not taken. CPU work
     * only, so that it can be done while a step is computed.
     */
    void compute(int... drafts) {
        rows = drafts.length == 0 ? words : new int[(drafts.length + 1) * words.length];
        for (int i = 0; i <= drafts.length; i++) {
            grammar.mask(words);
            if (rows != words) {
                System.arraycopy(words, 0, rows, i * words.length, words.length);
            }
            if (i < drafts.length) {
                grammar.commit(drafts[i]);
            }
        }
        if (drafts.length > 0) {
            grammar.rollback(drafts.length);
        }
    }

    /** Takes the token that was drawn; whether nothing but the end can follow. */
    boolean accept(int token) {
        if (!grammar.isStopped()) {
            grammar.commit(token);
        }
        return grammar.isStopped();
    }

    /** How many of these tokens, from the first on, may come; nothing is taken. */
    int allowed(int... tokens) {
        return grammar.isStopped() ? 0 : grammar.allowed(tokens);
    }

    /**
     * The logits with minus infinity for what is not allowed.
     *
     * @param logits [positions, vocabulary]
     * @return [positions, vocabulary], a temporary of the current scope
     */
    MlxArray apply(MlxArray logits) {
        return Logits.masked(logits, rows);
    }
}
