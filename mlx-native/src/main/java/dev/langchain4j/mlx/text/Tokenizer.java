package dev.langchain4j.mlx.text;

import dev.langchain4j.mlx.MlxException;
import dev.langchain4j.mlx.ffi.NativeLibrary;
import dev.langchain4j.mlx.ffi.TokenizerC;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.BitSet;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;

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
    /** Special tokens that are put around every text. */
    private final long around;

    private Tokenizer(long address) {
        handle = new Handle("tokenizer", address, TokenizerC::close);
        try {
            vocabularySize = TokenizerC.vocabularySize(address);
            int[] tokens = TokenizerC.addedTokens(address);
            for (int i = 0; i < tokens.length; i += 2) {
                added.set(tokens[i]);
                special.set(tokens[i], tokens[i + 1] == 1);
            }
            around = specials(TokenizerC.encode(address, "", true));
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

    /**
     * The token ids of a text in which names of special tokens are text, too, as in a user's words or a document.
     * Without such a name they are those of {@link #encode}.
     *
     * @param addSpecial whether the tokenizer adds what it puts around every text
     */
    public int[] encodeText(String text, boolean addSpecial) {
        int[] ids = encode(text, addSpecial);
        if (specials(ids) == (addSpecial ? around : 0)) {
            return ids;
        }
        Encoding encoding = encodeWithOffsets(text, addSpecial);
        int[] named = IntStream.range(0, encoding.size())
                .filter(i -> isSpecial(encoding.id(i)) && isNamed(encoding, i, text))
                .flatMap(i -> IntStream.of(encoding.start(i), encoding.end(i)))
                .toArray();
        return named.length == 0
                ? ids
                : encodeWithOffsets(text, addSpecial, named).ids();
    }

    /**
     * Whether the text has an added token's name where the token is; false for what the model itself gives for a text,
     * such as an unknown token, and for what is put around a text.
     */
    public boolean isNamed(Encoding encoding, int index, String text) {
        String place = text.substring(encoding.start(index), encoding.end(index));
        String name = token(encoding.id(index)).orElse("");
        return isAdded(encoding.id(index))
                && Normalizer.normalize(place, Normalizer.Form.NFKC)
                        .strip()
                        .equalsIgnoreCase(
                                Normalizer.normalize(name, Normalizer.Form.NFKC).strip());
    }

    private long specials(int[] ids) {
        return IntStream.of(ids).filter(this::isSpecial).count();
    }

    /** As {@link #encode}, with each token's place in the text; about half as fast. */
    public Encoding encodeWithOffsets(String text, boolean addSpecial) {
        return new Encoding(handle.shared(address -> TokenizerC.encodeOffsets(address, text, addSpecial)));
    }

    /**
     * As {@link #encodeWithOffsets(String, boolean)}, but with spans that are text, whatever they spell: where an added
     * token overlaps one of them, it is not read, and its name becomes ordinary tokens. With no span in an added token
     * the ids are the same as without spans.
     *
     * @param textSpans start and end of each span, the end exclusive, as indexes into the Java string; rising
     * @throws MlxException if the spans do not rise, or do not lie within the text
     */
    public Encoding encodeWithOffsets(String text, boolean addSpecial, int... textSpans) {
        if (textSpans.length == 0) {
            return encodeWithOffsets(text, addSpecial);
        }
        return new Encoding(
                handle.shared(address -> TokenizerC.encodeSpans(address, text, textSpans.clone(), addSpecial)));
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
     * @param vocabularySize number of the model's logits; tokens beyond it cannot be drawn, so grammars never ask for
     *     them
     * @param ends ids of the tokens that end a text, at least one
     * @throws IllegalArgumentException if the size or an end token is out of range
     * @throws MlxException if the tokenizer is of a kind that grammars cannot work with
     */
    public GrammarCompiler grammarCompiler(int vocabularySize, int... ends) {
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

    /** The ids of all tokens that were added to the model's own vocabulary, by rising id; a new array. */
    public int[] addedTokens() {
        return added.stream().toArray();
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
