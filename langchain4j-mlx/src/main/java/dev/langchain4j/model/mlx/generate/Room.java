package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.model.mlx.cache.CacheSession;

/** Whether there is memory for running sequences to grow. */
interface Room {
    /** Whether the layers of a session may grow to so many tokens, those that they hold included. */
    boolean isFor(CacheSession session, int tokens);
}
