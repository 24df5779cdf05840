package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.Weights;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Attention of the patches of a picture to one another, in both directions and without a cache.
 *
 * @param qkv what makes queries, keys and values of the layer's input, each as wide as all its heads together; those of
 *     keys and values may be fewer and divide the others
 * @param scale what scores are multiplied by
 */
public record PatchAttention(int heads, int headDim, Projections qkv, Linear o, float scale) {

    /** Scaled by the root of a head's dimensions. */
    public PatchAttention(int heads, int headDim, Projections qkv, Linear o) {
        this(heads, headDim, qkv, o, (float) (1 / Math.sqrt(headDim)));
    }

    /**
     * Of q_proj, k_proj and v_proj below this name, all as wide as the input, and of the layer with this other name.
     */
    public static PatchAttention load(Weights w, String name, String output, int hidden, int heads, boolean bias) {
        List<String> names = List.of(name + ".q_proj", name + ".k_proj", name + ".v_proj");
        return new PatchAttention(
                heads,
                hidden / heads,
                Projections.load(w, hidden, bias, names, hidden, hidden, hidden),
                Linear.load(w, output, hidden, hidden, bias));
    }

    /**
     * So many windows of so many patches each, one behind the other; patches attend to those of their own window only.
     */
    public record Run(int windows, int patches) {}

    /**
     * Applies the layer.
     *
     * @param x [1, patches, hidden]
     * @param positions gives queries and keys, [1, patches, heads of either, headDim], their positions
     * @param runs all patches; a single window is the whole picture
     */
    public MlxArray apply(MlxArray x, UnaryOperator<MlxArray> positions, List<Run> runs) {
        MlxArray[] all = qkv.of(x);
        MlxArray q = positions.apply(heads(all[0]));
        MlxArray k = positions.apply(heads(all[1]));
        MlxArray v = heads(all[2]);
        MlxArray[] parts = new MlxArray[runs.size()];
        int from = 0;
        for (int i = 0; i < parts.length; i++) {
            Run run = runs.get(i);
            MlxArray attended = Fast.attentionToAll(of(q, from, run), of(k, from, run), of(v, from, run), scale);
            int end = from + run.windows * run.patches;
            parts[i] = Indexing.reshape(Indexing.transpose(attended, 0, 2, 1, 3), 1, end - from, heads * headDim);
            from = end;
        }
        return o.apply(parts.length == 1 ? parts[0] : Indexing.concatenate(1, parts));
    }

    private MlxArray heads(MlxArray x) {
        return Indexing.unflatten(x, -1, x.dim(-1) / headDim, headDim);
    }

    /** The windows of a run as a batch, [windows, heads, patches, headDim]. */
    private MlxArray of(MlxArray x, int from, Run run) {
        MlxArray part = Indexing.slice(x, 1, from, from + run.windows * run.patches);
        MlxArray windows = Indexing.reshape(part, run.windows, run.patches, x.dim(2), headDim);
        return Indexing.transpose(windows, 0, 2, 1, 3);
    }
}
