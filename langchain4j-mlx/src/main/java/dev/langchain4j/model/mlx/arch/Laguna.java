package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Tensors;
import dev.langchain4j.model.mlx.model.TextPart;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.FeedForward;
import dev.langchain4j.model.mlx.nn.GatedHeads;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.LayerTypes;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import dev.langchain4j.model.mlx.nn.Router;
import dev.langchain4j.model.mlx.nn.SparseMlp;
import dev.langchain4j.model.mlx.nn.SwitchMlp;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * Laguna: sliding windows with heads of their own number and positions of their own kind, gates on heads, experts of
 * which one is shared. Source: mlx-lm's {@code models/laguna.py}.
 */
public final class Laguna {
    private static final List<String> MLP_TYPES = List.of("dense", "sparse");

    private Laguna() {}

    private static ModelConfig defaults(ModelConfig c) {
        return c.withDefaults(
                "vocab_size", 100_352,
                "hidden_size", 2048,
                "intermediate_size", 8192,
                "num_hidden_layers", 40,
                "num_attention_heads", 48,
                "num_key_value_heads", 8,
                "head_dim", 128,
                "max_position_embeddings", 262_144,
                "rms_norm_eps", 1e-6,
                "num_experts", 256);
    }

    /** The model. */
    public static LanguageModel create(ModelConfig given, Weights w) {
        ModelConfig c = defaults(given);
        int hidden = c.count("hidden_size");
        List<String> types = LayerTypes.of(c, List.of(LayerTypes.FULL, LayerTypes.SLIDING));
        List<String> mlpTypes = mlpTypes(c);
        boolean nested = RopeParameters.areNested(c);
        Rope full = rope(c, w, nested ? RopeParameters.ofFull(c, LayerTypes.FULL) : RopeParameters.of(c));
        Rope sliding = nested ? rope(c, w, RopeParameters.ofSliding(c, LayerTypes.SLIDING)) : full;
        return Decoder.load(c, w, false, i -> {
            String name = "model.layers." + i;
            boolean slides = types != null && types.get(i).equals(LayerTypes.SLIDING);
            FeedForward mlp = (mlpTypes == null ? i > 0 : mlpTypes.get(i).equals("sparse"))
                    ? experts(c, w, name + ".mlp")
                    : Mlp.load(w, name + ".mlp", hidden, c.count("intermediate_size"));
            Decoder.Layer attention =
                    attention(c, w, name + ".self_attn", shape(c, i), slides ? sliding : full, slides);
            return Block.load(w, name, hidden, c.number("rms_norm_eps"), attention, mlp);
        });
    }

    private static List<String> mlpTypes(ModelConfig c) {
        List<String> types = c.texts("mlp_layer_types");
        if (types != null && (types.size() != c.count("num_hidden_layers") || !MLP_TYPES.containsAll(types))) {
            throw c.invalid("mlp_layer_types", types, "must have one of " + MLP_TYPES + " for each layer");
        }
        return types;
    }

    private static Rope rope(ModelConfig c, Weights w, RopeParameters positions) {
        return Ropes.of(w, positions, positions.dims(c.count("head_dim"), 1), 10_000, false);
    }

    private static Shape shape(ModelConfig c, int layer) {
        double[] each = c.numbers("num_attention_heads_per_layer");
        if (each == null) {
            return Shape.of(c, 0);
        }
        int kvHeads = c.count("num_key_value_heads");
        int heads = layer < each.length ? (int) each[layer] : 0;
        if (heads < 1 || heads % kvHeads != 0) {
            throw c.invalid(
                    "num_attention_heads_per_layer",
                    c.json().get("num_attention_heads_per_layer"),
                    "must have a multiple of num_key_value_heads (" + kvHeads + ") for each layer");
        }
        return new Shape(c.count("hidden_size"), heads, kvHeads, c.count("head_dim"));
    }

    private static Decoder.Layer attention(ModelConfig c, Weights w, String name, Shape s, Rope rope, boolean slides) {
        double eps = c.number("rms_norm_eps");
        Attention plain = Attention.load(w, name, s, c.flag("qkv_bias", false), c.flag("attention_bias", false), rope)
                .withHeadNorms(
                        RmsNorm.load(w, name + ".q_norm", s.headDim(), eps),
                        RmsNorm.load(w, name + ".k_norm", s.headDim(), eps))
                .withWindow(slides ? c.count("sliding_window", 512) : 0);
        int width = gateWidth(c, s);
        if (width == 0) {
            return plain;
        }
        Linear gate = Linear.load(w, name + ".g_proj", s.hidden(), width * s.heads(), false);
        return new GatedHeads(plain, gate, x -> Ops.astype(softplus(Ops.astype(x, DType.FLOAT32)), x.dtype()), width);
    }

    /** Gates of a head: one, one for each dimension, or none. */
    private static int gateWidth(ModelConfig c, Shape s) {
        String gating = c.isNull("gating") ? "false" : c.json().path("gating").asText("true");
        return switch (gating) {
            case "true", "per-head" -> 1;
            case "per-element" -> s.headDim();
            case "false" -> 0;
            default -> throw c.invalid("gating", gating, "must be true, false, per-head or per-element");
        };
    }

    private static MlxArray softplus(MlxArray x) {
        return Ops.logaddexp(x, MlxArray.scalar(0, x.dtype()));
    }

    private static SparseMlp experts(ModelConfig c, Weights w, String name) {
        int hidden = c.count("hidden_size");
        int experts = c.count("num_experts");
        Linear gate = Linear.load(w, name + ".gate.proj", hidden, experts, false);
        return new SparseMlp(
                Router.Grouped.ofOneGroup(
                        gate,
                        scoring(c),
                        w.get(name + ".gate.e_score_correction_bias", experts),
                        Router.chosen(c, experts, 8),
                        true,
                        c.number("moe_routed_scaling_factor", 1)),
                SwitchMlp.load(
                        w,
                        name + ".switch_mlp",
                        hidden,
                        c.count("moe_intermediate_size", 512),
                        experts,
                        false,
                        Gating.SILU),
                Mlp.load(w, name + ".shared_expert", hidden, c.count("shared_expert_intermediate_size", 512)));
    }

    private static UnaryOperator<MlxArray> scoring(ModelConfig c) {
        double cap = c.number("moe_router_logit_softcapping", 0);
        String function = c.text("moe_router_score_func", "sigmoid");
        UnaryOperator<MlxArray> scores =
                switch (function) {
                    case "sigmoid" -> Ops::sigmoid;
                    case "sqrtsoftplus" -> logits -> Ops.sqrt(softplus(logits));
                    default -> throw c.invalid("moe_router_score_func", function, "must be sigmoid or sqrtsoftplus");
                };
        return logits -> {
            MlxArray single = Ops.astype(logits, DType.FLOAT32);
            return scores.apply(cap > 0 ? Ops.multiply(Ops.tanh(Ops.divide(single, cap)), cap) : single);
        };
    }

    /** Takes a wrapper's prefix off, drops a head that is tied, and gives the experts of raw folders their places. */
    public static void sanitize(ModelConfig given, Map<String, MlxArray> tensors) {
        ModelConfig c = defaults(given);
        if (tensors.keySet().stream().anyMatch(name -> name.startsWith("language_model."))) {
            TextPart.unwrap(c, tensors);
        }
        if (c.flag("tie_word_embeddings", false)) {
            tensors.keySet().removeIf(name -> name.startsWith("lm_head."));
        }
        for (int i = 0; i < c.count("num_hidden_layers"); i++) {
            String name = "model.layers." + i + ".mlp";
            rename(tensors, name + ".gate.weight", name + ".gate.proj.weight");
            String bias = ".e_score_correction_bias";
            rename(tensors, name + ".experts" + bias, name + ".gate" + bias);
        }
        Tensors.stackExperts(c, tensors, c.count("num_experts"));
    }

    private static void rename(Map<String, MlxArray> tensors, String from, String to) {
        MlxArray tensor = tensors.remove(from);
        if (tensor != null) {
            tensors.put(to, tensor);
        }
    }
}
