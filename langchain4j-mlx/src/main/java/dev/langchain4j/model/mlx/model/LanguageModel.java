package dev.langchain4j.model.mlx.model;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import java.util.List;

/**
 * A transformer or a relative of it: token ids in, logits out. Owns nothing but references into its {@link Weights}.
 * All methods are called on the thread that loaded the weights, with a scope open.
 */
public interface LanguageModel {

    /**
     * Feeds tokens to one or more sequences: lazily computes their hidden states and moves the layers on.
     *
     * @param tokens ids of all spans, one behind the other, [1, tokens]
     * @param spans whose they are; afterwards the layers of each sequence are as many tokens further as its span has
     * @return hidden states, [1, tokens, hidden size]
     */
    MlxArray forward(MlxArray tokens, Spans spans);

    /**
     * Feeds tokens to one sequence.
     *
     * @param tokens ids, [1, length]
     * @param layers the state of the sequence, as {@link #newLayers} made it; afterwards {@code length} tokens further
     * @return hidden states, [1, length, hidden size]
     */
    default MlxArray forward(MlxArray tokens, List<LayerCache> layers) {
        return forward(tokens, Spans.of(layers, tokens.dim(1)));
    }

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

    /** What it means that a computation with this model failed: the failure itself, or what it comes from. */
    default Throwable explain(Throwable failure) {
        return failure;
    }

    /** What the model has to draft its own tokens with (MTP); null if its folder has nothing for it. */
    default DraftModel draftHead() {
        return null;
    }
}
