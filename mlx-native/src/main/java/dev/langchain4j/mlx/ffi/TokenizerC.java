package dev.langchain4j.mlx.ffi;

import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;

/** The text library's functions of tokenizers and decode streams. Handles are plain addresses; callers guard them. */
public final class TokenizerC {
    private static final MethodHandle OPEN = TextOut.link("text_tokenizer_open", "JJJ)J");
    private static final MethodHandle CLOSE = TextOut.link("text_tokenizer_close", "J)V");
    private static final MethodHandle ENCODE = TextOut.link("text_encode", "JJJZJ)I");
    private static final MethodHandle ENCODE_OFFSETS = TextOut.link("text_encode_offsets", "JJJZJ)I");
    private static final MethodHandle ENCODE_SPANS = TextOut.link("text_encode_spans", "JJJJJZJ)I");
    private static final MethodHandle DECODE = TextOut.link("text_decode", "JJJZJ)I");
    private static final MethodHandle VOCABULARY_SIZE = TextOut.link("text_vocabulary_size", "JJ)I");
    private static final MethodHandle ID_TO_TOKEN = TextOut.link("text_id_to_token", "JIJ)I");
    private static final MethodHandle TOKEN_TO_ID = TextOut.link("text_token_to_id", "JJJJ)I");
    private static final MethodHandle ADDED_TOKENS = TextOut.link("text_added_tokens", "JJ)I");
    private static final MethodHandle STREAM_OPEN = TextOut.link("text_stream_open", "JZJ)J");
    private static final MethodHandle STREAM_CLOSE = TextOut.link("text_stream_close", "J)V");
    private static final MethodHandle STREAM_STEP = TextOut.link("text_stream_step", "JIJ)I");
    private static final MethodHandle STREAM_FINISH = TextOut.link("text_stream_finish", "JJ)I");

    private TokenizerC() {}

    /** Opens a tokenizer from the content of a tokenizer.json. */
    public static long open(byte[] json) {
        try (TextOut out = new TextOut()) {
            return out.check((long) OPEN.invokeExact(out.copy(json), (long) json.length, out.address()));
        } catch (Throwable e) {
            throw Downcall.failed("text_tokenizer_open", e);
        }
    }

    /** Closes a tokenizer; its streams and compilers live on. */
    public static void close(long tokenizer) {
        try {
            CLOSE.invokeExact(tokenizer);
        } catch (Throwable e) {
            throw Downcall.failed("text_tokenizer_close", e);
        }
    }

    /** The token ids of a text. */
    public static int[] encode(long tokenizer, String text, boolean addSpecial) {
        return encode(ENCODE, tokenizer, text, addSpecial);
    }

    /** (id, start, end) for each token of a text, in UTF-16 units. */
    public static int[] encodeOffsets(long tokenizer, String text, boolean addSpecial) {
        return encode(ENCODE_OFFSETS, tokenizer, text, addSpecial);
    }

    /** As {@link #encodeOffsets}; in the spans, pairs of UTF-16 positions, no added token is read. */
    public static int[] encodeSpans(long tokenizer, String text, int[] spans, boolean addSpecial) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        try (TextOut out = new TextOut()) {
            long copy = out.copy(bytes);
            long pairs = out.copy(spans);
            out.check((int) ENCODE_SPANS.invokeExact(
                    tokenizer, copy, (long) bytes.length, pairs, (long) spans.length, addSpecial, out.address()));
            return out.numbers();
        } catch (Throwable e) {
            throw Downcall.failed("text_encode_spans", e);
        }
    }

    private static int[] encode(MethodHandle function, long tokenizer, String text, boolean addSpecial) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        try (TextOut out = new TextOut()) {
            long copy = out.copy(bytes);
            out.check((int) function.invokeExact(tokenizer, copy, (long) bytes.length, addSpecial, out.address()));
            return out.numbers();
        } catch (Throwable e) {
            throw Downcall.failed("text_encode", e);
        }
    }

    /** The text of token ids. */
    public static String decode(long tokenizer, int[] ids, boolean skipSpecial) {
        try (TextOut out = new TextOut()) {
            long copy = out.copy(ids);
            out.check((int) DECODE.invokeExact(tokenizer, copy, (long) ids.length, skipSpecial, out.address()));
            return out.text();
        } catch (Throwable e) {
            throw Downcall.failed("text_decode", e);
        }
    }

    /** One more than the largest token id. */
    public static int vocabularySize(long tokenizer) {
        try (TextOut out = new TextOut()) {
            out.check((int) VOCABULARY_SIZE.invokeExact(tokenizer, out.address()));
            return out.numbers()[0];
        } catch (Throwable e) {
            throw Downcall.failed("text_vocabulary_size", e);
        }
    }

    /** The vocabulary's entry, null for an unknown id. */
    public static String token(long tokenizer, int id) {
        try (TextOut out = new TextOut()) {
            return out.check((int) ID_TO_TOKEN.invokeExact(tokenizer, id, out.address())) ? out.text() : null;
        } catch (Throwable e) {
            throw Downcall.failed("text_id_to_token", e);
        }
    }

    /** The id of a vocabulary's entry, -1 for an unknown one. */
    public static int id(long tokenizer, String token) {
        byte[] bytes = token.getBytes(StandardCharsets.UTF_8);
        try (TextOut out = new TextOut()) {
            long copy = out.copy(bytes);
            int status = (int) TOKEN_TO_ID.invokeExact(tokenizer, copy, (long) bytes.length, out.address());
            return out.check(status) ? out.numbers()[0] : -1;
        } catch (Throwable e) {
            throw Downcall.failed("text_token_to_id", e);
        }
    }

    /** (id, 1 if special else 0) for each added token, by rising id. */
    public static int[] addedTokens(long tokenizer) {
        try (TextOut out = new TextOut()) {
            out.check((int) ADDED_TOKENS.invokeExact(tokenizer, out.address()));
            return out.numbers();
        } catch (Throwable e) {
            throw Downcall.failed("text_added_tokens", e);
        }
    }

    /** Opens a decode stream. */
    public static long streamOpen(long tokenizer, boolean skipSpecial) {
        try (TextOut out = new TextOut()) {
            return out.check((long) STREAM_OPEN.invokeExact(tokenizer, skipSpecial, out.address()));
        } catch (Throwable e) {
            throw Downcall.failed("text_stream_open", e);
        }
    }

    /** Closes a decode stream. */
    public static void streamClose(long stream) {
        try {
            STREAM_CLOSE.invokeExact(stream);
        } catch (Throwable e) {
            throw Downcall.failed("text_stream_close", e);
        }
    }

    /** The text that an id completes, empty if none. */
    public static String streamStep(long stream, int id) {
        try (TextOut out = new TextOut()) {
            return out.check((int) STREAM_STEP.invokeExact(stream, id, out.address())) ? out.text() : "";
        } catch (Throwable e) {
            throw Downcall.failed("text_stream_step", e);
        }
    }

    /** The text that still waits, empty if none; the stream starts anew. */
    public static String streamFinish(long stream) {
        try (TextOut out = new TextOut()) {
            return out.check((int) STREAM_FINISH.invokeExact(stream, out.address())) ? out.text() : "";
        } catch (Throwable e) {
            throw Downcall.failed("text_stream_finish", e);
        }
    }
}
