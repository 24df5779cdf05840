package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.Projections;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import java.util.List;
import java.util.Map;

/**
 * InternLM2: queries, keys and values out of one matrix, group by group, and names of its own. Source: mlx-lm's
 * {@code models/internlm2.py}.
 */
public final class InternLm2 {
    private InternLm2() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.ofEqualHeads(c);
        int hidden = shape.hidden();
        int rows = c.count("vocab_size");
        boolean traditional = c.flag("rope_traditional", false);
        Rope rope = Ropes.of(w, RopeParameters.of(c), shape.headDim(), 10_000, traditional);
        Embedding embedding = Embedding.load(w, "model.tok_embeddings", rows, hidden);
        return new Decoder(
                embedding::apply,
                Decoder.layers(w, c, i -> block(c, w, "model.layers." + i, shape, rope)),
                RmsNorm.load(w, "model.norm", hidden, c.number("rms_norm_eps")),
                isTied(c) ? embedding.asLinear() : Linear.load(w, "output", hidden, rows, false),
                rows);
    }

    private static boolean isTied(ModelConfig c) {
        return c.flag("tie_word_embeddings", false);
    }

    private static Block block(ModelConfig c, Weights w, String name, Shape shape, Rope rope) {
        int hidden = shape.hidden();
        int inner = c.count("intermediate_size");
        double eps = c.number("rms_norm_eps");
        boolean bias = c.flag("bias", true);
        int width = (shape.heads() + 2 * shape.kvHeads()) * shape.headDim();
        Linear qkv = Linear.load(w, name + ".attention.wqkv", hidden, width, bias);
        Linear output = Linear.load(w, name + ".attention.wo", shape.heads() * shape.headDim(), hidden, bias);
        return new Block(
                RmsNorm.load(w, name + ".attention_norm", hidden, eps),
                Attention.of(shape, byGroup(qkv, shape), output, rope, rope),
                null,
                RmsNorm.load(w, name + ".ffn_norm", hidden, eps),
                new Mlp(
                        Projections.load(
                                w,
                                hidden,
                                false,
                                List.of(name + ".feed_forward.w1", name + ".feed_forward.w3"),
                                inner,
                                inner),
                        Linear.load(w, name + ".feed_forward.w2", inner, hidden, false),
                        Gating.SILU),
                null);
    }

    /** Heads as they come out: for each head of keys the queries that share it, the key, the value. */
    private static Projections byGroup(Linear qkv, Shape s) {
        int group = s.heads() / s.kvHeads();
        return x -> {
            MlxArray grouped = Indexing.unflatten(qkv.apply(x), -1, s.kvHeads(), group + 2, s.headDim());
            MlxArray[] parts = Indexing.splitAt(grouped, -2, group, group + 1);
            for (int i = 0; i < parts.length; i++) {
                parts[i] = Indexing.flatten(parts[i], -3, -1);
            }
            return parts;
        };
    }

    /** Drops the head where the embedding serves as one. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        if (isTied(c)) {
            tensors.keySet().removeIf(name -> name.startsWith("output."));
        }
    }
}
