package dev.langchain4j.model.mlx.prompt;

/**
 * The answer to a prompt that is being generated. The ledger knows it for as long as somebody waits for it, so that an
 * eviction of its conversation means it, too.
 */
final class ExpectedTurn {
    /** The memory ID, or null. */
    final Object conversation;

    private volatile boolean evicted;

    ExpectedTurn(Object conversation) {
        this.conversation = conversation;
    }

    void evict() {
        evicted = true;
    }

    boolean isEvicted() {
        return evicted;
    }
}
