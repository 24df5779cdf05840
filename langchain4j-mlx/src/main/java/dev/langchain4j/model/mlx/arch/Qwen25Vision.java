package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Activations;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.GridRope;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.PatchBlock;
import dev.langchain4j.model.mlx.nn.PatchEmbedding;
import dev.langchain4j.model.mlx.nn.Projections;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.vision.ImageFeatures;
import dev.langchain4j.model.mlx.vision.ProcessedImage;
import dev.langchain4j.model.mlx.vision.VisionTower;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The vision tower of {@code qwen2_5_vl}: patches attend to those of their window, and in a few layers to all. Source:
 * transformers' {@code modeling_qwen2_5_vl.py}; mlx-vlm's {@code models/qwen2_5_vl/vision.py}.
 *
 * @param window tokens a side of a window
 * @param whole layers that attend to all patches
 */
record Qwen25Vision(
        QwenVisionConfig c,
        int window,
        Set<Integer> whole,
        PatchEmbedding embedding,
        List<PatchBlock> blocks,
        RmsNorm norm,
        Linear first,
        Linear second)
        implements VisionTower {
    private static final double EPS = 1e-6;
    private static final String FULL = "fullatt_block_indexes";

    private static QwenVisionConfig config(ModelConfig outer) {
        return QwenVisionConfig.of(
                outer,
                "depth",
                32,
                "hidden_size",
                3584,
                "intermediate_size",
                3420,
                "patch_size",
                14,
                "window_size",
                112,
                FULL,
                new int[] {7, 15, 23, 31});
    }

    /** The tower. */
    static VisionTower create(ModelConfig outer, Weights w) {
        QwenVisionConfig c = config(outer);
        int size = c.config().count("window_size");
        int window = size / c.merge() / c.side();
        if (window == 0) {
            throw c.config().invalid("window_size", size, "must be at least spatial_merge_size times patch_size");
        }
        UnaryOperator<MlxArray> activation = Activations.of(c.config(), "hidden_act", "silu");
        String merger = "vision_tower.merger.";
        return new Qwen25Vision(
                c,
                window,
                Arrays.stream(c.layers(FULL)).boxed().collect(Collectors.toSet()),
                c.embedding(w),
                IntStream.range(0, c.depth())
                        .mapToObj(i -> block(c, w, "vision_tower.blocks." + i, activation))
                        .toList(),
                RmsNorm.load(w, merger + "ln_q", c.hidden(), EPS),
                QwenVisionConfig.linear(w, merger + "mlp.0", c.merged(), c.merged()),
                QwenVisionConfig.linear(w, merger + "mlp.2", c.merged(), c.out()));
    }

    private static PatchBlock block(QwenVisionConfig c, Weights w, String name, UnaryOperator<MlxArray> activation) {
        Mlp mlp = new Mlp(
                Projections.parted(
                        QwenVisionConfig.linear(w, name + ".mlp.gate_proj", c.hidden(), c.inner()),
                        QwenVisionConfig.linear(w, name + ".mlp.up_proj", c.hidden(), c.inner())),
                QwenVisionConfig.linear(w, name + ".mlp.down_proj", c.inner(), c.hidden()),
                Gating.by(activation));
        return new PatchBlock(
                RmsNorm.load(w, name + ".norm1", c.hidden(), EPS),
                c.attention(w, name + ".attn"),
                RmsNorm.load(w, name + ".norm2", c.hidden(), EPS),
                mlp);
    }

    /** Turns the kernel of a raw folder. */
    static void sanitize(ModelConfig outer, Map<String, MlxArray> tensors) {
        config(outer).sanitize(tensors);
    }

    @Override
    public ImageFeatures encode(ProcessedImage image) {
        QwenPatches patches = QwenPatches.of(image, c.merge(), c.channels(), c.side());
        QwenPatches.Windows windows = patches.windows(window);
        GridRope positions = GridRope.quarters(patches.places(windows.order()), c.headDim(), c.theta());
        MlxArray x = embedding.apply(image.pixels(), patches.count());
        x = Indexing.reshape(tokens(Indexing.reshape(x, -1, c.merged()), windows.order()), 1, -1, c.hidden());
        for (int i = 0; i < blocks.size(); i++) {
            x = blocks.get(i).apply(x, positions, whole.contains(i) ? patches.whole() : windows.runs());
        }
        MlxArray merged = Indexing.reshape(norm.apply(x), 1, -1, c.merged());
        MlxArray rows = Indexing.squeeze(second.apply(Fast.gelu(first.apply(merged))), 0);
        return new ImageFeatures(tokens(rows, windows.places()), List.of());
    }

    private static MlxArray tokens(MlxArray rows, int[] order) {
        return Indexing.take(rows, MlxArray.of(order, order.length), 0);
    }

    @Override
    public int mergeSize() {
        return c.merge();
    }
}
