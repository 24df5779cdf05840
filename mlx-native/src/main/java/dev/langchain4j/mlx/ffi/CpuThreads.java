package dev.langchain4j.mlx.ffi;

import java.lang.foreign.SymbolLookup;

/**
 * How many threads the CPU backend's matrix products use: a function of the library that stands for its BLAS on Linux.
 */
public final class CpuThreads {
    /** System property with the number of threads. */
    public static final String PROPERTY = "langchain4j.mlx.cpu.threads";

    private static final String FUNCTION = "langchain4j_mlx_set_cpu_threads";
    private static final int MAX = 256;

    private CpuThreads() {}

    /** Sets the number that the property says, else that of the JVM's processors. */
    static void setDefault(SymbolLookup mlx) {
        String wanted = System.getProperty(PROPERTY);
        int threads = Math.min(Runtime.getRuntime().availableProcessors(), MAX);
        if (wanted != null) {
            try {
                threads = Integer.parseInt(wanted.strip());
            } catch (NumberFormatException e) {
                throw new IllegalArgumentException(message(wanted), e);
            }
        }
        set(mlx, threads);
    }

    /**
     * Sets the number; without effect where the system has a BLAS of its own, as macOS.
     *
     * @throws IllegalArgumentException if it is not from 0 to 256
     */
    public static void set(SymbolLookup mlx, int threads) {
        if (threads < 0 || threads > MAX) {
            throw new IllegalArgumentException(message(threads));
        }
        if (mlx.find(FUNCTION).isEmpty()) {
            return;
        }
        try {
            Downcall.link(mlx, FUNCTION, "I)V").invokeExact(threads);
        } catch (Throwable e) {
            throw Downcall.failed(FUNCTION, e);
        }
    }

    private static String message(Object value) {
        return PROPERTY + " (" + value + ") must be a whole number from 0 to " + MAX;
    }
}
