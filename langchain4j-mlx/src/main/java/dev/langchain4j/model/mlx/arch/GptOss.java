package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Part;
import dev.langchain4j.model.mlx.model.Partwise;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.LayerTypes;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import dev.langchain4j.model.mlx.nn.Router;
import dev.langchain4j.model.mlx.nn.SparseMlp;
import dev.langchain4j.model.mlx.nn.SwitchMlp;
import java.util.List;
import java.util.Map;

/**
 * gpt-oss: attention with sinks, over a window in every other layer, and experts with biases and a clamped activation.
 * Source: mlx-lm's {@code models/gpt_oss.py}.
 */
public final class GptOss {

    /** What config.json says, and the numbers of the larger model where it is silent. */
    private record Config(Shape shape, int inner, int experts, int chosen, double eps, int window) {

        static Config of(ModelConfig c) {
            int experts = c.count("num_local_experts", 128);
            int heads = c.count("num_attention_heads", 64);
            int kvHeads = c.count("num_key_value_heads", 8);
            if (heads % kvHeads != 0) {
                throw c.invalid("num_key_value_heads", kvHeads, "must divide num_attention_heads (" + heads + ")");
            }
            return new Config(
                    new Shape(c.count("hidden_size", 2880), heads, kvHeads, c.count("head_dim", 64)),
                    c.count("intermediate_size", 2880),
                    experts,
                    Router.chosen(c, experts, 4),
                    c.number("rms_norm_eps", 1e-5),
                    c.count("sliding_window", 128));
        }
    }

    private GptOss() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Config config = Config.of(c);
        Shape shape = config.shape;
        int rows = c.count("vocab_size", 201_088);
        int layers = c.count("num_hidden_layers", 36);
        RopeParameters positions = RopeParameters.of(c.withDefaults("max_position_embeddings", 131_072));
        Rope rope = Ropes.of(w, positions, shape.headDim(), 150_000, false);
        List<String> types = LayerTypes.of(c, layers, List.of(LayerTypes.FULL, LayerTypes.SLIDING));
        Embedding embedding = Embedding.load(w, "model.embed_tokens", rows, shape.hidden());
        return new Decoder(
                embedding::apply,
                Decoder.layers(w, layers, i -> {
                    boolean slides = types == null ? i % 2 == 0 : types.get(i).equals(LayerTypes.SLIDING);
                    return block(config, w, "model.layers." + i, rope, slides);
                }),
                RmsNorm.load(w, "model.norm", shape.hidden(), config.eps),
                Linear.load(w, "lm_head", shape.hidden(), rows, false),
                rows);
    }

    private static Block block(Config c, Weights w, String name, Rope rope, boolean slides) {
        int hidden = c.shape.hidden();
        Attention attention = Attention.load(w, name + ".self_attn", c.shape, true, true, rope)
                .withSinks(w.part(
                        name + ".self_attn.sinks", c.shape.queryHeads(c.shape.shard(w, name + ".self_attn.o_proj"))))
                .withWindow(slides ? c.window : 0);
        Linear router = Linear.load(w, name + ".mlp.router", hidden, c.experts, true);
        SwitchMlp experts =
                SwitchMlp.load(w, name + ".mlp.experts", hidden, c.inner, c.experts, true, Gating.CLAMPED_SWISH);
        SparseMlp mlp =
                new SparseMlp(Router.softmaxOfTop(router, c.chosen, Router.Selection.LAST, true), experts, null);
        return Block.load(w, name, hidden, c.eps, attention, mlp);
    }

    /** Parts gate and values, which raw folders have row by row in turns, and views packed bytes as words. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        if (tensors.keySet().stream().anyMatch(name -> name.contains("gate_proj.weight"))) {
            return;
        }
        for (String raw : List.copyOf(tensors.keySet())) {
            boolean gateUp = raw.contains(".gate_up_proj");
            if (!gateUp && !raw.contains(".experts.down_proj")) {
                continue;
            }
            MlxArray tensor = tensors.remove(raw);
            String name = raw.replace("_proj_bias", "_proj.bias");
            if (raw.endsWith("_blocks")) {
                tensor = words(tensor);
                name = raw.replace("_blocks", ".weight");
            } else if (raw.endsWith("_scales")) {
                name = raw.replace("_scales", ".scales");
            } else if (raw.endsWith("_proj")) {
                name = raw + ".weight";
            }
            if (gateUp) {
                int axis = name.endsWith(".bias") ? -1 : -2;
                tensors.put(name.replace("gate_up_proj", "gate_proj"), Partwise.everySecond(tensor, axis, 0));
                tensors.put(name.replace("gate_up_proj", "up_proj"), Partwise.everySecond(tensor, axis, 1));
            } else {
                tensors.put(name, tensor);
            }
        }
    }

    /** The bytes of [experts, rows, groups, bytes] as words of [experts, rows, words]. */
    private static MlxArray words(MlxArray bytes) {
        int group = bytes.dim(-1);
        int groups = bytes.dim(-2);
        return flatWords(bytes).withParts(bounds -> {
            Part columns = new Part(groups * group / Integer.BYTES, bounds[2]);
            MlxArray part = !columns.isMultipleOf(group / Integer.BYTES)
                    ? null
                    : bytes.readPart(
                            bounds[0],
                            bounds[1],
                            columns.over(group / Integer.BYTES).bounds(),
                            new int[] {0, group});
            return part == null ? null : flatWords(part);
        });
    }

    private static MlxArray flatWords(MlxArray bytes) {
        return Indexing.flatten(Indexing.view(bytes, DType.UINT32), -2, -1);
    }
}
