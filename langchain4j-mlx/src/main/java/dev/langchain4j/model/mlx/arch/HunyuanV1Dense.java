package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;

/**
 * Hunyuan (dense): norms on the heads of queries and keys after they have turned, and a base that alpha raises. Source:
 * mlx-lm's {@code models/hunyuan_v1_dense.py}.
 */
public final class HunyuanV1Dense {
    private HunyuanV1Dense() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.of(c, 0);
        double eps = c.number("rms_norm_eps");
        boolean bias = c.flag("attention_bias", false);
        boolean normed = c.flag("use_qk_norm", true);
        Rope rope = Ropes.of(w, RopeParameters.of(c), shape.headDim(), 10_000, false);
        return Decoder.load(c, w, false, i -> {
            String name = "model.layers." + i;
            String own = name + ".self_attn";
            Rope queries = normed ? normed(w, own + ".query_layernorm", shape.headDim(), eps, rope) : rope;
            Rope keys = normed ? normed(w, own + ".key_layernorm", shape.headDim(), eps, rope) : rope;
            Attention attention = Attention.load(w, own, shape, bias, bias, queries, keys);
            Mlp mlp = Mlp.load(w, name + ".mlp", shape.hidden(), c.count("intermediate_size"));
            return Block.load(w, name, shape.hidden(), eps, attention, mlp);
        });
    }

    /** Turns heads, and then brings them to a common size. */
    private static Rope normed(Weights w, String name, int headDim, double eps, Rope rope) {
        RmsNorm norm = RmsNorm.load(w, name, headDim, eps);
        return (x, offsets) -> norm.apply(rope.apply(x, offsets));
    }
}
