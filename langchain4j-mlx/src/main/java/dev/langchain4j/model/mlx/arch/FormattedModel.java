package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.kv.KvFormat;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.DraftModel;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import java.util.List;

/** A model whose layers keep keys and values in a format of the user's choice. */
record FormattedModel(LanguageModel model, KvFormat format) implements LanguageModel {

    /**
     * The model with this format, which is tried: the graph of one token is built, and not computed.
     *
     * @throws InvalidRequestException if the architecture cannot work with it
     */
    static LanguageModel of(LanguageModel model, KvFormat format, ModelConfig config) {
        FormattedModel formatted = new FormattedModel(model, format);
        List<LayerCache> layers = List.of();
        try (Scope scope = Scope.open()) {
            layers = formatted.newLayers();
            formatted.forward(MlxArray.of(new int[] {0}, 1, 1), layers);
        } catch (UnsupportedOperationException e) {
            String setting =
                    format.bits() > 0 ? "kvBits (" + format.bits() + ")" : "maxKvSize (" + format.maxSize() + ")";
            throw new InvalidRequestException(
                    setting + " does not fit model_type " + config.modelType() + ": " + e.getMessage(), e);
        } finally {
            layers.forEach(LayerCache::close);
        }
        return formatted;
    }

    @Override
    public MlxArray forward(MlxArray tokens, Spans spans) {
        return model.forward(tokens, spans);
    }

    @Override
    public MlxArray logits(MlxArray hidden) {
        return model.logits(hidden);
    }

    @Override
    public List<LayerCache> newLayers() {
        return format.apply(model.newLayers());
    }

    @Override
    public int vocabularySize() {
        return model.vocabularySize();
    }

    @Override
    public DraftModel draftHead() {
        DraftModel head = model.draftHead();
        return head == null ? null : head.with(format);
    }
}
