package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.Logits;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.text.GrammarMatcher;

/** The tokens that a grammar allows next, as bits, and what they leave of the logits. Borrows the matcher. */
final class TokenMask {
    private final GrammarMatcher grammar;
    private final int[] words;

    TokenMask(GrammarMatcher grammar) {
        this.grammar = grammar;
        this.words = new int[grammar.maskWords()];
    }

    /** Finds out what may come next. CPU work only, so that it can be done while a step is computed. */
    void compute() {
        grammar.mask(words);
    }

    /** Takes the token that was drawn; whether nothing but the end can follow. */
    boolean accept(int token) {
        if (!grammar.isStopped()) {
            grammar.commit(token);
        }
        return grammar.isStopped();
    }

    /**
     * The logits with minus infinity for what is not allowed.
     *
     * @param logits [1, vocabulary]
     * @return [1, vocabulary], a temporary of the current scope
     */
    MlxArray apply(MlxArray logits) {
        return Logits.masked(logits, words);
    }
}
