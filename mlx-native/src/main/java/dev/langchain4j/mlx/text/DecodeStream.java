package dev.langchain4j.mlx.text;

import dev.langchain4j.mlx.ffi.TokenizerC;

/**
 * Decodes tokens as they come. A token may hold only part of a character; the text comes out once the character is
 * whole. All the pieces together are what {@link Tokenizer#decode} gives for all the ids. Calls from several threads
 * wait for each other. Once closed, every method but {@link #close} throws an {@link IllegalStateException}.
 */
public final class DecodeStream implements AutoCloseable {
    private final Handle handle;

    DecodeStream(long address) {
        handle = new Handle("decode stream", address, TokenizerC::streamClose);
    }

    /** The text that this token completes, often empty. */
    public String step(int id) {
        return handle.alone(address -> TokenizerC.streamStep(address, id));
    }

    /** The text that still waits, often empty; a character that never became whole is U+FFFD. Starts a new text. */
    public String finish() {
        return handle.alone(TokenizerC::streamFinish);
    }

    /** Frees the stream; a second time does nothing. */
    @Override
    public void close() {
        handle.close();
    }
}
