package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.CpuThreads;
import dev.langchain4j.mlx.ffi.NativeLibrary;
import java.util.Objects;

/** The native libraries of this process: MLX and the text library. */
public final class NativeLibraries {
    private NativeLibraries() {}

    /**
     * Loads them, if that was not done before. Everything here does so by itself; to begin with it tells early what is
     * missing. Thread-safe.
     *
     * @throws NativeLibraryException if one is missing; the message names each place that was tried, what there is for
     *     this platform, and what helps
     */
    public static void load() {
        Objects.requireNonNull(NativeLibrary.mlx());
        Objects.requireNonNull(NativeLibrary.text());
    }

    /**
     * Sets how many threads compute a matrix product on the CPU, for this process. By default as many as the JVM has
     * processors, containers' limits included; the system property {@code langchain4j.mlx.cpu.threads} sets another
     * number at the start. A GPU computes without them.
     *
     * @param threads from 1 to 256; or 0 for the threads of OpenBLAS, which are as fast on a machine of their own and
     *     slow beside other work, because they wait for each other
     * @throws IllegalArgumentException if it is another number
     * @throws NativeLibraryException if the library is missing
     */
    public static void cpuThreads(int threads) {
        CpuThreads.set(NativeLibrary.mlx(), threads);
    }
}
