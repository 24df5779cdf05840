package dev.langchain4j.model.mlx.cache;

import java.util.function.Predicate;

/** Receives evictions and forks of conversations, so that other data of a conversation follows. Thread-safe. */
public interface ConversationListener {

    /** Conversations were evicted on demand: all whose memory ID is accepted. */
    default void evicted(Predicate<Object> conversations) {}

    /** All conversations were evicted, those without a memory ID, too. */
    default void cleared() {
        evicted(conversation -> true);
    }

    /** A conversation starts with what another one has. */
    default void forked(Object parent, Object child) {}

    /** Tells this one, then another one. */
    default ConversationListener andThen(ConversationListener other) {
        ConversationListener first = this;
        return new ConversationListener() {
            @Override
            public void evicted(Predicate<Object> conversations) {
                first.evicted(conversations);
                other.evicted(conversations);
            }

            @Override
            public void cleared() {
                first.cleared();
                other.cleared();
            }

            @Override
            public void forked(Object parent, Object child) {
                first.forked(parent, child);
                other.forked(parent, child);
            }
        };
    }
}
