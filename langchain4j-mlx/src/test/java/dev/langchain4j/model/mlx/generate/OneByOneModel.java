package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;

/** A model that computes the tokens of a pass one by one, so that a token has the same bits whatever it is fed with. */
final class OneByOneModel implements LanguageModel {
    private final LanguageModel model;

    OneByOneModel(LanguageModel model) {
        this.model = model;
    }

    @Override
    public MlxArray forward(MlxArray tokens, Spans spans) {
        List<LayerCache> layers = layersOf(spans);
        return each(tokens, token -> model.forward(token, layers));
    }

    private List<LayerCache> layersOf(Spans spans) {
        List<LayerCache> layers = model.newLayers();
        int count = layers.size();
        layers.forEach(LayerCache::close);
        return IntStream.range(0, count)
                .mapToObj(layer -> spans.at(layer).getFirst().cache())
                .toList();
    }

    @Override
    public MlxArray logits(MlxArray hidden) {
        return each(hidden, model::logits);
    }

    private static MlxArray each(MlxArray all, Function<MlxArray, MlxArray> computation) {
        MlxArray[] results = new MlxArray[all.dim(1)];
        for (int i = 0; i < results.length; i++) {
            results[i] = computation.apply(Indexing.slice(all, 1, i, i + 1));
        }
        return results.length == 1 ? results[0] : Indexing.concatenate(1, results);
    }

    @Override
    public List<LayerCache> newLayers() {
        return model.newLayers();
    }

    @Override
    public int vocabularySize() {
        return model.vocabularySize();
    }
}
