package dev.langchain4j.model.mlx.cache;

import java.util.Objects;

/**
 * A memory ID that contains the application's ID and more: an AI service's conversation, for example. The application's
 * ID alone means all conversations that have it.
 */
public interface ConversationKey {

    /** The memory ID as the application knows it. */
    Object id();

    /**
     * Whether this ID distinguishes callers. If not, requests with this ID are isolated from one another under
     * isolation by memory ID.
     */
    default boolean tellsCallersApart() {
        return true;
    }

    /** Whether isolated requests that have this memory ID share with one another. */
    static boolean isolates(Object conversation) {
        return conversation instanceof ConversationKey key ? key.tellsCallersApart() : conversation != null;
    }

    /** Whether {@code known} means this conversation: it is the same ID, or the one that the application knows. */
    static boolean means(Object known, Object conversation) {
        return Objects.equals(known, conversation)
                || conversation instanceof ConversationKey key && key.id().equals(known);
    }
}
