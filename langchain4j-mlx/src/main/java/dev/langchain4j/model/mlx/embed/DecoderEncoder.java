package dev.langchain4j.model.mlx.embed;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import java.util.List;

/** A language model whose hidden states are the vectors, as of Qwen3-Embedding: each token sees those before it. */
final class DecoderEncoder implements TextEncoder {
    private final LanguageModel model;
    private final int hidden;
    private final int positions;

    DecoderEncoder(LanguageModel model, ModelConfig config) {
        this.model = model;
        hidden = hiddenSize(model);
        positions = RopeParameters.contextLength(config, 1 << 20);
    }

    /** From the graph of one token, which is not computed: each architecture has a place of its own for the number. */
    private static int hiddenSize(LanguageModel model) {
        List<LayerCache> layers = model.newLayers();
        try (Scope scope = Scope.open()) {
            return model.forward(MlxArray.of(new int[1], 1, 1), layers).dim(-1);
        } finally {
            layers.forEach(LayerCache::close);
        }
    }

    @Override
    public int dimension() {
        return hidden;
    }

    @Override
    public int tokensMax() {
        return positions;
    }

    @Override
    public int vocabularySize() {
        return model.vocabularySize();
    }

    @Override
    public boolean takesSeveral() {
        return false;
    }

    @Override
    public List<MlxArray> encode(List<MlxArray> groups) {
        return groups.stream().map(this::encode).toList();
    }

    private MlxArray encode(MlxArray ids) {
        List<LayerCache> layers = model.newLayers();
        try {
            return model.forward(ids, layers);
        } finally {
            layers.forEach(LayerCache::close);
        }
    }
}
