package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.Internal;

/**
 * A prefix of a prompt that is not stored, but that a running request is computing.
 *
 * @param session the hold of the request that computes it
 * @param position its length; more than what can be resumed now
 */
@Internal
public record PendingPrefix(CacheSession session, int position) {}
