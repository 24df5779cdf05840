package dev.langchain4j.model.mlx.cache;

/**
 * The kind of message that ends at a stored position. The order is that in which {@link EvictionOrder#byTier} evicts.
 */
public enum Tier {
    /** An assistant's turn, a tool's result, or any position that nobody named. */
    ASSISTANT,
    /** The end of a user's message. */
    USER,
    /** The end of the system message and the tools, shared by all conversations that use them. */
    SYSTEM
}
