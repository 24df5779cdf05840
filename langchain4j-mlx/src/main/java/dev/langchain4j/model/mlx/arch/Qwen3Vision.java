package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Activations;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.GridRope;
import dev.langchain4j.model.mlx.nn.LayerNorm;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.PatchBlock;
import dev.langchain4j.model.mlx.nn.PatchEmbedding;
import dev.langchain4j.model.mlx.vision.ImageFeatures;
import dev.langchain4j.model.mlx.vision.ProcessedImage;
import dev.langchain4j.model.mlx.vision.VisionTower;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/**
 * The vision tower of {@code qwen3_vl}, {@code qwen3_vl_moe}, {@code qwen3_5} and {@code qwen3_5_moe}: a learned table
 * of positions that is stretched over the picture, rotary positions in every layer, and features for the language
 * model's first layers from layers in between. Source: transformers' {@code modeling_qwen3_vl.py}; mlx-vlm's
 * {@code models/qwen3_vl/vision.py}.
 *
 * @param table [side, side, hidden] in single precision
 * @param between mergers by the layer that they follow
 */
record Qwen3Vision(
        QwenVisionConfig c,
        PatchEmbedding embedding,
        MlxArray table,
        List<PatchBlock> blocks,
        Merger merger,
        Map<Integer, Merger> between)
        implements VisionTower {
    private static final double EPS = 1e-6;
    private static final String NAME = "vision_tower.";
    private static final String BETWEEN = "deepstack_visual_indexes";

    /**
     * From the patches of a token to a feature.
     *
     * @param normsTokens whether the norm is over the patches of a token together, not over each
     */
    record Merger(LayerNorm norm, boolean normsTokens, Linear first, Linear second, int width) {

        static Merger load(QwenVisionConfig c, Weights w, String name, boolean normsTokens) {
            return new Merger(
                    LayerNorm.load(w, name + ".norm", normsTokens ? c.merged() : c.hidden(), EPS, true),
                    normsTokens,
                    QwenVisionConfig.linear(w, name + ".linear_fc1", c.merged(), c.merged()),
                    QwenVisionConfig.linear(w, name + ".linear_fc2", c.merged(), c.out()),
                    c.merged());
        }

        /** [1, patches, hidden] to [tokens, out]. */
        MlxArray apply(MlxArray x) {
            MlxArray merged = normsTokens
                    ? norm.apply(Indexing.reshape(x, 1, -1, width))
                    : Indexing.reshape(norm.apply(x), 1, -1, width);
            return Indexing.squeeze(second.apply(Fast.gelu(first.apply(merged))), 0);
        }
    }

    private static QwenVisionConfig config(ModelConfig outer, int... between) {
        return QwenVisionConfig.of(
                outer,
                "depth",
                27,
                "hidden_size",
                1152,
                "intermediate_size",
                4304,
                "patch_size",
                16,
                "num_position_embeddings",
                2304,
                BETWEEN,
                between);
    }

    /** The tower of Qwen3-VL. */
    static VisionTower create(ModelConfig outer, Weights w) {
        return create(config(outer, 8, 16, 24), w);
    }

    /** The tower of Qwen3.5, which has features of its last layer only, unless config.json says otherwise. */
    static VisionTower createOfLast(ModelConfig outer, Weights w) {
        return create(config(outer), w);
    }

    private static VisionTower create(QwenVisionConfig c, Weights w) {
        UnaryOperator<MlxArray> activation = Activations.of(c.config(), "hidden_act", "gelu_pytorch_tanh");
        int positions = c.config().count("num_position_embeddings");
        int side = (int) Math.sqrt(positions);
        MlxArray rows = Embedding.load(w, NAME + "pos_embed", positions, c.hidden())
                .apply(Indexing.arange(0, side * side, DType.INT32));
        MlxArray table = Indexing.reshape(Ops.astype(rows, DType.FLOAT32), side, side, c.hidden());
        int[] layers = c.layers(BETWEEN);
        Map<Integer, Merger> between = new TreeMap<>();
        for (int i = 0; i < layers.length; i++) {
            between.put(layers[i], Merger.load(c, w, NAME + "deepstack_merger_list." + i, true));
        }
        return new Qwen3Vision(
                c,
                c.embedding(w),
                w.adopt(table),
                IntStream.range(0, c.depth())
                        .mapToObj(i -> block(c, w, NAME + "blocks." + i, activation))
                        .toList(),
                Merger.load(c, w, NAME + "merger", false),
                between);
    }

    private static PatchBlock block(QwenVisionConfig c, Weights w, String name, UnaryOperator<MlxArray> activation) {
        Linear first = QwenVisionConfig.linear(w, name + ".mlp.linear_fc1", c.hidden(), c.inner());
        Linear second = QwenVisionConfig.linear(w, name + ".mlp.linear_fc2", c.inner(), c.hidden());
        return new PatchBlock(
                LayerNorm.load(w, name + ".norm1", c.hidden(), EPS, true),
                c.attention(w, name + ".attn"),
                LayerNorm.load(w, name + ".norm2", c.hidden(), EPS, true),
                x -> second.apply(activation.apply(first.apply(x))));
    }

    /** Turns the kernel of a raw folder. */
    static void sanitize(ModelConfig outer, Map<String, MlxArray> tensors) {
        config(outer).sanitize(tensors);
    }

    @Override
    public ImageFeatures encode(ProcessedImage image) {
        QwenPatches patches = QwenPatches.of(image, c.merge(), c.channels(), c.side());
        GridRope positions = GridRope.quarters(patches.places(patches.inOrder()), c.headDim(), c.theta());
        MlxArray x = embedding.apply(image.pixels(), patches.count());
        x = Ops.add(x, Ops.astype(patches.blocked(stretched(patches.height(), patches.width())), x.dtype()));
        List<MlxArray> deepstack = new ArrayList<>();
        for (int i = 0; i < blocks.size(); i++) {
            x = blocks.get(i).apply(x, positions, patches.whole());
            if (between.containsKey(i)) {
                deepstack.add(between.get(i).apply(x));
            }
        }
        return new ImageFeatures(merger.apply(x), deepstack);
    }

    /** The table as large as a picture, [height, width, hidden]. */
    private MlxArray stretched(int height, int width) {
        int side = table.dim(0);
        MlxArray rows = MlxArray.of(QwenPatches.stretched(side, height), height, side);
        MlxArray columns = MlxArray.of(QwenPatches.stretched(side, width), width, side);
        MlxArray down = Ops.matmul(rows, Indexing.reshape(table, side, side * c.hidden()));
        return Ops.matmul(columns, Indexing.reshape(down, height, side, c.hidden()));
    }

    @Override
    public int mergeSize() {
        return c.merge();
    }
}
