package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import java.util.List;

/** A model whose logits are a little other for two tokens at one step, for a request that runs alone. */
final class NudgedModel implements LanguageModel {
    private final LanguageModel model;
    private final int step;
    private final int lowered;
    private final int raised;
    private final float by;
    private int steps;

    NudgedModel(LanguageModel model, int step, int lowered, int raised, float by) {
        this.model = model;
        this.step = step;
        this.lowered = lowered;
        this.raised = raised;
        this.by = by;
    }

    @Override
    public MlxArray forward(MlxArray tokens, Spans spans) {
        return model.forward(tokens, spans);
    }

    @Override
    public MlxArray logits(MlxArray hidden) {
        MlxArray logits = model.logits(hidden);
        if (steps++ != step) {
            return logits;
        }
        MlxArray ids = MlxArray.of(new int[] {lowered, raised}, 1, 1, 2);
        MlxArray nudge = Ops.astype(MlxArray.of(new float[] {-by, by}, 1, 1, 2), logits.dtype());
        return Indexing.scatterAddAlong(logits, ids, nudge, -1);
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
