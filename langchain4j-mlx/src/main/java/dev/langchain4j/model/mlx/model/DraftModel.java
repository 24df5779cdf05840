package dev.langchain4j.model.mlx.model;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.kv.KvFormat;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import java.util.List;

/**
 * What drafts the tokens of a model: a smaller model with the same vocabulary, or heads that the model has for it
 * (MTP). It is fed the same tokens, and keeps layers of its own beside those of the model. All methods are called on
 * the thread that loaded the weights, with a scope open.
 */
public interface DraftModel {

    /**
     * Feeds tokens to a sequence.
     *
     * @param tokens ids, [1, length]
     * @param before where {@link #readsHidden}, the hidden state behind the token before each of these, [1, length,
     *     hidden size]: the model's, or, of a token that was only drafted, what this method returned; else null
     * @param spans the sequence, of this model's own layers
     * @return its own hidden states, [1, length, hidden size]
     */
    MlxArray forward(MlxArray tokens, MlxArray before, Spans spans);

    /** The logits of its own hidden states: [1, length, hidden size] to [1, length, vocabulary size]. */
    MlxArray logits(MlxArray hidden);

    /** Empty layers for a new sequence; the caller owns them. */
    List<LayerCache> newLayers();

    /** Number of token ids that can be fed and have a logit. */
    int vocabularySize();

    /** The length of the model's hidden states, if it reads them; 0 if it reads tokens only. */
    int hiddenSize();

    /** The type of those hidden states; null if it reads none. */
    DType type();

    /** Whether it reads the hidden states of the model that it drafts for. */
    default boolean readsHidden() {
        return hiddenSize() > 0;
    }

    /** A model that drafts for another one. */
    static DraftModel of(LanguageModel model) {
        return new DraftModel() {
            @Override
            public MlxArray forward(MlxArray tokens, MlxArray before, Spans spans) {
                return model.forward(tokens, spans);
            }

            @Override
            public MlxArray logits(MlxArray hidden) {
                return model.logits(hidden);
            }

            @Override
            public List<LayerCache> newLayers() {
                return model.newLayers();
            }

            @Override
            public int vocabularySize() {
                return model.vocabularySize();
            }

            @Override
            public int hiddenSize() {
                return 0;
            }

            @Override
            public DType type() {
                return null;
            }
        };
    }

    /** The same with layers that keep keys and values in a format. */
    default DraftModel with(KvFormat format) {
        DraftModel plain = this;
        return new DraftModel() {
            @Override
            public MlxArray forward(MlxArray tokens, MlxArray before, Spans spans) {
                return plain.forward(tokens, before, spans);
            }

            @Override
            public MlxArray logits(MlxArray hidden) {
                return plain.logits(hidden);
            }

            @Override
            public List<LayerCache> newLayers() {
                return format.apply(plain.newLayers());
            }

            @Override
            public int vocabularySize() {
                return plain.vocabularySize();
            }

            @Override
            public int hiddenSize() {
                return plain.hiddenSize();
            }

            @Override
            public DType type() {
                return plain.type();
            }
        };
    }
}
