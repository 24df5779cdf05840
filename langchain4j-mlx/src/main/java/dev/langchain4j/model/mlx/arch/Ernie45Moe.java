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
import dev.langchain4j.model.mlx.nn.FeedForward;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import dev.langchain4j.model.mlx.nn.Router;
import dev.langchain4j.model.mlx.nn.SparseMlp;
import dev.langchain4j.model.mlx.nn.SwitchMlp;
import java.util.Arrays;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;

/**
 * ERNIE 4.5 with experts in a range of layers, chosen by softmax or sigmoid, and some that all positions go through.
 * Source: mlx-lm's {@code models/ernie4_5_moe.py}.
 */
public final class Ernie45Moe {
    private static final String CORRECTION = ".moe_statics.e_score_correction_bias";

    private Ernie45Moe() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.of(c, 0);
        boolean bias = c.flag("use_bias", false);
        Rope rope = Ropes.of(w, RopeParameters.of(c), shape.headDim(), Double.NaN, true);
        IntPredicate sparse = sparse(c);
        return Decoder.load(c, w, true, i -> {
            String name = "model.layers." + i;
            Attention attention = Attention.load(w, name + ".self_attn", shape, bias, bias, rope);
            FeedForward mlp = sparse.test(i)
                    ? experts(c, w, name + ".mlp", bias)
                    : dense(w, name + ".mlp", shape.hidden(), c.count("intermediate_size"), bias);
            return Block.load(w, name, shape.hidden(), c.number("rms_norm_eps"), attention, mlp);
        });
    }

    /** Every n-th layer from one to another; config.json of models that see has one range for each kind of input. */
    private static IntPredicate sparse(ModelConfig c) {
        int last = c.count("num_hidden_layers") - 1;
        double[] starts = c.numbers("moe_layer_start_index");
        double[] ends = c.numbers("moe_layer_end_index");
        double start = starts == null ? 0 : Arrays.stream(starts).min().orElse(0);
        double given = ends == null ? -1 : Arrays.stream(ends).max().orElse(-1);
        double end = given == -1 ? last : given;
        int interval = c.count("moe_layer_interval", 1);
        return i -> (i + 1) % interval == 0 && i >= start && i <= end;
    }

    private static Mlp dense(Weights w, String name, int hidden, int inner, boolean bias) {
        return Mlp.load(w, name, hidden, inner, bias, Gating.SILU);
    }

    private static SparseMlp experts(ModelConfig c, Weights w, String name, boolean bias) {
        int hidden = c.count("hidden_size");
        int experts = c.count("moe_num_experts");
        int inner = c.integer("moe_intermediate_size", 0) == 0
                ? c.count("intermediate_size")
                : c.count("moe_intermediate_size");
        int shared = c.integer("moe_num_shared_experts", 0);
        return new SparseMlp(
                router(c, w, name, experts),
                SwitchMlp.load(w, name + ".switch_mlp", hidden, inner, experts, bias, Gating.SILU),
                shared > 0 ? dense(w, name + ".shared_experts", hidden, inner * shared, bias) : null);
    }

    /** The correction is for the choice only, where the folder has one; folders of mlx-lm have none. */
    private static Router router(ModelConfig c, Weights w, String name, int experts) {
        Linear gate = Linear.load(w, name + ".gate", c.count("hidden_size"), experts, false);
        MlxArray correction = w.has(name + CORRECTION) ? w.get(name + CORRECTION, 1, experts) : null;
        int chosen = c.count("moe_k", 1);
        if (chosen > experts) {
            throw c.invalid("moe_k", chosen, "must be at most the number of experts (" + experts + ")");
        }
        String activation = c.text("moe_gate_act", "softmax");
        UnaryOperator<MlxArray> scores =
                switch (activation) {
                    case "softmax" -> x -> Ops.softmax(single(gate.apply(x)), -1, true);
                    case "sigmoid" -> x -> Ops.sigmoid(single(gate.apply(x)));
                    default -> throw c.invalid("moe_gate_act", activation, "must be softmax or sigmoid");
                };
        MlxArray least = w.adopt(MlxArray.scalar(c.number("moe_norm_min", 1e-12), DType.FLOAT32));
        return Router.topOf(
                scores,
                all -> correction == null ? all : Ops.add(all, correction),
                chosen,
                Router.Selection.FIRST_NEGATED,
                some -> Ops.divide(some, Ops.maximum(Ops.sum(some, -1, true), least)));
    }

    private static MlxArray single(MlxArray x) {
        return Ops.astype(x, DType.FLOAT32);
    }

    /**
     * Stacks the experts of raw folders, and drops what predicts several tokens ahead, and corrections that are off.
     */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        boolean corrected = c.flag("moe_use_aux_free", true);
        tensors.keySet()
                .removeIf(name -> name.contains("mtp_block.")
                        || name.contains("mtp_linear_proj.")
                        || name.contains("mtp_hidden_norm.")
                        || name.contains("mtp_emb_norm.")
                        || !corrected && name.endsWith(CORRECTION));
        Tensors.stackExperts(c, tensors, c.count("moe_num_experts"));
    }
}
