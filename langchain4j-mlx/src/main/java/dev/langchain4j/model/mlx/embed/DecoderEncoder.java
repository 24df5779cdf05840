package dev.langchain4j.model.mlx.embed;

import dev.langchain4j.mlx.MlxArray;
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
        hidden = config.count("hidden_size");
        positions = RopeParameters.contextLength(config, 1 << 20);
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
