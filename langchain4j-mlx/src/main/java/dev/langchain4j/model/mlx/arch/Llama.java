package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.LayerTypes;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;

/**
 * The decoder of Llama, Mistral, Qwen2, Qwen3, SmolLM3, ERNIE 4.5, Seed-OSS and InternLM3, which differ in biases, head
 * norms, defaults and layers without positions only. Source: mlx-lm's {@code models/llama.py}, {@code qwen2.py},
 * {@code qwen3.py}, {@code smollm3.py}, {@code ernie4_5.py}, {@code seed_oss.py} and {@code internlm3.py}.
 */
public final class Llama {

    /**
     * What config.json says in each architecture's own words.
     *
     * @param theta rope_theta if config.json has none; not a number if it must
     * @param traditional whether neighbours turn against each other, instead of halves
     */
    private record Settings(
            boolean qkvBias, boolean outputBias, boolean mlpBias, boolean tied, double theta, boolean traditional) {

        static Settings ofLlama(ModelConfig c) {
            boolean bias = c.flag("attention_bias", false);
            boolean traditional = c.flag("rope_traditional", false);
            return new Settings(bias, bias, c.flag("mlp_bias", false), true, 10_000, traditional);
        }
    }

    private Llama() {}

    /** {@code llama} and {@code mistral}: biases and sliding windows as config.json says. */
    public static LanguageModel llama(ModelConfig config, Weights weights) {
        return create(config, weights, Settings.ofLlama(config), layer -> true);
    }

    /** {@code smollm3}: layers at regular places, or listed ones, have no positions. */
    public static LanguageModel smollm3(ModelConfig config, Weights weights) {
        int interval = config.count("no_rope_layer_interval", 4);
        double[] listed = config.numbers("no_rope_layers");
        if (listed != null && listed.length != config.count("num_hidden_layers")) {
            throw config.invalid("no_rope_layers", listed.length + " entries", "must have one for each layer");
        }
        return create(
                config,
                weights,
                Settings.ofLlama(config),
                layer -> listed == null ? (layer + 1) % interval != 0 : listed[layer] != 0);
    }

    /** {@code ernie4_5}: one setting for all biases. */
    public static LanguageModel ernie45(ModelConfig c, Weights w) {
        boolean bias = c.flag("use_bias", false);
        return create(c, w, new Settings(bias, bias, bias, true, Double.NaN, true), layer -> true);
    }

    /** {@code seed_oss}: a setting of its own for the bias of what attention puts out. */
    public static LanguageModel seedOss(ModelConfig c, Weights w) {
        c.count("head_dim");
        boolean outputBias = c.flag("attention_out_bias", false);
        Settings s = Settings.ofLlama(c);
        return create(
                c, w, new Settings(s.qkvBias, outputBias, s.mlpBias, true, s.theta, s.traditional), layer -> true);
    }

    /**
     * {@code internlm3}. Whether what attention puts out has a bias goes with qkv_bias in mlx-lm and with bias in what
     * the authors published, so the weights say it.
     */
    public static LanguageModel internlm3(ModelConfig c, Weights w) {
        boolean outputBias = w.has("model.layers.0.self_attn.o_proj.bias");
        boolean traditional = c.flag("rope_traditional", false);
        Settings settings =
                new Settings(c.flag("qkv_bias", false), outputBias, c.flag("bias", false), false, 10_000, traditional);
        return create(c, w, settings, layer -> true);
    }

    private static LanguageModel create(ModelConfig c, Weights w, Settings s, IntPredicate hasPositions) {
        Shape shape = Shape.of(c, 0);
        Rope rope = Ropes.of(w, RopeParameters.of(c), shape.headDim(), s.theta, s.traditional);
        List<String> types = LayerTypes.of(c, List.of(LayerTypes.FULL, LayerTypes.SLIDING));
        return Decoder.load(c, w, s.tied, i -> {
            String name = "model.layers." + i;
            Rope positions = hasPositions.test(i) ? rope : Rope.NONE;
            Attention attention = Attention.load(w, name + ".self_attn", shape, s.qkvBias, s.outputBias, positions)
                    .withWindow(LayerTypes.window(c, types, i));
            return block(c, w, name, attention, s.mlpBias);
        });
    }

    /** {@code qwen2}: biases on queries, keys and values. */
    public static LanguageModel qwen2(ModelConfig c, Weights w) {
        Shape shape = Shape.ofEqualHeads(c);
        Rope rope = Ropes.of(w, RopeParameters.of(c), shape.headDim(), 1_000_000, c.flag("rope_traditional", false));
        return Decoder.load(c, w, true, i -> {
            String name = "model.layers." + i;
            return block(c, w, name, Attention.load(w, name + ".self_attn", shape, true, false, rope), false);
        });
    }

    /**
     * {@code mimo}: Qwen2 with other defaults, and with layers that predict several tokens ahead, which are dropped.
     */
    public static LanguageModel mimo(ModelConfig c, Weights w) {
        return qwen2(c.withDefaults("rope_theta", 10_000.0, "tie_word_embeddings", false), w);
    }

    /** Drops what predicts several tokens ahead. */
    public static void sanitizeMimo(ModelConfig c, Map<String, MlxArray> tensors) {
        tensors.keySet().removeIf(name -> name.startsWith("model.mtp_layers."));
    }

    /** {@code qwen3}: a norm on each head of queries and keys. */
    public static LanguageModel qwen3(ModelConfig c, Weights w) {
        c.count("head_dim");
        Shape shape = Shape.of(c, 0);
        Rope rope = Ropes.of(w, RopeParameters.of(c), shape.headDim(), Double.NaN, false);
        boolean bias = c.flag("attention_bias", false);
        double eps = c.number("rms_norm_eps");
        return Decoder.load(c, w, true, i -> {
            String name = "model.layers." + i;
            Attention attention = Attention.load(w, name + ".self_attn", shape, bias, bias, rope)
                    .withHeadNorms(
                            RmsNorm.load(w, name + ".self_attn.q_norm", shape.headDim(), eps),
                            RmsNorm.load(w, name + ".self_attn.k_norm", shape.headDim(), eps));
            return block(c, w, name, attention, false);
        });
    }

    private static Block block(ModelConfig c, Weights w, String name, Attention attention, boolean mlpBias) {
        int hidden = c.count("hidden_size");
        Mlp mlp = Mlp.load(w, name + ".mlp", hidden, c.count("intermediate_size"), mlpBias, Gating.SILU);
        return Block.load(w, name, hidden, c.number("rms_norm_eps"), attention, mlp);
    }
}
