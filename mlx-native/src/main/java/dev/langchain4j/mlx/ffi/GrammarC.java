package dev.langchain4j.mlx.ffi;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;

/** The text library's functions of grammars. Handles are plain addresses; callers guard them. */
public final class GrammarC {
    private static final MethodHandle COMPILER_OPEN = TextOut.link("text_compiler_open", "JIJJJ)J");
    private static final MethodHandle COMPILER_CLOSE = TextOut.link("text_compiler_close", "J)V");
    private static final MethodHandle OPEN = TextOut.link("text_matcher_open", "JJJJJJ)J");
    private static final MethodHandle COPY = TextOut.link("text_matcher_copy", "JJ)J");
    private static final MethodHandle CLOSE = TextOut.link("text_matcher_close", "J)V");
    private static final MethodHandle MASK = TextOut.link("text_matcher_mask", "JJJJ)I");
    private static final MethodHandle COMMIT = TextOut.link("text_matcher_commit", "JJJJ)I");
    private static final MethodHandle ALLOWED = TextOut.link("text_matcher_allowed", "JJJJ)I");
    private static final MethodHandle FORCED = TextOut.link("text_matcher_forced", "JJ)I");
    private static final MethodHandle ACCEPTING = TextOut.link("text_matcher_accepting", "JJ)I");
    private static final MethodHandle STOPPED = TextOut.link("text_matcher_stopped", "J)I");
    private static final MethodHandle ROLLBACK = TextOut.link("text_matcher_rollback", "JJJ)I");
    private static final MethodHandle RESET = TextOut.link("text_matcher_reset", "JJ)I");

    private GrammarC() {}

    /** Opens a compiler for a tokenizer and a number of logits. */
    public static long compilerOpen(long tokenizer, int vocabularySize, int[] ends) {
        try (TextOut out = new TextOut()) {
            long copy = out.copy(ends);
            return out.check((long)
                    COMPILER_OPEN.invokeExact(tokenizer, vocabularySize, copy, (long) ends.length, out.address()));
        } catch (Throwable e) {
            throw Downcall.failed("text_compiler_open", e);
        }
    }

    /** Closes a compiler; its matchers live on. */
    public static void compilerClose(long compiler) {
        try {
            COMPILER_CLOSE.invokeExact(compiler);
        } catch (Throwable e) {
            throw Downcall.failed("text_compiler_close", e);
        }
    }

    /** Compiles a grammar of a kind that llguidance knows. */
    public static long open(long compiler, String kind, String grammar) {
        byte[] kindBytes = kind.getBytes(StandardCharsets.UTF_8);
        byte[] bytes = grammar.getBytes(StandardCharsets.UTF_8);
        try (TextOut out = new TextOut()) {
            long kindCopy = out.copy(kindBytes);
            long copy = out.copy(bytes);
            return out.check((long) OPEN.invokeExact(
                    compiler, kindCopy, (long) kindBytes.length, copy, (long) bytes.length, out.address()));
        } catch (Throwable e) {
            throw Downcall.failed("text_matcher_open", e);
        }
    }

    /** A second matcher in the same state. */
    public static long copy(long matcher) {
        try (TextOut out = new TextOut()) {
            return out.check((long) COPY.invokeExact(matcher, out.address()));
        } catch (Throwable e) {
            throw Downcall.failed("text_matcher_copy", e);
        }
    }

    /** Closes a matcher. */
    public static void close(long matcher) {
        try {
            CLOSE.invokeExact(matcher);
        } catch (Throwable e) {
            throw Downcall.failed("text_matcher_close", e);
        }
    }

    /** Fills the words with the tokens that may come next, one bit each, lowest first. */
    public static void mask(long matcher, int[] words) {
        try (TextOut out = new TextOut()) {
            MemorySegment space = out.space(words.length);
            out.check((int) MASK.invokeExact(matcher, space.address(), (long) words.length, out.address()));
            MemorySegment.copy(space, ValueLayout.JAVA_INT, 0, words, 0, words.length);
        } catch (Throwable e) {
            throw Downcall.failed("text_matcher_mask", e);
        }
    }

    /** Takes tokens. */
    public static void commit(long matcher, int[] ids) {
        try (TextOut out = new TextOut()) {
            long copy = out.copy(ids);
            out.check((int) COMMIT.invokeExact(matcher, copy, (long) ids.length, out.address()));
        } catch (Throwable e) {
            throw Downcall.failed("text_matcher_commit", e);
        }
    }

    /** How many of these tokens, from the first on, may come next. */
    public static int allowed(long matcher, int[] ids) {
        try (TextOut out = new TextOut()) {
            long copy = out.copy(ids);
            out.check((int) ALLOWED.invokeExact(matcher, copy, (long) ids.length, out.address()));
            return out.numbers()[0];
        } catch (Throwable e) {
            throw Downcall.failed("text_matcher_allowed", e);
        }
    }

    /** The tokens that are certain to come next. */
    public static int[] forced(long matcher) {
        try (TextOut out = new TextOut()) {
            out.check((int) FORCED.invokeExact(matcher, out.address()));
            return out.numbers();
        } catch (Throwable e) {
            throw Downcall.failed("text_matcher_forced", e);
        }
    }

    /** Whether the text may end here. */
    public static boolean isAccepting(long matcher) {
        try (TextOut out = new TextOut()) {
            return out.check((int) ACCEPTING.invokeExact(matcher, out.address()));
        } catch (Throwable e) {
            throw Downcall.failed("text_matcher_accepting", e);
        }
    }

    /** Whether no more tokens can follow. */
    public static boolean isStopped(long matcher) {
        try {
            return (int) STOPPED.invokeExact(matcher) == 0;
        } catch (Throwable e) {
            throw Downcall.failed("text_matcher_stopped", e);
        }
    }

    /** Takes the last tokens back. */
    public static void rollback(long matcher, int count) {
        try (TextOut out = new TextOut()) {
            out.check((int) ROLLBACK.invokeExact(matcher, (long) count, out.address()));
        } catch (Throwable e) {
            throw Downcall.failed("text_matcher_rollback", e);
        }
    }

    /** Starts anew. */
    public static void reset(long matcher) {
        try (TextOut out = new TextOut()) {
            out.check((int) RESET.invokeExact(matcher, out.address()));
        } catch (Throwable e) {
            throw Downcall.failed("text_matcher_reset", e);
        }
    }
}
