package dev.langchain4j.mlx.ffi;

import java.lang.invoke.MethodHandle;

/**
 * Our own unwritten arrays for the CPU backend, of {@code native/unwritten.cpp}. Natives that have {@link FusedC} have
 * them.
 */
public final class UnwrittenC {
    private static final String UNWRITTEN = "langchain4j_mlx_unwritten";

    private UnwrittenC() {}

    /** An array of whatever lies in its memory; shape is an address of ints. */
    public static int array(long res, long shape, long dimensions, int type) {
        try {
            return (int) Made.HANDLE.invokeExact(res, shape, dimensions, type);
        } catch (Throwable e) {
            throw Downcall.failed(UNWRITTEN, e);
        }
    }

    private static final class Made {
        static final MethodHandle HANDLE = Downcall.link(UNWRITTEN, "JJJI)I");
    }
}
