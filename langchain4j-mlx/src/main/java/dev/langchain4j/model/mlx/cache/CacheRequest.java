package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.kv.LayerCache;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;

/**
 * What {@link TrieCache#begin} must know of a request.
 *
 * @param key the model; only requests of an equal key share
 * @param tokens the whole prompt, at least one token; not copied, and not to be changed afterwards. Negative ones
 *     other than -1 are those of pictures: inside of a row of them no prompt resumes
 * @param boundaries positions worth a checkpoint, in any order; those outside of the prompt are ignored
 * @param conversation the memory ID, or null: a hint for eviction, statistics and isolation, never for what is reused
 * @param isolation whether this conversation shares prefixes with others
 * @param newLayers makes the layers of an empty sequence; always the same kinds in the same order for one key
 */
public record CacheRequest(
        CacheKey key,
        int[] tokens,
        List<Boundary> boundaries,
        Object conversation,
        Isolation isolation,
        Supplier<List<LayerCache>> newLayers) {
    /** Checks that there is a prompt and, for isolation by memory ID, an ID. */
    public CacheRequest {
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(tokens, "tokens");
        Objects.requireNonNull(isolation, "isolation");
        Objects.requireNonNull(newLayers, "newLayers");
        boundaries = List.copyOf(boundaries);
        if (tokens.length == 0) {
            throw new IllegalArgumentException("tokens (length 0) must hold at least one token");
        }
    }

    /** Whether nobody else, and no later request, may use what is computed for it. */
    boolean sharesWithNobody() {
        return isolation == Isolation.PER_MEMORY_ID && !ConversationKey.isolates(conversation);
    }
}
