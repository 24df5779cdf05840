package dev.langchain4j.model.mlx.ranks;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import java.util.ArrayList;
import java.util.List;

/** The first rank's share of a model, which looks like the whole one: what is done to it all ranks do. */
record LeadingModel(LanguageModel model, Leader leader, Ranks ranks) implements LanguageModel {

    @Override
    public MlxArray forward(MlxArray tokens, Spans spans) {
        if (spans.hasPictures()) {
            throw new UnsupportedOperationException("a model that is split over ranks does not support images");
        }
        List<List<LayerCache>> own = new ArrayList<>();
        for (int i = 0; i < spans.count(); i++) {
            leader.add(Command.of(Command.Kind.SPAN, LeadingLayer.sequence(spans.layers(i)), spans.length(i)));
            own.add(LeadingLayer.own(spans.layers(i)));
        }
        leader.pass(spans.tokens());
        MlxArray hidden = model.forward(leader.shared(tokens), spans.over(own));
        leader.passed(hidden);
        return hidden;
    }

    @Override
    public Throwable explain(Throwable failure) {
        return ranks.explain(failure);
    }

    @Override
    public MlxArray logits(MlxArray hidden) {
        return model.logits(hidden);
    }

    @Override
    public List<LayerCache> newLayers() {
        List<LayerCache> own = model.newLayers();
        int sequence = leader.newSequence();
        List<LayerCache> layers = new ArrayList<>(own.size());
        for (LayerCache layer : own) {
            layers.add(new LeadingLayer(leader, sequence, layers.size(), layer));
        }
        return layers;
    }

    @Override
    public int vocabularySize() {
        return model.vocabularySize();
    }
}
