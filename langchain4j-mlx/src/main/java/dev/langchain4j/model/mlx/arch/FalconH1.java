package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Tensors;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.FeedForward;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.Norm;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import dev.langchain4j.model.mlx.nn.StateSpaceMixer;
import dev.langchain4j.model.mlx.nn.StateSpaceMixer.Biases;
import java.util.List;
import java.util.Map;

/**
 * Falcon-H1: each layer has a state space and attention side by side. Its multipliers are part of the weights, but for
 * that of tied logits. Source: mlx-lm's {@code models/falcon_h1.py}.
 */
public final class FalconH1 {

    /** A state space beside attention, and a feed-forward layer. */
    private record Block(Norm before, StateSpaceMixer mamba, Attention attention, Norm beforeMlp, FeedForward mlp)
            implements Decoder.Part {

        @Override
        public MlxArray apply(MlxArray x, Spans spans, int state) {
            MlxArray normed = before.apply(x);
            MlxArray h =
                    Ops.add(Ops.add(x, mamba.apply(normed, spans, state)), attention.apply(normed, spans, state + 1));
            return Ops.add(h, mlp.apply(beforeMlp.apply(h)));
        }

        @Override
        public List<LayerCache> newCaches() {
            return List.of(mamba.newCache(), attention.newCache());
        }
    }

    private FalconH1() {}

    private static ModelConfig defaults(ModelConfig c) {
        return c.withDefaults(
                "hidden_size", 1024,
                "intermediate_size", 2048,
                "num_hidden_layers", 36,
                "num_attention_heads", 8,
                "num_key_value_heads", 2,
                "head_dim", 64,
                "max_position_embeddings", 131_072,
                "rms_norm_eps", 1e-5,
                "vocab_size", 32_784,
                "mamba_d_conv", 4,
                "mamba_d_head", 64,
                "mamba_d_ssm", 1536,
                "mamba_d_state", 128,
                "mamba_n_groups", 1,
                "mamba_n_heads", 24,
                "embedding_multiplier", 5.656854249492381,
                "lm_head_multiplier", 0.0390625,
                "key_multiplier", 0.390625,
                "attention_out_multiplier", 0.9375,
                "ssm_in_multiplier", 1.25,
                "ssm_out_multiplier", 0.23570226039551587);
    }

    /** The model. */
    public static LanguageModel create(ModelConfig given, Weights w) {
        ModelConfig c = defaults(given);
        Shape shape = Shape.of(c, 0);
        int hidden = shape.hidden();
        int rows = c.count("vocab_size");
        double eps = c.number("rms_norm_eps");
        boolean traditional = c.flag("rope_traditional", false);
        Rope rope = Ropes.of(w, RopeParameters.of(c), shape.headDim(), 1e11, traditional);
        boolean bias = c.flag("attention_bias", false);
        Embedding embedding = Embedding.load(w, "model.embed_tokens", rows, hidden);
        return new Decoder(
                embedding::apply,
                Decoder.layers(w, c, i -> {
                    String name = "model.layers." + i;
                    int inner = c.count("intermediate_size");
                    return new Block(
                            RmsNorm.load(w, name + ".input_layernorm", hidden, eps),
                            mamba(c, w, name + ".mamba"),
                            Attention.load(w, name + ".self_attn", shape, bias, bias, rope),
                            RmsNorm.load(w, name + ".pre_ff_layernorm", hidden, eps),
                            Mlp.load(w, name + ".feed_forward", hidden, inner, c.flag("mlp_bias", false), Gating.SILU));
                }),
                RmsNorm.load(w, "model.final_layernorm", hidden, eps),
                head(c, w, embedding, hidden, rows),
                rows);
    }

    private static Linear head(ModelConfig c, Weights w, Embedding embedding, int hidden, int rows) {
        if (!c.flag("tie_word_embeddings", true)) {
            return Linear.load(w, "lm_head", hidden, rows, false);
        }
        double multiplier = c.number("lm_head_multiplier") / c.number("embedding_multiplier");
        Linear head = embedding.asLinear();
        return x -> Ops.multiply(head.apply(x), multiplier);
    }

    private static StateSpaceMixer mamba(ModelConfig c, Weights w, String name) {
        StateSpaceMixer.Shape s = StateSpaceMixer.Shape.of(
                c, "mamba_n_heads", "mamba_d_head", "mamba_n_groups", "mamba_d_state", "mamba_d_conv");
        if (c.count("mamba_d_ssm") != s.inner()) {
            throw c.invalid("mamba_d_ssm", c.count("mamba_d_ssm"), "must be mamba_n_heads times mamba_d_head");
        }
        Biases biases = new Biases(
                c.flag("mamba_proj_bias", false), c.flag("mamba_conv_bias", true), c.flag("projectors_bias", false));
        return StateSpaceMixer.load(c, w, name, s, biases, gating(c, w, name + ".norm", s));
    }

    private static Gating gating(ModelConfig c, Weights w, String name, StateSpaceMixer.Shape s) {
        if (!c.flag("mamba_rms_norm", false)) {
            return Gating.SILU;
        }
        double eps = c.number("rms_norm_eps");
        if (!c.flag("mamba_norm_before_gate", false)) {
            return StateSpaceMixer.gatedNorm(w, name, s, eps);
        }
        RmsNorm norm = RmsNorm.load(w, name, s.inner(), eps);
        return (gate, y) -> Gating.SILU.apply(gate, norm.apply(y));
    }

    /** Turns the kernels of raw folders, and multiplies their weights and biases once and for all. */
    public static void sanitize(ModelConfig given, Map<String, MlxArray> tensors) {
        MlxArray kernel = tensors.get("model.layers.0.mamba.conv1d.weight");
        if (kernel == null || kernel.dim(-1) <= kernel.dim(1)) {
            return;
        }
        ModelConfig c = defaults(given);
        float[] onInputs = onInputs(c);
        tensors.replaceAll((name, a) -> {
            String layer = name.substring(0, Math.max(0, name.lastIndexOf('.')));
            if (layer.endsWith(".in_proj")) {
                MlxArray rows = MlxArray.of(onInputs, onInputs.length);
                MlxArray factors = Ops.astype(a.ndim() == 2 ? Indexing.expandDims(rows, 1) : rows, a.dtype());
                return name.endsWith(".bias")
                        ? Ops.multiply(a, factors)
                        : Ops.multiply(a, Ops.multiply(factors, c.number("ssm_in_multiplier")));
            }
            double factor = multiplier(c, layer, name.endsWith(".bias"));
            return factor == 1 ? a : Ops.multiply(a, factor);
        });
        Tensors.turnKernels(tensors);
    }

    /** What the output of a layer, and so its weight and its bias, is multiplied by; its input only its weight. */
    private static double multiplier(ModelConfig c, String layer, boolean bias) {
        double in = bias ? 1 : c.number("attention_in_multiplier", 1);
        return switch (layer.substring(layer.lastIndexOf('.') + 1)) {
            case "embed_tokens" -> c.number("embedding_multiplier");
            case "lm_head" -> c.number("lm_head_multiplier");
            case "q_proj", "v_proj" -> in;
            case "k_proj" -> in * c.number("key_multiplier");
            case "o_proj" -> c.number("attention_out_multiplier");
            case "out_proj" -> c.number("ssm_out_multiplier");
            case "gate_proj" -> pair(c)[0];
            case "down_proj" -> pair(c)[1];
            default -> 1;
        };
    }

    private static double[] pair(ModelConfig c) {
        double[] both =
                c.has("mlp_multipliers") ? c.numbers("mlp_multipliers") : new double[] {0.8838834764831844, 0.5859375};
        if (both.length != 2) {
            throw c.invalid("mlp_multipliers", both.length, "must be two numbers");
        }
        return both;
    }

    /** A factor for each row of in_proj: of the gate, the input, B, C and time steps. */
    private static float[] onInputs(ModelConfig c) {
        double[] each = c.has("ssm_multipliers")
                ? c.numbers("ssm_multipliers")
                : new double[] {0.3535533905932738, 0.25, 0.3535533905932738, 0.5, 0.3535533905932738};
        if (each.length != 5) {
            throw c.invalid("ssm_multipliers", each.length, "must be five numbers");
        }
        int inner = c.count("mamba_d_ssm");
        int state = c.count("mamba_n_groups") * c.count("mamba_d_state");
        int[] lengths = {inner, inner, state, state, c.count("mamba_n_heads")};
        float[] factors = new float[2 * inner + 2 * state + c.count("mamba_n_heads")];
        int row = 0;
        for (int part = 0; part < lengths.length; part++) {
            for (int i = 0; i < lengths[part]; i++) {
                factors[row++] = (float) each[part];
            }
        }
        return factors;
    }
}
