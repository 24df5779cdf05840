package dev.langchain4j.mlx.ffi;

import java.lang.invoke.MethodHandle;

/**
 * Our own operations on rows of logits for the CPU backend, of {@code native/logits.cpp}. Natives of Linux have them.
 */
public final class LogitsC {
    private static final String DRAW = "langchain4j_mlx_draw";
    private static final String LIKELIEST = "langchain4j_mlx_likeliest";
    private static final String MASK = "langchain4j_mlx_mask";

    private LogitsC() {}

    /** Whether the loaded library has them. */
    public static boolean exist() {
        return NativeLibrary.mlx().find(DRAW).isPresent();
    }

    /** Draws from each row as a struct says, or, if narrowed, gives what is drawn from. */
    public static int draw(long res, long logits, long draws, long count, boolean narrowed, long stream) {
        try {
            return (int) Draw.HANDLE.invokeExact(res, logits, draws, count, narrowed, stream);
        } catch (Throwable e) {
            throw Downcall.failed(DRAW, e);
        }
    }

    private static final class Draw {
        static final MethodHandle HANDLE = Downcall.link(DRAW, "JJJJZJ)I");
    }

    /** A vector of the likeliest logits of each row, their ids, and the logarithm of the sum of all exponentials. */
    public static int likeliest(long res, long logits, int count, long stream) {
        try {
            return (int) Likeliest.HANDLE.invokeExact(res, logits, count, stream);
        } catch (Throwable e) {
            throw Downcall.failed(LIKELIEST, e);
        }
    }

    private static final class Likeliest {
        static final MethodHandle HANDLE = Downcall.link(LIKELIEST, "JJIJ)I");
    }

    /** Minus infinity where the bit of an id is not set. */
    public static int mask(long res, long logits, long words, long stream) {
        try {
            return (int) Mask.HANDLE.invokeExact(res, logits, words, stream);
        } catch (Throwable e) {
            throw Downcall.failed(MASK, e);
        }
    }

    private static final class Mask {
        static final MethodHandle HANDLE = Downcall.link(MASK, "JJJJ)I");
    }
}
