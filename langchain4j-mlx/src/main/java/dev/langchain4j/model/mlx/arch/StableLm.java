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
import dev.langchain4j.model.mlx.nn.LayerNorm;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.Norm;
import dev.langchain4j.model.mlx.nn.ParallelBlock;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;

/**
 * StableLM: norms that subtract the mean, positions on a part of each head, and, as config.json says, a norm of its own
 * for each head, or attention and the feed-forward layer beside each other. Source: mlx-lm's
 * {@code models/stablelm.py}.
 */
public final class StableLm {
    private StableLm() {}

    /** The model. It has a head of its own. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.ofEqualHeads(c);
        int hidden = shape.hidden();
        int rows = c.count("vocab_size");
        RopeParameters positions = RopeParameters.of(c);
        int turned = positions.dims(shape.headDim(), Double.NaN);
        Rope rope = Ropes.of(w, positions, turned, Double.NaN, false);
        Embedding embedding = Embedding.load(w, "model.embed_tokens", rows, hidden);
        return new Decoder(
                embedding::apply,
                Decoder.layers(w, c, i -> block(c, w, "model.layers." + i, shape, rope)),
                LayerNorm.load(w, "model.norm", hidden, c.number("layer_norm_eps"), true),
                Linear.load(w, "lm_head", hidden, rows, false),
                rows);
    }

    private static Decoder.Layer block(ModelConfig c, Weights w, String name, Shape shape, Rope rope) {
        int hidden = shape.hidden();
        double eps = c.number("layer_norm_eps");
        Attention attention = attention(c, w, name + ".self_attn", shape, rope);
        Mlp mlp = Mlp.load(w, name + ".mlp", hidden, c.count("intermediate_size"));
        return c.flag("use_parallel_residual", false)
                ? new ParallelBlock(
                        LayerNorm.load(w, name + ".input_layernorm", hidden, eps, true), attention, mlp, true)
                : Block.loadWithLayerNorms(w, name, hidden, eps, attention, mlp);
    }

    private static Attention attention(ModelConfig c, Weights w, String name, Shape s, Rope rope) {
        boolean bias = c.flag("use_qkv_bias");
        double eps = c.number("layer_norm_eps");
        Attention plain = Attention.load(w, name, s, bias, false, rope).inSinglePrecision();
        return c.flag("qk_layernorm", false)
                ? plain.withHeadNorms(
                        eachHead(w, name + ".q_layernorm.norms.", s.heads(), s.headDim(), eps),
                        eachHead(w, name + ".k_layernorm.norms.", s.kvHeads(), s.headDim(), eps))
                : plain;
    }

    private static Norm eachHead(Weights w, String name, int heads, int dim, double eps) {
        MlxArray[] each = new MlxArray[heads];
        for (int i = 0; i < heads; i++) {
            each[i] = w.get(name + i + ".weight", dim);
        }
        return LayerNorm.ofHeads(w, Indexing.stack(0, each), eps);
    }
}
