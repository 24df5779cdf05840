package dev.langchain4j.mlx;

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
}
