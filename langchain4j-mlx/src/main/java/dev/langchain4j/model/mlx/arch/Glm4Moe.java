package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.MlxArray;
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
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import dev.langchain4j.model.mlx.nn.Router;
import dev.langchain4j.model.mlx.nn.SparseMlp;
import dev.langchain4j.model.mlx.nn.SwitchMlp;
import java.util.Map;
import java.util.function.IntFunction;

/**
 * GLM-4.5 to 4.7: experts chosen within groups and one that all positions go through, behind a few dense layers.
 * Source: mlx-lm's {@code models/glm4_moe.py}.
 */
public final class Glm4Moe {
    private Glm4Moe() {}

    /** The model. It has a head of its own, whatever tie_word_embeddings says. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.of(c, c.count("head_dim"));
        int hidden = shape.hidden();
        int rows = c.count("vocab_size");
        RopeParameters positions = RopeParameters.of(c);
        int turned = positions.dims(shape.headDim(), Double.NaN);
        Rope rope = Ropes.of(w, positions, turned, Double.NaN, false);
        double eps = c.number("rms_norm_eps");
        Embedding embedding = Embedding.load(w, "model.embed_tokens", rows, hidden);
        IntFunction<Block> layer = i -> {
            String name = "model.layers." + i;
            Attention attention = attention(c, w, name + ".self_attn", shape, rope);
            return Block.load(w, name, hidden, eps, attention, feedForward(c, w, name + ".mlp", i));
        };
        Decoder main = new Decoder(
                embedding::apply,
                Decoder.layers(w, c, layer),
                RmsNorm.load(w, "model.norm", hidden, eps),
                Linear.load(w, "lm_head", hidden, rows, false),
                rows);
        return MtpHead.deepseek(c, w, main, layer);
    }

    private static Attention attention(ModelConfig c, Weights w, String name, Shape shape, Rope rope) {
        Attention plain = Attention.load(w, name, shape, c.flag("attention_bias", false), false, rope);
        double eps = c.number("rms_norm_eps");
        return c.flag("use_qk_norm", false)
                ? plain.withHeadNorms(
                        RmsNorm.load(w, name + ".q_norm", shape.headDim(), eps),
                        RmsNorm.load(w, name + ".k_norm", shape.headDim(), eps))
                : plain;
    }

    private static FeedForward feedForward(ModelConfig c, Weights w, String name, int layer) {
        return c.has("n_routed_experts") && layer >= c.integer("first_k_dense_replace", 0)
                ? experts(c, w, name)
                : Mlp.load(w, name, c.count("hidden_size"), c.count("intermediate_size"));
    }

    /** Experts by groups, and those that are shared; DeepSeek-V3 has the same. */
    static SparseMlp experts(ModelConfig c, Weights w, String name) {
        int experts = c.count("n_routed_experts");
        return experts(c, w, name, Router.Grouped.load(c, w, name + ".gate", c.count("hidden_size"), experts));
    }

    /** The same with experts that are chosen in another way. */
    static SparseMlp experts(ModelConfig c, Weights w, String name, Router router) {
        int hidden = c.count("hidden_size");
        int inner = c.count("moe_intermediate_size");
        int experts = c.count("n_routed_experts");
        FeedForward shared = c.has("n_shared_experts")
                ? Mlp.load(w, name + ".shared_experts", hidden, inner * c.count("n_shared_experts"))
                : null;
        return new SparseMlp(
                router, SwitchMlp.load(w, name + ".switch_mlp", hidden, inner, experts, false, Gating.SILU), shared);
    }

    /** Stacks the experts of raw folders, and keeps one layer that predicts several tokens ahead. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        Tensors.stackExperts(c, tensors, c.integer("n_routed_experts", 0));
        MtpHead.keepDeepseek(c, tensors);
    }
}
