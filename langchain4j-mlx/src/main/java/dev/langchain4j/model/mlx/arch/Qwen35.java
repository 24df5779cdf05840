package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.arch.Qwen3Next.DeltaNet;
import dev.langchain4j.model.mlx.arch.Qwen3Next.GatedAttention;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Part;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Shard;
import dev.langchain4j.model.mlx.model.TextPart;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.FeedForward;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import java.util.Map;
import java.util.function.IntPredicate;

/**
 * {@code qwen3_5}: Qwen3-Next with projections of their own for everything that goes into linear attention, in folders
 * with or without a vision tower. Source: mlx-lm's {@code models/qwen3_5.py}.
 */
public final class Qwen35 {
    private Qwen35() {}

    static ModelConfig text(ModelConfig c) {
        ModelConfig text = c.has("text_config") ? TextPart.config(c, TextPart.jsonWithTied(c)) : c;
        return text.withDefaults(
                "hidden_size", 4096,
                "intermediate_size", 14_336,
                "num_hidden_layers", 32,
                "num_attention_heads", 32,
                "num_key_value_heads", 8,
                "max_position_embeddings", 131_072,
                "rms_norm_eps", 1e-6,
                "vocab_size", 151_936,
                "linear_num_value_heads", 64,
                "linear_num_key_heads", 16,
                "linear_key_head_dim", 192,
                "linear_value_head_dim", 128);
    }

    /** The model. */
    public static LanguageModel create(ModelConfig outer, Weights w) {
        ModelConfig c = text(outer);
        Shape shape = Shape.of(c, 0);
        int hidden = shape.hidden();
        RopeParameters positions = RopeParameters.of(RopeParameters.withAxes(c, true, 11, 11, 10));
        Rope rope = Ropes.of(w, positions, positions.dims(shape.headDim(), 0.25), 100_000, false);
        IntPredicate attends = Qwen3Next.attends(c);
        double eps = c.number("rms_norm_eps");
        Decoder main = Decoder.load(c, w, false, i -> {
            String name = "model.layers." + i;
            Decoder.Layer attention = attends.test(i)
                    ? GatedAttention.load(c, w, name + ".self_attn", shape, rope)
                    : deltaNet(c, w, name + ".linear_attn", hidden);
            return Block.load(w, name, hidden, eps, attention, feedForward(c, w, name + ".mlp", hidden));
        });
        return MtpHead.qwen(c, w, main, name -> {
            Decoder.Layer attention = GatedAttention.load(c, w, name + ".self_attn", shape, rope);
            return Block.load(w, name, hidden, eps, attention, feedForward(c, w, name + ".mlp", hidden));
        });
    }

    private static FeedForward feedForward(ModelConfig c, Weights w, String name, int hidden) {
        return c.integer("num_experts", 0) > 0
                ? Qwen3Next.experts(c, w, name, hidden, true)
                : Mlp.load(w, name, hidden, c.count("intermediate_size"));
    }

    private static DeltaNet deltaNet(ModelConfig c, Weights w, String name, int hidden) {
        DeltaNet.DeltaShape h = DeltaNet.DeltaShape.of(c);
        Shard shard = h.shard(w, name);
        Part heads = h.valueParts(shard);
        Linear qkv = Linear.loadRows(w, name + ".in_proj_qkv", hidden, h.channels(shard), false);
        Linear z = Linear.loadRows(w, name + ".in_proj_z", hidden, heads.times(h.valueDim()), false);
        Linear b = Linear.loadRows(w, name + ".in_proj_b", hidden, heads, false);
        Linear a = Linear.loadRows(w, name + ".in_proj_a", hidden, heads, false);
        return DeltaNet.load(
                c, w, name, hidden, h, x -> new DeltaNet.Inputs(qkv.apply(x), z.apply(x), b.apply(x), a.apply(x)));
    }

    /** Keeps the text part; turns kernels and completes norms as raw folders need it. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        TextPart.unwrap(c, tensors);
        MtpHead.keepQwen(text(c).integer("num_experts", 0), tensors);
        if (text(c).flag("tie_word_embeddings", false)) {
            tensors.keySet().removeIf(name -> name.startsWith("lm_head."));
        }
        boolean raw = tensors.entrySet().stream()
                .anyMatch(e ->
                        e.getKey().endsWith("conv1d.weight") && e.getValue().dim(-1) != 1);
        if (raw) {
            tensors.replaceAll(Qwen3Next::mended);
        }
    }
}
