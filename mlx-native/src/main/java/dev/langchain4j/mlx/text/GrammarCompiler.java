package dev.langchain4j.mlx.text;

import dev.langchain4j.mlx.MlxException;
import dev.langchain4j.mlx.ffi.GrammarC;

/**
 * Compiles grammars for one tokenizer and one number of logits. Safe for use by many threads. Once closed, every method
 * but {@link #close} throws an {@link IllegalStateException}.
 */
public final class GrammarCompiler implements AutoCloseable {
    private final Handle handle;
    private final int vocabularySize;

    /** Takes ownership of the address. */
    GrammarCompiler(long address, int vocabularySize) {
        handle = new Handle("grammar compiler", address, GrammarC::compilerClose);
        this.vocabularySize = vocabularySize;
    }

    static long open(long tokenizer, int vocabularySize, int[] ends) {
        return GrammarC.compilerOpen(tokenizer, vocabularySize, ends);
    }

    /**
     * A matcher at the start of the grammar; the caller closes it.
     *
     * @throws IllegalArgumentException if the grammar has an error or needs what llguidance does not support
     */
    public GrammarMatcher compile(Grammar grammar) {
        try {
            long matcher = handle.shared(address -> GrammarC.open(address, grammar.kind().tag, grammar.text()));
            return new GrammarMatcher(matcher, vocabularySize);
        } catch (MlxException e) {
            throw new IllegalArgumentException("grammar (" + grammar.kind() + "): " + e.getMessage(), e);
        }
    }

    /** Frees the compiler; its matchers stay usable. A second time does nothing. */
    @Override
    public void close() {
        handle.close();
    }
}
