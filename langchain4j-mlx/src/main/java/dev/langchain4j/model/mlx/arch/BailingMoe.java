package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Compiled;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
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
import dev.langchain4j.model.mlx.nn.Gating;
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
import java.util.function.UnaryOperator;

/**
 * Ling and Ring: queries, keys and values out of one matrix, and experts, within groups in the second generation,
 * behind a few dense layers. Source: mlx-lm's {@code models/bailing_moe.py}.
 */
public final class BailingMoe {
    private BailingMoe() {}

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.of(c, 0);
        int hidden = shape.hidden();
        int rows = c.count("vocab_size");
        double eps = c.number("rms_norm_eps");
        RopeParameters positions = RopeParameters.of(c);
        Rope rope = Ropes.of(w, positions, positions.dims(shape.headDim(), 1), Double.NaN, false);
        Embedding embedding = Embedding.load(w, "model.word_embeddings", rows, hidden);
        Linear head = c.flag("tie_word_embeddings", false)
                ? embedding.asLinear()
                : Linear.load(w, "lm_head", hidden, rows, false);
        int dense = c.integer("first_k_dense_replace");
        return new Decoder(
                embedding::apply,
                Decoder.layers(w, c, i -> {
                    String name = "model.layers." + i;
                    FeedForward mlp = c.has("num_experts") && i >= dense
                            ? experts(c, w, name + ".mlp", hidden)
                            : dense(c, w, name + ".mlp", hidden, c.count("intermediate_size"));
                    return Block.load(w, name, hidden, eps, attention(c, w, name + ".attention", shape, rope), mlp);
                }),
                RmsNorm.load(w, "model.norm", hidden, eps),
                head,
                rows);
    }

    private static Attention attention(ModelConfig c, Weights w, String name, Shape s, Rope rope) {
        boolean qkvBias = c.flag("use_qkv_bias", false);
        boolean bias = c.flag("use_bias", false);
        double eps = c.number("rms_norm_eps");
        Attention plain = Attention.loadFused(w, name + ".query_key_value", name + ".dense", s, qkvBias, bias, rope);
        return c.flag("use_qk_norm", false)
                ? plain.withHeadNorms(
                        RmsNorm.load(w, name + ".query_layernorm", s.headDim(), eps),
                        RmsNorm.load(w, name + ".key_layernorm", s.headDim(), eps))
                : plain;
    }

    private static Mlp dense(ModelConfig c, Weights w, String name, int hidden, int inner) {
        return Mlp.load(w, name, hidden, inner, c.flag("use_bias", false), Gating.SILU);
    }

    private static SparseMlp experts(ModelConfig c, Weights w, String name, int hidden) {
        int experts = c.count("num_experts");
        int inner = c.count("moe_intermediate_size");
        int shared = c.flag("moe_router_enable_shared_expert", true) ? c.integer("num_shared_experts", 0) : 0;
        int sharedInner = c.count("moe_shared_expert_intermediate_size", inner);
        return new SparseMlp(
                router(c, w, name + ".gate", hidden, experts),
                SwitchMlp.load(w, name + ".switch_mlp", hidden, inner, experts, c.flag("use_bias", false), Gating.SILU),
                shared > 0 ? dense(c, w, name + ".shared_experts", hidden, sharedInner * shared) : null);
    }

    private static Router router(ModelConfig c, Weights w, String name, int hidden, int experts) {
        Linear gate = Linear.load(w, name + ".gate_proj", hidden, experts, false);
        boolean corrected = c.flag("moe_router_enable_expert_bias", false);
        MlxArray correction = corrected ? w.get(name + ".expert_bias", experts) : null;
        int chosen = Router.chosen(c, experts, c.count("num_experts_per_tok"));
        int groups = c.count("n_group", 1);
        int dropped = groups == 1 ? 0 : groups - c.count("topk_group", 4);
        if (experts % groups != 0 || dropped < 0 || dropped > 0 && experts / groups < 2) {
            throw c.invalid("n_group", groups, "must divide " + experts + " experts and be at least topk_group");
        }
        boolean normalized = chosen > 1 && c.flag("norm_topk_prob", false);
        double scaling = c.number("routed_scaling_factor", 1);
        UnaryOperator<MlxArray> scores = scores(c, gate);
        return x -> {
            MlxArray all = scores.apply(x);
            MlxArray ranked = correction == null ? all : Router.SUM.apply(all, correction);
            MlxArray kept = dropped > 0 ? Router.withoutLowGroups(ranked, groups, dropped, 2) : ranked;
            MlxArray found = Router.Selection.LAST.of(kept, chosen);
            MlxArray some = Indexing.takeAlong(all, found, -1);
            MlxArray factor = MlxArray.scalar(scaling, some.dtype());
            MlxArray weights = normalized
                    ? SHARES.apply(some, factor, x, Ops.sum(some, -1, true))
                    : WEIGHTS.apply(some, factor, x);
            return new Router.Choice(found, weights);
        };
    }

    /** weights * factor in the type of the input. */
    private static final Compiled WEIGHTS = Compiled.of(in -> Ops.astype(Ops.multiply(in[0], in[1]), in[2].dtype()));

    /** The same of weights that are divided by their sum. */
    private static final Compiled SHARES = Compiled.of(in -> {
        MlxArray shares = Ops.divide(in[0], Ops.add(in[3], 1e-20));
        return Ops.astype(Ops.multiply(shares, in[1]), in[2].dtype());
    });

    private static UnaryOperator<MlxArray> scores(ModelConfig c, Linear gate) {
        String function = c.text("score_function", "softmax");
        return switch (function) {
            case "sigmoid" -> x -> Router.SIGMOID.apply(gate.apply(x));
            case "softmax" -> x -> Ops.softmax(Ops.astype(gate.apply(x), DType.FLOAT32), -1, true);
            default -> throw c.invalid("score_function", function, "must be sigmoid or softmax");
        };
    }

    /**
     * Stacks the experts of raw folders, gives their routers the usual name, brings the columns of the head to a common
     * length where config.json says so, and drops layers that predict several tokens ahead.
     */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        MlxArray head = tensors.get("lm_head.weight");
        if (c.flag("norm_head", false) && head != null && head.dtype().isFloating()) {
            MlxArray squares = Ops.square(Ops.astype(head, DType.FLOAT32));
            MlxArray lengths = Ops.add(Ops.sqrt(Ops.sum(squares, 0, true)), 1e-7);
            tensors.put("lm_head.weight", Ops.astype(Ops.divide(head, lengths), head.dtype()));
        }
        Tensors.stackExperts(c, tensors, c.integer("num_experts", 0));
        for (String name : List.copyOf(tensors.keySet())) {
            if (name.endsWith(".mlp.gate.weight")) {
                tensors.put(name.replace(".mlp.gate.", ".mlp.gate.gate_proj."), tensors.remove(name));
            }
        }
        Tensors.dropLayersBehind(c, tensors);
    }
}
