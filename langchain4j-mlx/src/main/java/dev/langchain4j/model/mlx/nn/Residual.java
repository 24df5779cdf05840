package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import java.util.List;

/**
 * A norm and one thing that follows it, added to what goes around both.
 *
 * @param mixer what keeps state; null where {@code mlp} is there
 * @param mlp what keeps none; null where {@code mixer} is there
 */
public record Residual(Norm norm, Decoder.Layer mixer, FeedForward mlp) implements Decoder.Part {

    /** A layer that keeps state. */
    public static Residual of(Norm norm, Decoder.Layer mixer) {
        return new Residual(norm, mixer, null);
    }

    /** A layer that keeps none. */
    public static Residual of(Norm norm, FeedForward mlp) {
        return new Residual(norm, null, mlp);
    }

    @Override
    public MlxArray apply(MlxArray x, Spans spans, int state) {
        MlxArray normed = norm.apply(x);
        return Ops.add(x, mixer == null ? mlp.apply(normed) : mixer.apply(normed, spans, state));
    }

    @Override
    public List<LayerCache> newCaches() {
        return mixer == null ? List.of() : mixer.newCaches();
    }
}
