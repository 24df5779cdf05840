package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.RemoteLayer;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Stage;
import dev.langchain4j.model.mlx.nn.Decoder;
import java.util.ArrayList;
import java.util.List;

/**
 * A model of which each rank has some of the layers: hidden states go from rank to rank. The first one embeds the
 * tokens, and has the last norm and the head; for the others tokens need not be known, but how many there are.
 */
final class StagedModel implements LanguageModel {
    private final LanguageModel whole;
    private final Decoder decoder;
    private final Stage stage;
    private final int from;
    private final int to;
    private final int width;
    /** What this rank receives. */
    private final DType received;

    private StagedModel(LanguageModel whole, Decoder decoder, Stage stage) {
        this.whole = whole;
        this.decoder = decoder;
        this.stage = stage;
        this.from = stage.start(decoder.layerCount());
        this.to = stage.end(decoder.layerCount());
        List<LayerCache> layers = whole.newLayers();
        // nothing of this is computed: what is wanted is the type of the hidden states
        try (Scope scope = Scope.open()) {
            Spans spans = Spans.of(layers, 1);
            MlxArray h = decoder.embed(MlxArray.of(new int[] {0}, 1, 1));
            int before = stage.isFirst() ? decoder.layerCount() : from;
            received = decoder.layers(h, spans, 0, before).dtype();
            width = h.dim(2);
        } finally {
            layers.forEach(LayerCache::close);
        }
    }

    /**
     * A stage of a model whose weights were loaded for it.
     *
     * @param whole the model, whose layers keep what they keep in a format of the user's choice
     * @param own the model as it was loaded
     * @throws InvalidRequestException if the model has fewer layers than there are ranks
     */
    static LanguageModel of(LanguageModel whole, LanguageModel own, Stage stage, ModelConfig config) {
        Decoder decoder = (Decoder) own;
        if (decoder.layerCount() < stage.size()) {
            throw new InvalidRequestException(config.where() + " has " + decoder.layerCount()
                    + " layers, fewer than the " + stage.size() + " ranks that were to have some each");
        }
        return new StagedModel(whole, decoder, stage);
    }

    @Override
    public MlxArray forward(MlxArray tokens, Spans spans) {
        MlxArray sent;
        try (Scope scope = Scope.open()) {
            MlxArray h = stage.isFirst() ? decoder.embed(tokens) : receive(spans);
            sent = stage.send().apply(decoder.layers(h, spans, from, to)).detach();
        }
        for (int i = 0; i < spans.count(); i++) {
            for (LayerCache layer : spans.layers(i)) {
                if (layer instanceof RemoteLayer remote) {
                    remote.advance(spans.length(i));
                }
            }
        }
        try (sent) {
            if (!stage.isFirst()) {
                return sent.share();
            }
            // What is received does not depend on it, and must not be waited for before.
            Eval.async(sent);
        }
        return decoder.normed(receive(spans));
    }

    private MlxArray receive(Spans spans) {
        return stage.receive().receive(received, 1, spans.tokens(), width);
    }

    @Override
    public MlxArray logits(MlxArray hidden) {
        return whole.logits(hidden);
    }

    @Override
    public List<LayerCache> newLayers() {
        List<LayerCache> layers = new ArrayList<>(whole.newLayers());
        int first = decoder.firstState(from);
        int end = decoder.firstState(to);
        for (int i = 0; i < layers.size(); i++) {
            if (i < first || i >= end) {
                LayerCache own = layers.set(i, null);
                layers.set(i, new RemoteLayer(own));
                own.close();
            }
        }
        return layers;
    }

    @Override
    public int vocabularySize() {
        return whole.vocabularySize();
    }
}
