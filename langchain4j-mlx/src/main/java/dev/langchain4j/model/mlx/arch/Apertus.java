package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Compiled;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.FeedForward;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import java.util.Map;

/**
 * Apertus: a feed-forward layer without gate, whose activation has learned parameters. Source: mlx-lm's
 * {@code models/apertus.py}; the activation is xIELU, arXiv:2411.13010.
 */
public final class Apertus {

    /** A parabola above zero, an exponential below, both with a slope of beta at zero. */
    private record Xielu(MlxArray above, MlxArray below, MlxArray beta, MlxArray eps) {

        static Xielu load(Weights w, String name) {
            MlxArray above = w.adopt(softplus(w.get(name + ".alpha_p")));
            MlxArray beta = orElse(w, name + ".beta", 0.5, above.dtype());
            MlxArray below = w.adopt(Ops.add(beta, softplus(w.get(name + ".alpha_n"))));
            return new Xielu(above, below, beta, orElse(w, name + ".eps", -1e-6, above.dtype()));
        }

        private static MlxArray orElse(Weights w, String name, double otherwise, DType type) {
            return w.has(name) ? w.get(name) : w.adopt(MlxArray.scalar(otherwise, type));
        }

        private static MlxArray softplus(MlxArray x) {
            return Ops.logaddexp(x, MlxArray.scalar(0, x.dtype()));
        }

        MlxArray apply(MlxArray x) {
            return CHAIN.apply(x, beta, above, below, eps);
        }

        private static final Compiled CHAIN = Compiled.of(in -> {
            MlxArray x = in[0];
            MlxArray parabola = Ops.multiply(Ops.square(x), in[2]);
            MlxArray exponential = Ops.multiply(Ops.subtract(Ops.expm1(Ops.minimum(x, in[4])), x), in[3]);
            MlxArray curve = Ops.where(Ops.greater(x, MlxArray.scalar(0, x.dtype())), parabola, exponential);
            return Ops.add(curve, Ops.multiply(x, in[1]));
        });
    }

    private Apertus() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.ofEqualHeads(c);
        boolean traditional = c.flag("rope_traditional", false);
        Rope rope = Ropes.of(w, RopeParameters.of(c), shape.headDim(), Double.NaN, traditional);
        return Decoder.load(c, w, false, i -> block(c, w, "model.layers." + i, shape, rope));
    }

    private static Block block(ModelConfig c, Weights w, String name, Shape shape, Rope rope) {
        int hidden = shape.hidden();
        double eps = c.number("rms_norm_eps");
        boolean bias = c.flag("attention_bias", false);
        Attention attention = Attention.load(w, name + ".self_attn", shape, bias, bias, rope)
                .withHeadNorms(
                        RmsNorm.load(w, name + ".self_attn.q_norm", shape.headDim(), eps),
                        RmsNorm.load(w, name + ".self_attn.k_norm", shape.headDim(), eps));
        return new Block(
                RmsNorm.load(w, name + ".attention_layernorm", hidden, eps),
                attention,
                null,
                RmsNorm.load(w, name + ".feedforward_layernorm", hidden, eps),
                mlp(c, w, name + ".mlp", hidden),
                null);
    }

    private static FeedForward mlp(ModelConfig c, Weights w, String name, int hidden) {
        int inner = c.count("intermediate_size");
        boolean bias = c.flag("mlp_bias", false);
        Xielu activation = Xielu.load(w, name + ".act_fn");
        return Mlp.loadUngated(w, name + ".up_proj", name + ".down_proj", hidden, inner, bias, activation::apply);
    }

    /** Parameters of the activation are arrays of one in raw folders. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        tensors.replaceAll((name, a) -> name.contains(".act_fn.") ? Indexing.reshape(a) : a);
    }
}
