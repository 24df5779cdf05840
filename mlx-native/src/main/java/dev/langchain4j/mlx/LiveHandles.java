package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.Handles;

/** How many native handles this process holds. Tests end with the count that they began with. */
public final class LiveHandles {
    private LiveHandles() {}

    /** Number of native handles that were made and not yet freed, of all threads. */
    public static long count() {
        return Handles.count();
    }
}
