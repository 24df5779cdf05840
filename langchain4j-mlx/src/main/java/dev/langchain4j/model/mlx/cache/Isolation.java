package dev.langchain4j.model.mlx.cache;

/** Between which conversations prefixes are shared. */
public enum Isolation {
    /** All conversations share what they have in common. */
    SHARED,
    /**
     * A conversation reuses only what it computed itself, so that nobody can learn of another's prompt by timing, and
     * prefixes that ship with the application. Requests without a memory ID, and those of AI services without
     * {@code @MemoryId}, which cannot be told apart, share with nobody: what they computed is freed when they end.
     */
    PER_MEMORY_ID
}
