package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.MlxC;
import java.util.function.LongToIntFunction;

/**
 * Computes lazy arrays. When the JVM shuts down and the grace period of the thread is over, nothing is computed any
 * more: that is an {@link MlxException}.
 */
public final class Eval {
    private Eval() {}

    /** Computes these arrays and waits for them. */
    public static void eval(MlxArray... arrays) {
        compute(MlxC::mlx_eval, "eval", arrays);
    }

    /** Starts computing these arrays and returns; reading one waits for it. */
    public static void async(MlxArray... arrays) {
        compute(MlxC::mlx_async_eval, "async_eval", arrays);
    }

    private static void compute(LongToIntFunction function, String operation, MlxArray... arrays) {
        OwnerThread t = OwnerThread.current();
        Shutdown.check(t);
        long vector = t.vector(arrays);
        try {
            t.check(function.applyAsInt(vector), operation);
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
