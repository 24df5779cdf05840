package dev.langchain4j.model.mlx.model;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.kv.LayerCache;
import java.util.List;

/**
 * A transformer or a relative of it: token ids in, logits out. Owns nothing but references into its {@link Weights}.
 * All methods are called on the thread that loaded the weights, with a scope open.
 */
public interface LanguageModel {

    /**
     * Feeds tokens to a sequence: lazily computes their hidden states and moves the layers on.
     *
     * @param tokens ids, [1, length]
     * @param layers the state of the sequence, as {@link #newLayers} made it; afterwards {@code length} tokens further
     * @return hidden states, [1, length, hidden size]
     */
    MlxArray forward(MlxArray tokens, List<LayerCache> layers);

    /**
     * The logits of hidden states.
     *
     * @param hidden [1, length, hidden size]
     * @return [1, length, vocabulary size]
     */
    MlxArray logits(MlxArray hidden);

    /** Empty layers for a new sequence; the caller owns them. */
    List<LayerCache> newLayers();

    /** Number of token ids that have a logit. */
    int vocabularySize();
}
