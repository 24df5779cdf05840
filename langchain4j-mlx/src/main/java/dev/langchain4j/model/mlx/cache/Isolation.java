package dev.langchain4j.model.mlx.cache;

/** Between which conversations prefixes are shared. */
public enum Isolation {
    /** All conversations share what they have in common. */
    SHARED,
    /**
     * A conversation reuses only its own prefixes, those of its forks, and prefixes that ship with the application, so
     * no tenant can detect another's prompts by timing. Requests without a memory ID, and those of AI services without
     * {@code @MemoryId}, which cannot be distinguished, share nothing: their prefixes are freed when they end.
     */
    PER_MEMORY_ID
}
