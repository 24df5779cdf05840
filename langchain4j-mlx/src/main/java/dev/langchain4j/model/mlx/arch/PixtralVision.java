package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.TextPart;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Activations;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.GridRope;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.PatchAttention;
import dev.langchain4j.model.mlx.nn.PatchBlock;
import dev.langchain4j.model.mlx.nn.PatchGrid;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.vision.ImageFeatures;
import dev.langchain4j.model.mlx.vision.ProcessedImage;
import dev.langchain4j.model.mlx.vision.VisionTower;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/**
 * The vision tower of Pixtral and Mistral Small 3: patches of pictures of any size, rotary positions by row and column.
 * Source: transformers' {@code models/pixtral/modeling_pixtral.py}, {@code models/mistral3/modeling_mistral3.py} and
 * {@code models/llava/modeling_llava.py}.
 *
 * @param taken the layers whose outputs are projected, side by side; 0 for what the first one gets
 */
record PixtralVision(
        Config config, Linear patches, RmsNorm norm, List<PatchBlock> blocks, int[] taken, Projector projector)
        implements VisionTower {
    private static final String TOWER = "vision_tower.vision_model";
    private static final String PROJECTOR = "multi_modal_projector";
    private static final String TAKEN = "vision_feature_layer";
    private static final double EPS = 1e-5;

    /** What makes features of the vectors of patches, [1, patches, hidden] to [1, tokens, hidden]. */
    private interface Projector {
        MlxArray apply(MlxArray x, int rows, int columns);
    }

    private record Config(int hidden, int heads, int layers, int channels, int patch, double theta) {
        static Config of(ModelConfig c) {
            int hidden = c.count("hidden_size", 1024);
            int heads = c.count("num_attention_heads", 16);
            if (hidden % heads != 0 || hidden / heads % 2 != 0) {
                throw c.invalid(
                        "hidden_size", hidden, "must be an even multiple of num_attention_heads (" + heads + ")");
            }
            ModelConfig rope = c.section("rope_parameters");
            return new Config(
                    hidden,
                    heads,
                    c.count("num_hidden_layers", 24),
                    c.count("num_channels", 3),
                    c.count("patch_size", 16),
                    (rope == null ? c : rope).number("rope_theta", 10_000));
        }

        int headDim() {
            return hidden / heads;
        }
    }

    /** The tower of {@code mistral3}: squares of patches are merged. */
    static VisionTower mistral3(ModelConfig c, Weights w) {
        ModelConfig vision = c.section("vision_config");
        int hidden = Config.of(vision).hidden;
        ModelConfig text = TextPart.config(c, TextPart.json(c));
        RmsNorm norm = RmsNorm.load(w, PROJECTOR + ".norm", hidden, text.number("rms_norm_eps", 1e-5));
        int side = c.count("spatial_merge_size", 2);
        int all = Math.multiplyExact(hidden, Math.multiplyExact(side, side));
        Linear merging = Linear.load(w, PROJECTOR + ".patch_merger.merging_layer", all, hidden, false);
        UnaryOperator<MlxArray> linear = linear(c, w, hidden, c.flag("multimodal_projector_bias", false));
        Projector projector = (x, rows, columns) -> {
            MlxArray grid = Indexing.unflatten(norm.apply(x), 1, rows, columns);
            // the channels of a square's patches next to each other, as unfolding has them
            MlxArray squares = Indexing.swapAxes(PatchGrid.squares(grid, side), 2, 3);
            return linear.apply(merging.apply(Indexing.flatten(squares, 2, 3)));
        };
        return load(c, w, new int[] {-1}, projector);
    }

    /** The tower of {@code pixtral}, and of {@code llava} with the same tower: a token for each patch. */
    static VisionTower llava(ModelConfig c, Weights w) {
        boolean pixtral = c.modelType().equals("pixtral");
        String strategy = c.text("vision_feature_select_strategy", pixtral ? "full" : "default");
        if (!strategy.equals("full")) {
            throw c.invalid("vision_feature_select_strategy", strategy, "must be full for a tower of Pixtral");
        }
        int[] otherwise = {pixtral ? -1 : -2};
        int hidden = Config.of(c.section("vision_config")).hidden;
        int in = Math.multiplyExact(hidden, taken(c, otherwise).length);
        UnaryOperator<MlxArray> linear = linear(c, w, in, c.flag("multimodal_projector_bias", true));
        return load(c, w, otherwise, (x, rows, columns) -> linear.apply(x));
    }

    private static UnaryOperator<MlxArray> linear(ModelConfig c, Weights w, int in, boolean bias) {
        ModelConfig text = TextPart.config(c, TextPart.json(c));
        int out = text.count("hidden_size", 4096);
        UnaryOperator<MlxArray> activation = Activations.of(c, "projector_hidden_act", "gelu");
        Linear first = Linear.load(w, PROJECTOR + ".linear_1", in, out, bias);
        Linear second = Linear.load(w, PROJECTOR + ".linear_2", out, out, bias);
        return x -> second.apply(activation.apply(first.apply(x)));
    }

    private static int[] taken(ModelConfig c, int[] otherwise) {
        double[] given = c.numbers(TAKEN);
        return given == null
                ? otherwise
                : Arrays.stream(given).mapToInt(layer -> (int) layer).toArray();
    }

    private static PixtralVision load(ModelConfig c, Weights w, int[] otherwise, Projector projector) {
        ModelConfig vision = c.section("vision_config");
        Config config = Config.of(vision);
        int outputs = config.layers + 1;
        int[] taken = Arrays.stream(taken(c, otherwise))
                .map(layer -> layer < 0 ? outputs + layer : layer)
                .toArray();
        if (taken.length == 0 || Arrays.stream(taken).anyMatch(layer -> layer < 0 || layer >= outputs)) {
            throw c.invalid(TAKEN, Arrays.toString(taken), "must name some of the " + config.layers + " layers");
        }
        return new PixtralVision(
                config,
                PatchGrid.convolution(w, TOWER + ".patch_conv", config.channels, config.patch, config.hidden, false),
                RmsNorm.load(w, TOWER + ".ln_pre", config.hidden, EPS),
                IntStream.range(0, config.layers)
                        .mapToObj(i -> block(vision, config, w, TOWER + ".transformer.layers." + i))
                        .toList(),
                taken,
                projector);
    }

    private static PatchBlock block(ModelConfig vision, Config c, Weights w, String name) {
        int hidden = c.hidden;
        UnaryOperator<MlxArray> activation = Activations.of(vision, "hidden_act", "gelu");
        String attention = name + ".attention";
        return new PatchBlock(
                RmsNorm.load(w, name + ".attention_norm", hidden, EPS),
                PatchAttention.load(w, attention, attention + ".o_proj", hidden, c.heads, false),
                RmsNorm.load(w, name + ".ffn_norm", hidden, EPS),
                Mlp.load(
                        w,
                        name + ".feed_forward",
                        hidden,
                        vision.count("intermediate_size", 4096),
                        false,
                        Gating.by(activation)));
    }

    /** Brings the tower of a raw folder into the layout of mlx-vlm. */
    static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        VisionConfig.nameModel(tensors);
        PatchGrid.turnKernels(tensors, TOWER + ".patch_conv", Config.of(c.section("vision_config")).channels);
        Ministral3.sanitize(c, tensors);
    }

    @Override
    public ImageFeatures encode(ProcessedImage image) {
        MlxArray pixels = VisionConfig.pixels(image, config.channels, config.patch);
        int rows = pixels.dim(2) / config.patch;
        int columns = pixels.dim(3) / config.patch;
        DType type = norm.weight().dtype();
        MlxArray h = norm.apply(patches.apply(PatchGrid.patches(Ops.astype(pixels, type), config.patch)));
        GridRope positions = GridRope.alternating(rows, columns, config.headDim(), config.theta, type);
        MlxArray[] outputs = new MlxArray[blocks.size() + 1];
        outputs[0] = h;
        List<PatchAttention.Run> whole = List.of(new PatchAttention.Run(1, rows * columns));
        int last = Arrays.stream(taken).max().getAsInt();
        for (int i = 0; i < last; i++) {
            outputs[i + 1] = blocks.get(i).apply(outputs[i], positions, whole);
        }
        MlxArray[] chosen = Arrays.stream(taken).mapToObj(i -> outputs[i]).toArray(MlxArray[]::new);
        MlxArray x = chosen.length == 1 ? chosen[0] : Indexing.concatenate(-1, chosen);
        return new ImageFeatures(Indexing.squeeze(projector.apply(x, rows, columns), 0), List.of());
    }
}
