package dev.langchain4j.model.mlx.cache;

/** What is kept for prompts elsewhere and counts as held by the cache. On the thread that owns the model. */
public interface SideCache {
    /** Nothing. */
    SideCache NONE = new SideCache() {
        @Override
        public long bytes() {
            return 0;
        }

        @Override
        public void clear() {}
    };

    /** Bytes that it keeps. */
    long bytes();

    /** Drops all: a conversation was evicted on demand, or room is wanted. */
    void clear();
}
