package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Activations;
import dev.langchain4j.model.mlx.nn.FeedForward;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.GridRope;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.PatchAttention;
import dev.langchain4j.model.mlx.nn.PatchBlock;
import dev.langchain4j.model.mlx.nn.PatchGrid;
import dev.langchain4j.model.mlx.nn.Projections;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.vision.ImageFeatures;
import dev.langchain4j.model.mlx.vision.ProcessedImage;
import dev.langchain4j.model.mlx.vision.VisionTower;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/**
 * The vision tower of Gemma 4, for pictures of any ratio: learned positions by column and by row, rotary ones by both,
 * blocks like those of its language model, averages of squares of patches. Source: transformers' {@code
 * models/gemma4/modeling_gemma4.py}.
 *
 * @param columns a learned position of each column, [positions, hidden]
 * @param rows a learned position of each row, as {@code columns}
 * @param deviation what features are multiplied by once {@code mean} is subtracted; null if they stay as they are
 * @param bothWays whether the language model's tokens of a picture see one another in both directions
 */
record Gemma4Vision(
        Config config,
        Linear patches,
        MlxArray columns,
        MlxArray rows,
        List<PatchBlock> blocks,
        MlxArray mean,
        MlxArray deviation,
        Linear projection,
        boolean bothWays)
        implements VisionTower {

    /** What vision_config says, with transformers' defaults. */
    private record Config(
            int hidden,
            int inner,
            int layers,
            int heads,
            int kvHeads,
            int headDim,
            int patch,
            int pool,
            int positions,
            boolean clips,
            double eps,
            double theta) {

        static Config of(ModelConfig c) {
            int heads = c.count("num_attention_heads", 12);
            int kvHeads = c.count("num_key_value_heads", 12);
            int headDim = c.count("head_dim", 64);
            if (heads % kvHeads != 0) {
                throw c.invalid("num_attention_heads", heads, "must be a multiple of num_key_value_heads");
            }
            if (headDim % 4 != 0) {
                throw c.invalid("head_dim", headDim, "must be a multiple of 4");
            }
            ModelConfig rope = c.section("rope_parameters");
            return new Config(
                    c.count("hidden_size", 768),
                    c.count("intermediate_size", 3072),
                    c.count("num_hidden_layers", 16),
                    heads,
                    kvHeads,
                    headDim,
                    c.count("patch_size", 16),
                    c.count("pooling_kernel_size", 3),
                    c.count("position_embedding_size", 10_240),
                    c.flag("use_clipped_linears", false),
                    c.number("rms_norm_eps", 1e-6),
                    rope == null ? 100 : rope.number("rope_theta", 100));
        }
    }

    /**
     * The tower and its projector.
     *
     * @param textHidden hidden size of the language model
     */
    static VisionTower load(ModelConfig vision, Weights w, int textHidden, boolean bothWays) {
        Config c = Config.of(vision);
        int hidden = c.hidden;
        MlxArray table = w.get("vision_tower.patch_embedder.position_embedding_table", 2, c.positions, hidden);
        boolean standardize = vision.flag("standardize", false);
        return new Gemma4Vision(
                c,
                Linear.load(w, "vision_tower.patch_embedder.input_proj", 3 * c.patch * c.patch, hidden, false),
                w.adopt(Indexing.squeeze(Indexing.slice(table, 0, 0, 1), 0)),
                w.adopt(Indexing.squeeze(Indexing.slice(table, 0, 1, 2), 0)),
                IntStream.range(0, c.layers)
                        .mapToObj(i -> block(vision, c, w, "vision_tower.encoder.layers." + i))
                        .toList(),
                standardize ? w.get("vision_tower.std_bias", hidden) : null,
                standardize ? w.get("vision_tower.std_scale", hidden) : null,
                Linear.load(w, "embed_vision.embedding_projection", hidden, textHidden, false),
                bothWays);
    }

    private static PatchBlock block(ModelConfig vision, Config c, Weights w, String name) {
        String attention = name + ".self_attn";
        return new PatchBlock(
                RmsNorm.load(w, name + ".input_layernorm", c.hidden, c.eps),
                new PatchAttention(
                        c.heads,
                        c.headDim,
                        projections(c, w, attention),
                        linear(c, w, attention + ".o_proj", c.heads * c.headDim, c.hidden),
                        1),
                RmsNorm.load(w, name + ".post_attention_layernorm", c.hidden, c.eps),
                RmsNorm.load(w, name + ".pre_feedforward_layernorm", c.hidden, c.eps),
                feedForward(vision, c, w, name + ".mlp"),
                RmsNorm.load(w, name + ".post_feedforward_layernorm", c.hidden, c.eps));
    }

    /** Queries, keys and values with norms of each head, of which the last has no weight. */
    private static Projections projections(Config c, Weights w, String name) {
        Linear q = linear(c, w, name + ".q_proj", c.hidden, c.heads * c.headDim);
        Linear k = linear(c, w, name + ".k_proj", c.hidden, c.kvHeads * c.headDim);
        Linear v = linear(c, w, name + ".v_proj", c.hidden, c.kvHeads * c.headDim);
        RmsNorm qNorm = RmsNorm.load(w, name + ".q_norm", c.headDim, c.eps);
        RmsNorm kNorm = RmsNorm.load(w, name + ".k_norm", c.headDim, c.eps);
        RmsNorm vNorm = new RmsNorm(null, (float) c.eps);
        return x -> new MlxArray[] {
            eachHead(c, qNorm, q.apply(x)), eachHead(c, kNorm, k.apply(x)), eachHead(c, vNorm, v.apply(x))
        };
    }

    private static MlxArray eachHead(Config c, RmsNorm norm, MlxArray x) {
        return Indexing.flatten(norm.apply(Indexing.unflatten(x, -1, x.dim(-1) / c.headDim, c.headDim)), -2, -1);
    }

    private static FeedForward feedForward(ModelConfig vision, Config c, Weights w, String name) {
        UnaryOperator<MlxArray> activation = Activations.of(vision, "hidden_activation", "gelu_pytorch_tanh");
        Linear gate = linear(c, w, name + ".gate_proj", c.hidden, c.inner);
        Linear up = linear(c, w, name + ".up_proj", c.hidden, c.inner);
        Linear down = linear(c, w, name + ".down_proj", c.inner, c.hidden);
        return new Mlp(Projections.parted(gate, up), down, Gating.by(activation));
    }

    /** A layer that limits what goes in and what comes out, in models that were trained so. */
    private static Linear linear(Config c, Weights w, String name, int in, int out) {
        Linear plain = Linear.load(w, name + ".linear", in, out, false);
        if (!c.clips) {
            return plain;
        }
        MlxArray inMin = w.get(name + ".input_min");
        MlxArray inMax = w.get(name + ".input_max");
        MlxArray outMin = w.get(name + ".output_min");
        MlxArray outMax = w.get(name + ".output_max");
        return x -> Ops.clip(plain.apply(Ops.clip(x, inMin, inMax)), outMin, outMax);
    }

    @Override
    public ImageFeatures encode(ProcessedImage image) {
        MlxArray pixels = VisionConfig.pixels(image, 3, config.patch * config.pool);
        int down = pixels.dim(2) / config.patch;
        int across = pixels.dim(3) / config.patch;
        if (Math.max(down, across) > config.positions) {
            throw new IllegalArgumentException("an image of " + across + " by " + down + " patches must have at most "
                    + config.positions + " a side (position_embedding_size)");
        }
        DType type = columns.dtype();
        MlxArray x = Ops.multiply(Ops.add(PatchGrid.patches(pixels, config.patch), -0.5), 2);
        MlxArray h = Ops.add(patches.apply(Ops.astype(x, type)), learnedPositions(down, across));
        GridRope positions = GridRope.halves(down, across, config.headDim, config.theta, type);
        List<PatchAttention.Run> whole = List.of(new PatchAttention.Run(1, down * across));
        for (PatchBlock block : blocks) {
            h = block.apply(h, positions, whole);
        }
        MlxArray features = Ops.astype(pooled(Indexing.unflatten(h, 1, down, across)), type);
        MlxArray normed = Fast.rmsNorm(features, null, (float) config.eps);
        return new ImageFeatures(Indexing.squeeze(projection.apply(normed), 0), List.of());
    }

    /** [1, patches, hidden], row by row. */
    private MlxArray learnedPositions(int down, int across) {
        MlxArray byColumn = Indexing.expandDims(Indexing.slice(columns, 0, 0, across), 0);
        MlxArray byRow = Indexing.expandDims(Indexing.slice(rows, 0, 0, down), 1);
        return Indexing.reshape(Ops.add(byColumn, byRow), 1, down * across, config.hidden);
    }

    /** Averages of squares at the scale that the projector expects, of single precision: half precision overflows. */
    private MlxArray pooled(MlxArray grid) {
        MlxArray single = Ops.astype(grid, DType.FLOAT32);
        MlxArray average = Ops.astype(Ops.mean(PatchGrid.squares(single, config.pool), 2, false), grid.dtype());
        MlxArray scaled = Ops.multiply(Ops.astype(average, DType.FLOAT32), Math.sqrt(config.hidden));
        return deviation == null
                ? scaled
                : Ops.multiply(
                        Ops.subtract(scaled, Ops.astype(mean, DType.FLOAT32)), Ops.astype(deviation, DType.FLOAT32));
    }

    @Override
    public boolean attendsBothWays() {
        return bothWays;
    }
}
