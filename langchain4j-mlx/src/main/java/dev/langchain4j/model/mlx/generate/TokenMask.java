package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
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
        int size = logits.dim(1);
        MlxArray bitOf = Indexing.arange(0, Integer.SIZE, DType.INT32);
        MlxArray bits = Ops.rightShift(MlxArray.of(words, words.length, 1), bitOf);
        MlxArray flat = Indexing.reshape(Ops.bitwiseAnd(bits, MlxArray.scalar(1, DType.INT32)), 1, -1);
        MlxArray allowed = Ops.astype(Indexing.slice(flat, 1, 0, size), DType.BOOL);
        return Ops.where(allowed, logits, MlxArray.scalar(Double.NEGATIVE_INFINITY, logits.dtype()));
    }
}
