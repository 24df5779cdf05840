package dev.langchain4j.mlx.ffi;

import java.util.concurrent.atomic.LongAdder;

/** Counts native handles of all kinds. */
public final class Handles {
    private static final LongAdder LIVE = new LongAdder();

    private Handles() {}

    /** Says that a handle was made. */
    public static void opened() {
        LIVE.increment();
    }

    /** Says that a handle was freed. */
    public static void closed() {
        LIVE.decrement();
    }

    /** Handles that are alive. */
    public static long count() {
        return LIVE.sum();
    }
}
