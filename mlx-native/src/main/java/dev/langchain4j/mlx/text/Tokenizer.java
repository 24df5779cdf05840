package dev.langchain4j.mlx.text;

import dev.langchain4j.mlx.MlxException;
import dev.langchain4j.mlx.ffi.NativeLibrary;
import dev.langchain4j.mlx.ffi.TokenizerC;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A Hugging Face tokenizer, the one that the model was trained with. Texts are never truncated and never padded.
 *
 * <p>Safe for use by many threads. Close it when it is no longer needed; decode streams and grammar compilers that came
 * from it stay usable. Once closed, a method that encodes, decodes or looks a token up throws an
 * {@link IllegalStateException}.
 */
public final class Tokenizer implements AutoCloseable {
    private final Handle handle;
    private final int vocabularySize;
    private final BitSet added = new BitSet();
    private final BitSet special = new BitSet();

    private Tokenizer(long address) {
        handle = new Handle("tokenizer", address, TokenizerC::close);
        try {
            vocabularySize = TokenizerC.vocabularySize(address);
            int[] tokens = TokenizerC.addedTokens(address);
            for (int i = 0; i < tokens.length; i += 2) {
                added.set(tokens[i]);
                special.set(tokens[i], tokens[i + 1] == 1);
            }
        } catch (RuntimeException e) {
            handle.close();
            throw e;
        }
    }

    /**
     * Opens a tokenizer.
     *
     * @param file a tokenizer.json
     * @throws UncheckedIOException if the file cannot be read
     * @throws MlxException if it is not a tokenizer, or the native library is missing
     */
    public static Tokenizer fromFile(Path file) {
        byte[] json;
        try {
            json = Files.readAllBytes(file);
        } catch (IOException e) {
            throw new UncheckedIOException("tokenizer file (" + file + ") cannot be read", e);
        }
        return open(json, file.toString());
    }

    /**
     * Opens a tokenizer from the content of a tokenizer.json.
     *
     * @throws MlxException if it is not a tokenizer, or the native library is missing
     */
    public static Tokenizer fromJson(String json) {
        return open(json.getBytes(StandardCharsets.UTF_8), "given JSON");
    }

    private static Tokenizer open(byte[] json, String source) {
        // A missing library is said here, not wrapped into the error of a class that links to it.
        Objects.requireNonNull(NativeLibrary.text());
        try {
            return new Tokenizer(TokenizerC.open(json));
        } catch (MlxException e) {
            throw new MlxException("not a tokenizer (" + source + "): " + e.getMessage(), e);
        }
    }

    /**
     * The token ids of a text.
     *
     * @param addSpecial whether the tokenizer adds what it puts around every text, such as a start token; names of
     *     special tokens inside the text become those tokens either way
     */
    public int[] encode(String text, boolean addSpecial) {
        return handle.shared(address -> TokenizerC.encode(address, text, addSpecial));
    }

    /** As {@link #encode}, with each token's place in the text; about half as fast. */
    public Encoding encodeWithOffsets(String text, boolean addSpecial) {
        return new Encoding(handle.shared(address -> TokenizerC.encodeOffsets(address, text, addSpecial)));
    }

    /**
     * The text of token ids. Ids outside the vocabulary have no text; bytes that are no UTF-8 become U+FFFD.
     *
     * @param skipSpecial whether special tokens are left out
     */
    public String decode(int[] ids, boolean skipSpecial) {
        return handle.shared(address -> TokenizerC.decode(address, ids, skipSpecial));
    }

    /**
     * A stream that decodes tokens as they come; the caller closes it.
     *
     * @param skipSpecial whether special tokens are left out
     */
    public DecodeStream decodeStream(boolean skipSpecial) {
        return new DecodeStream(handle.shared(address -> TokenizerC.streamOpen(address, skipSpecial)));
    }

    /**
     * What compiles grammars over this vocabulary; the caller closes it. Making one takes some 100 ms for a large
     * vocabulary, so keep it.
     *
     * @param vocabularySize number of the model's logits, at least {@link #vocabularySize()}
     * @param ends ids of the tokens that end a text, at least one
     * @throws IllegalArgumentException if the size or an end token is out of range
     * @throws MlxException if the tokenizer is of a kind that grammars cannot work with
     */
    public GrammarCompiler grammarCompiler(int vocabularySize, int... ends) {
        if (vocabularySize < this.vocabularySize) {
            throw new IllegalArgumentException(
                    "vocabularySize (" + vocabularySize + ") must be at least the tokenizer's, " + this.vocabularySize);
        }
        if (ends.length == 0) {
            throw new IllegalArgumentException("ends must hold at least one token id");
        }
        for (int end : ends) {
            if (end < 0 || end >= vocabularySize) {
                throw new IllegalArgumentException("end token (" + end + ") must be in [0, " + vocabularySize + ")");
            }
        }
        return new GrammarCompiler(
                handle.shared(address -> GrammarCompiler.open(address, vocabularySize, ends)), vocabularySize);
    }

    /** One more than the largest token id, added tokens included. */
    public int vocabularySize() {
        return vocabularySize;
    }

    /** The vocabulary's entry of an id, as the vocabulary spells it; empty for an unknown id. */
    public Optional<String> token(int id) {
        return Optional.ofNullable(handle.shared(address -> TokenizerC.token(address, id)));
    }

    /** The id of a vocabulary's entry; empty for an unknown one. */
    public OptionalInt id(String token) {
        int id = handle.<Integer>shared(address -> TokenizerC.id(address, token));
        return id < 0 ? OptionalInt.empty() : OptionalInt.of(id);
    }

    /** Whether the id is a token that was added to the model's own vocabulary. */
    public boolean isAdded(int id) {
        return id >= 0 && added.get(id);
    }

    /** Whether the id is a special token: one that carries no text of its own, such as the end of a turn. */
    public boolean isSpecial(int id) {
        return id >= 0 && special.get(id);
    }

    /** Frees the tokenizer; a second time does nothing. */
    @Override
    public void close() {
        handle.close();
    }
}
