package dev.langchain4j.mlx.text;

import dev.langchain4j.mlx.MlxException;
import dev.langchain4j.mlx.ffi.GrammarC;

/**
 * A place in a grammar: which tokens may come next. One generation owns it; calls from several threads wait for each
 * other. Once closed, every method but {@link #close} throws an {@link IllegalStateException}.
 */
public final class GrammarMatcher implements AutoCloseable {
    private final Handle handle;
    private final int vocabularySize;

    /** Takes ownership of the address. */
    GrammarMatcher(long address, int vocabularySize) {
        handle = new Handle("grammar matcher", address, GrammarC::close);
        this.vocabularySize = vocabularySize;
    }

    /** How many ints {@link #mask} needs: one bit for each of the model's logits. */
    public int maskWords() {
        return Math.ceilDiv(vocabularySize, Integer.SIZE);
    }

    /**
     * Fills in the tokens that may come next: token {@code t} is bit {@code t % 32} of {@code words[t / 32]}. Once
     * nothing can follow, these are the end tokens.
     *
     * @param words of length {@link #maskWords()} or more; what is left over is set to 0
     * @throws IllegalArgumentException if there are fewer words
     * @throws MlxException if the matcher was broken by a token that is not allowed, or the grammar is too complex
     */
    public void mask(int[] words) {
        if (words.length < maskWords()) {
            throw new IllegalArgumentException("words (" + words.length + ") must be at least " + maskWords());
        }
        handle.run(address -> GrammarC.mask(address, words));
    }

    /**
     * Takes tokens, an end token included.
     *
     * @throws MlxException if one is not allowed; the matcher is unusable from then on, except for {@link #close}
     */
    public void commit(int... ids) {
        handle.run(address -> GrammarC.commit(address, ids));
    }

    /** How many of these tokens, from the first on, the grammar allows; nothing is taken. */
    public int allowed(int... ids) {
        return handle.<Integer>alone(address -> GrammarC.allowed(address, ids));
    }

    /** Tokens that are certain to come next, so that no model needs to be asked; nothing is taken. */
    public int[] forced() {
        return handle.alone(GrammarC::forced);
    }

    /** Whether the text may end here. */
    public boolean isAccepting() {
        return handle.alone(GrammarC::isAccepting);
    }

    /** Whether nothing can follow: the grammar is at its end, an end token was taken, or the matcher is broken. */
    public boolean isStopped() {
        return handle.alone(GrammarC::isStopped);
    }

    /**
     * Takes back the last tokens.
     *
     * @throws IllegalArgumentException if the count is negative
     * @throws MlxException if there are not as many
     */
    public void rollback(int count) {
        if (count < 0) {
            throw new IllegalArgumentException("count (" + count + ") must not be negative");
        }
        handle.run(address -> GrammarC.rollback(address, count));
    }

    /** Goes back to the start of the grammar. */
    public void reset() {
        handle.run(GrammarC::reset);
    }

    /** A second matcher at the same place, independent from now on; the caller closes it. */
    public GrammarMatcher copy() {
        return new GrammarMatcher(handle.alone(GrammarC::copy), vocabularySize);
    }

    /** Frees the matcher; a second time does nothing. */
    @Override
    public void close() {
        handle.close();
    }
}
