package dev.langchain4j.model.mlx.cache;

/** Whether a request may begin, by the memory that its prompt will take. */
public enum Admission {
    /** There is room, if need be for what is evicted. */
    NOW,
    /** There will be room when sessions that run have ended. */
    LATER,
    /** The prompt alone takes more than {@link CacheLimits#bytesMax}. */
    NEVER
}
