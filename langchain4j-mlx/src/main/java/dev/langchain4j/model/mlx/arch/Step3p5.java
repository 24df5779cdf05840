package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Tensors;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Embedding;
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
import java.util.function.IntPredicate;

/**
 * Step 3.5: sliding windows with heads of their own number, a gate for each head, positions that differ from layer to
 * layer, and experts whose activations are limited. Source: mlx-lm's {@code models/step3p5.py}.
 */
public final class Step3p5 {
    private static final Map<String, String> RAW_NAMES = Map.of(
            ".moe.gate_proj.", ".mlp.switch_mlp.gate_proj.",
            ".moe.up_proj.", ".mlp.switch_mlp.up_proj.",
            ".moe.down_proj.", ".mlp.switch_mlp.down_proj.",
            ".moe.gate.", ".mlp.gate.gate.",
            ".moe.router_bias", ".mlp.gate.router_bias",
            ".share_expert.", ".mlp.share_expert.");

    private Step3p5() {}

    /** The model. It has a head of its own, whatever tie_word_embeddings says. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        int hidden = c.count("hidden_size");
        int rows = c.count("vocab_size");
        double eps = c.number("rms_norm_eps", 1e-5);
        List<String> types = LayerTypes.of(c, List.of(LayerTypes.FULL, LayerTypes.SLIDING));
        IntPredicate sparse = sparse(c);
        Embedding embedding = Embedding.load(w, "model.embed_tokens", rows, hidden);
        return new Decoder(
                embedding::apply,
                Decoder.layers(w, c, i -> {
                    String name = "model.layers." + i;
                    Decoder.Layer attention = attention(c, w, name + ".self_attn", types, i);
                    FeedForward mlp = sparse.test(i)
                            ? experts(c, w, name + ".mlp", i)
                            : shared(c, w, name + ".mlp", c.count("intermediate_size"), i);
                    return Block.load(w, name, hidden, eps, attention, mlp);
                }),
                RmsNorm.load(w, "model.norm", hidden, eps),
                Linear.load(w, "lm_head", hidden, rows, false),
                rows);
    }

    /** The layers that have experts: those that moe_layers_enum lists, or else all but the first. */
    private static IntPredicate sparse(ModelConfig c) {
        String listed = c.text("moe_layers_enum", "").strip();
        if (listed.isEmpty()) {
            return i -> i > 0;
        }
        if (!listed.matches("\\d{1,6}(\\s*,\\s*\\d{1,6})*")) {
            throw c.invalid("moe_layers_enum", listed, "must be layers separated by commas");
        }
        List<Integer> layers = List.of(listed.split("\\s*,\\s*")).stream()
                .map(Integer::valueOf)
                .toList();
        return layers::contains;
    }

    private static Decoder.Layer attention(ModelConfig c, Weights w, String name, List<String> types, int layer) {
        boolean slides = types == null ? layer % 2 == 0 : types.get(layer).equals(LayerTypes.SLIDING);
        Shape s = shape(c, slides);
        double eps = c.number("rms_norm_eps", 1e-5);
        List<String> scaled = c.texts("yarn_only_types");
        String type = types == null ? LayerTypes.FULL : types.get(layer);
        RopeParameters positions =
                RopeParameters.ofLayer(c, type, layer, scaled == null || scaled.isEmpty() || scaled.contains(type));
        Rope rope = Ropes.of(w, positions, positions.dims(s.headDim(), 1), 10_000, false);
        Attention plain = Attention.load(w, name, s, false, false, rope)
                .withHeadNorms(
                        RmsNorm.load(w, name + ".q_norm", s.headDim(), eps),
                        RmsNorm.load(w, name + ".k_norm", s.headDim(), eps))
                .withWindow(slides ? c.count("sliding_window", 512) : 0);
        if (!c.flag("use_head_wise_attn_gate", true)) {
            return plain;
        }
        Linear gate = Linear.load(w, name + ".g_proj", s.hidden(), s.heads(), false);
        return new GatedHeads(plain, gate, Ops::sigmoid, 1);
    }

    private static Shape shape(ModelConfig c, boolean slides) {
        ModelConfig other = slides ? c.section("attention_other_setting") : null;
        ModelConfig counts = other == null ? c : other;
        int heads = counts.count("num_attention_heads");
        int groups = counts.count("num_attention_groups");
        if (heads % groups != 0) {
            throw counts.invalid("num_attention_groups", groups, "must divide num_attention_heads (" + heads + ")");
        }
        return new Shape(c.count("hidden_size"), heads, groups, c.count("head_dim"));
    }

    /** What each layer's activations are limited to. */
    private static Gating gating(ModelConfig c, String limits, int layer) {
        double[] each = c.numbers(limits);
        double limit = each == null || layer >= each.length ? 0 : each[layer];
        return limit > 0 ? Gating.limited(limit) : Gating.SILU;
    }

    private static FeedForward shared(ModelConfig c, Weights w, String name, int inner, int layer) {
        return Mlp.load(w, name, c.count("hidden_size"), inner, false, gating(c, "swiglu_limits_shared", layer));
    }

    private static FeedForward experts(ModelConfig c, Weights w, String name, int layer) {
        int hidden = c.count("hidden_size");
        int experts = c.count("moe_num_experts", 288);
        int chosen = c.count("moe_top_k", 8);
        if (chosen > experts) {
            throw c.invalid("moe_top_k", chosen, "must be at most moe_num_experts (" + experts + ")");
        }
        return new SparseMlp(
                Router.Grouped.ofOneGroup(
                        Linear.load(w, name + ".gate.gate", hidden, experts, false),
                        Router::sigmoid,
                        w.get(name + ".gate.router_bias", experts),
                        chosen,
                        c.flag("norm_expert_weight", true),
                        c.number("moe_router_scaling_factor", 3)),
                SwitchMlp.load(
                        w,
                        name + ".switch_mlp",
                        hidden,
                        c.count("moe_intermediate_size", 1280),
                        experts,
                        false,
                        gating(c, "swiglu_limits", layer)),
                shared(c, w, name + ".share_expert", c.count("share_expert_dim", 1280), layer));
    }

    /**
     * Renames the experts of raw folders, adds the one that their norms are stored without, and drops what predicts
     * several tokens ahead.
     */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        tensors.keySet().removeIf(name -> name.contains(".mtp"));
        Tensors.dropLayersBehind(c, tensors);
        boolean raw = false;
        for (String name : List.copyOf(tensors.keySet())) {
            for (Map.Entry<String, String> e : RAW_NAMES.entrySet()) {
                if (name.contains(e.getKey()) && !name.contains(e.getValue())) {
                    tensors.put(name.replace(e.getKey(), e.getValue()), tensors.remove(name));
                    raw = true;
                    break;
                }
            }
        }
        if (raw) {
            tensors.replaceAll((name, a) -> name.endsWith("norm.weight") ? Ops.add(a, 1) : a);
        }
    }
}
