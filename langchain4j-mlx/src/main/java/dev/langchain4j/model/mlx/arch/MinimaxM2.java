package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.DType;
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
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import dev.langchain4j.model.mlx.nn.Router;
import dev.langchain4j.model.mlx.nn.SparseMlp;
import dev.langchain4j.model.mlx.nn.SwitchMlp;
import java.util.Map;

/**
 * MiniMax-M2: norms over all heads of queries and of keys, positions on a part of each head, and experts in each block,
 * chosen by sigmoid scores with a correction. Source: mlx-lm's {@code models/minimax.py}.
 */
public final class MinimaxM2 {
    private MinimaxM2() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        check(c, "scoring_func", "sigmoid");
        check(c, "qk_norm_type", "per_layer");
        Shape shape = Shape.of(c, 0);
        RopeParameters positions = RopeParameters.of(c);
        Rope rope = Ropes.of(w, positions, positions.dims(shape.headDim(), 1), Double.NaN, false);
        double eps = c.number("rms_norm_eps");
        return Decoder.load(c, w, false, i -> {
            String name = "model.layers." + i;
            Attention attention = attention(c, w, name + ".self_attn", shape, rope);
            SparseMlp mlp = experts(c, w, name + ".block_sparse_moe", shape.hidden());
            return Block.load(w, name, shape.hidden(), eps, attention, mlp);
        });
    }

    private static void check(ModelConfig c, String name, String only) {
        String value = c.text(name, only);
        if (!value.equals(only)) {
            throw c.invalid(name, value, "must be " + only);
        }
    }

    private static Attention attention(ModelConfig c, Weights w, String name, Shape s, Rope rope) {
        Attention plain = Attention.load(w, name, s, false, false, rope);
        double eps = c.number("rms_norm_eps");
        return c.flag("use_qk_norm", true)
                ? plain.withWholeNorms(
                        RmsNorm.load(w, name + ".q_norm", s.heads() * s.headDim(), eps),
                        RmsNorm.load(w, name + ".k_norm", s.kvHeads() * s.headDim(), eps))
                : plain;
    }

    private static SparseMlp experts(ModelConfig c, Weights w, String name, int hidden) {
        int experts = c.count("num_local_experts");
        int inner = c.count("intermediate_size");
        String bias = name + ".e_score_correction_bias";
        MlxArray correction = w.has(bias) ? w.get(bias, experts) : null;
        Linear gate = Linear.load(w, name + ".gate", hidden, experts, false);
        Router router = Router.topOf(
                        x -> Ops.sigmoid(gate.apply(Ops.astype(x, DType.FLOAT32))),
                        scores -> correction == null ? scores : Ops.add(scores, correction),
                        Router.chosen(c, experts, c.count("num_experts_per_tok")),
                        Router.Selection.FIRST_NEGATED,
                        some -> Ops.divide(some, Ops.add(Ops.sum(some, -1, true), 1e-20)))
                .inTypeOfInput();
        return new SparseMlp(
                router, SwitchMlp.load(w, name + ".switch_mlp", hidden, inner, experts, false, Gating.SILU), null);
    }

    /**
     * Unpacks 8-bit floats of raw folders, stacks their experts, and drops layers that predict several tokens ahead.
     */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        Tensors.dequantizeFp8Blocks(tensors);
        Mixtral.stackExperts(c, tensors);
        Tensors.dropLayersBehind(c, tensors);
    }
}
