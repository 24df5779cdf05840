package dev.langchain4j.model.mlx.testing;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.model.LanguageModel;
import java.util.Arrays;
import java.util.List;

/** Feeding tokens to layers by hand, as the engine does it. */
public final class Feed {
    private Feed() {}

    /** Feeds tokens in one pass; the logits after the last of them. */
    public static float[] feed(LanguageModel model, List<LayerCache> layers, int... tokens) {
        MlxArray result;
        try (Scope scope = Scope.open()) {
            MlxArray hidden = model.forward(MlxArray.of(tokens, 1, tokens.length), layers);
            result = model.logits(hidden).detach();
        }
        try (result) {
            Eval.eval(LayerCache.buffers(layers));
            float[] all = result.toFloats();
            return Arrays.copyOfRange(all, all.length - model.vocabularySize(), all.length);
        }
    }

    /** The greatest difference of two rows. */
    public static double gap(float[] a, float[] b) {
        double gap = a.length == b.length ? 0 : Double.NaN;
        for (int i = 0; i < a.length; i++) {
            double d = Math.abs(a[i] - b[i]);
            gap = d <= gap ? gap : d;
        }
        return gap;
    }
}
