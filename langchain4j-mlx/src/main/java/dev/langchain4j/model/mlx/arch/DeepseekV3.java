package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Tensors;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.FeedForward;
import dev.langchain4j.model.mlx.nn.LatentAttention;
import dev.langchain4j.model.mlx.nn.LatentAttention.Shape;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import java.util.Map;
import java.util.function.Function;
import java.util.function.IntFunction;

/**
 * DeepSeek-V3 and -R1, Kimi K2: attention whose keys and values are kept as one short latent vector a position, and
 * experts chosen within groups. Source: mlx-lm's {@code models/deepseek_v3.py}; arXiv:2412.19437.
 */
public final class DeepseekV3 {

    /** Makes the attention of this name. */
    interface Attentions {
        Decoder.Layer of(String name, Shape shape, boolean bias, Rope rope);
    }

    private DeepseekV3() {}

    /** The model. */
    public static LanguageModel create(ModelConfig given, Weights w) {
        ModelConfig c = defaults(given);
        return create(
                c,
                w,
                (name, s, bias, rope) -> LatentAttention.load(w, name, s, bias, rope),
                name -> Glm4Moe.experts(c, w, name));
    }

    /** A model of this family. It has a head of its own, whatever tie_word_embeddings says. */
    static LanguageModel create(
            ModelConfig c, Weights w, Attentions attentions, Function<String, FeedForward> experts) {
        Shape shape = Shape.of(c);
        int hidden = shape.hidden();
        int rows = c.count("vocab_size");
        double eps = c.number("rms_norm_eps");
        boolean bias = c.flag("attention_bias", false);
        Rope rope = Ropes.of(w, RopeParameters.of(c), shape.turnedDim(), 10_000, true);
        Embedding embedding = Embedding.load(w, "model.embed_tokens", rows, hidden);
        IntFunction<Block> layer = i -> {
            String name = "model.layers." + i;
            FeedForward mlp = isSparse(c, i)
                    ? experts.apply(name + ".mlp")
                    : Mlp.load(w, name + ".mlp", hidden, c.count("intermediate_size"));
            return Block.load(w, name, hidden, eps, attentions.of(name + ".self_attn", shape, bias, rope), mlp);
        };
        Decoder main = new Decoder(
                embedding::apply,
                Decoder.layers(w, c, layer),
                RmsNorm.load(w, "model.norm", hidden, eps),
                Linear.load(w, "lm_head", hidden, rows, false),
                rows);
        return MtpHead.deepseek(c, w, main, layer);
    }

    static ModelConfig defaults(ModelConfig c) {
        return c.withDefaults(
                "vocab_size", 102_400,
                "hidden_size", 4096,
                "intermediate_size", 11_008,
                "moe_intermediate_size", 1407,
                "num_hidden_layers", 30,
                "num_attention_heads", 32,
                "kv_lora_rank", 512,
                "q_lora_rank", 1536,
                "qk_rope_head_dim", 64,
                "v_head_dim", 128,
                "qk_nope_head_dim", 128,
                "rms_norm_eps", 1e-6);
    }

    private static boolean isSparse(ModelConfig c, int layer) {
        return c.has("n_routed_experts")
                && layer >= c.integer("first_k_dense_replace", 0)
                && layer % c.count("moe_layer_freq", 1) == 0;
    }

    /**
     * As {@link #sanitize}, for those who have a use for what predicts several tokens ahead: one layer of it is kept.
     */
    static void sanitizeWithHead(ModelConfig given, Map<String, MlxArray> tensors) {
        MtpHead.keepDeepseek(defaults(given), tensors);
        unpack(defaults(given), tensors);
    }

    /**
     * Unpacks what raw folders have in 8 or 4 bits, stacks their experts, parts kv_b_proj by use, and drops what
     * predicts several tokens ahead.
     */
    public static void sanitize(ModelConfig given, Map<String, MlxArray> tensors) {
        Tensors.dropLayersBehind(defaults(given), tensors);
        unpack(defaults(given), tensors);
    }

    private static void unpack(ModelConfig c, Map<String, MlxArray> tensors) {
        Tensors.renamePackedWords(tensors);
        Tensors.dequantizeFp8Blocks(tensors);
        Tensors.stackExperts(c, tensors, c.integer("n_routed_experts", 0));
        for (int i = 0; i <= c.count("num_hidden_layers"); i++) {
            LatentAttention.partKeysAndValues(c, tensors, "model.layers." + i + ".self_attn");
        }
    }
}
