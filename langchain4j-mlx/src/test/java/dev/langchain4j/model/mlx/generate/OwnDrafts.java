package dev.langchain4j.model.mlx.generate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.DraftModel;
import dev.langchain4j.model.mlx.model.LanguageModel;
import java.util.List;
import java.util.Random;

/**
 * A model that drafts for itself, with second layers of its kinds and with errors: as a draft model, or as a head that
 * reads hidden states.
 */
record OwnDrafts(LanguageModel model, int hiddenSize, Random errors) implements DraftModel {

    /** For two of three: a draft model, or a head where the length of hidden states is known. Else null. */
    static DraftModel some(ModelLoader.Loaded loaded, Random random) {
        int hidden = loaded.config().integer("hidden_size", 0);
        return switch (random.nextInt(3)) {
            case 0 -> new OwnDrafts(loaded.model(), 0, random);
            case 1 -> new OwnDrafts(loaded.model(), hidden, random);
            default -> null;
        };
    }

    @Override
    public MlxArray forward(MlxArray tokens, MlxArray before, Spans spans) {
        if (readsHidden()) {
            assertThat(before.shape()).containsExactly(1, tokens.dim(1), hiddenSize);
        } else {
            assertThat(before).isNull();
        }
        return model.forward(tokens, spans);
    }

    @Override
    public MlxArray logits(MlxArray hidden) {
        MlxArray logits = model.logits(hidden);
        return errors.nextInt(5) == 0 ? Ops.multiply(logits, -1) : logits;
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
    public DType type() {
        return readsHidden() ? DType.FLOAT32 : null;
    }
}
