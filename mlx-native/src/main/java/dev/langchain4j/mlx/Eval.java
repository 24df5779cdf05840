package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.MlxC;

/** Computes lazy arrays. Nothing is computed any more once the JVM is shutting down: that is an {@link MlxException}. */
public final class Eval {
    private Eval() {}

    /** Computes these arrays and waits for them. */
    public static void eval(MlxArray... arrays) {
        OwnerThread t = OwnerThread.current();
        Shutdown.check();
        long vector = t.vector(arrays);
        try {
            t.check(MlxC.mlx_eval(vector), "eval");
        } finally {
            MlxC.mlx_vector_array_free(vector);
        }
    }

    /** Starts computing these arrays and returns; reading one waits for it. */
    public static void async(MlxArray... arrays) {
        OwnerThread t = OwnerThread.current();
        Shutdown.check();
        long vector = t.vector(arrays);
        try {
            t.check(MlxC.mlx_async_eval(vector), "async_eval");
        } finally {
            MlxC.mlx_vector_array_free(vector);
        }
    }

    /** Waits for all that was started on this thread's stream. */
    public static void synchronize() {
        OwnerThread t = OwnerThread.current();
        t.check(MlxC.mlx_synchronize(t.stream), "synchronize");
    }
}
