package dev.langchain4j.model.mlx.cache;

/**
 * Whose sequences share a trie.
 *
 * @param key the model, and what else makes layers interchangeable
 * @param owner the family of conversations that keeps to itself; null for all others
 */
record TrieScope(CacheKey key, Object owner) {}
