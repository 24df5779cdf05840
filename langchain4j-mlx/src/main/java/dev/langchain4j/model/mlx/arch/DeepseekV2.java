package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Tensors;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.LatentAttention;
import dev.langchain4j.model.mlx.nn.LatentAttention.Shape;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.MultiLinear;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Router;
import java.util.Map;

/**
 * DeepSeek-V2: as DeepSeek-V3, with experts chosen by probability and one matrix for keys and values. Source: mlx-lm's
 * {@code models/deepseek_v2.py}; arXiv:2405.04434.
 */
public final class DeepseekV2 {
    private DeepseekV2() {}

    /** The model. */
    public static LanguageModel create(ModelConfig given, Weights w) {
        ModelConfig c = DeepseekV3.defaults(given);
        return DeepseekV3.create(
                c,
                w,
                (name, s, bias, rope) -> attention(w, name, s, bias, rope),
                name -> Glm4Moe.experts(c, w, name, router(c, w, name + ".gate")));
    }

    /**
     * Attention over latent vectors. Its two matrices are parts of one, which may be quantized by rows and be changed
     * by an adapter: what it makes of unit vectors are its columns.
     */
    private static LatentAttention attention(Weights w, String name, Shape s, boolean bias, Rope rope) {
        int width = s.plainDim() + s.valueDim();
        Linear both = Linear.load(w, name + ".kv_b_proj", s.latent(), s.heads() * width, false);
        MlxArray ones =
                Indexing.ones(w.get(name + ".kv_a_layernorm.weight", s.latent()).dtype(), s.latent(), s.latent());
        MlxArray columns = both.apply(Indexing.tril(Indexing.triu(ones, 0), 0));
        MlxArray heads = Indexing.unflatten(Indexing.transpose(columns, 1, 0), 0, s.heads(), width);
        MlxArray keys = Indexing.swapAxes(Indexing.slice(heads, 1, 0, s.plainDim()), -1, -2);
        MlxArray values = Indexing.slice(heads, 1, s.plainDim(), width);
        return LatentAttention.of(w, name, s, bias, rope, MultiLinear.of(w, keys), MultiLinear.of(w, values));
    }

    private static Router router(ModelConfig c, Weights w, String name) {
        int experts = c.count("n_routed_experts");
        String method = c.text("topk_method", "greedy");
        boolean grouped = method.equals("group_limited_greedy");
        if (!grouped && !method.equals("greedy") && !method.equals("gready")) {
            throw c.invalid("topk_method", method, "must be greedy or group_limited_greedy");
        }
        return new Router.Grouped(
                        Linear.load(w, name, c.count("hidden_size"), experts, false),
                        logits -> Ops.softmax(logits, -1, true),
                        null,
                        Router.chosen(c, experts, 1),
                        grouped ? c.count("n_group") : 1,
                        grouped ? c.count("topk_group") : 1,
                        1,
                        false,
                        c.number("routed_scaling_factor", 1))
                .checked(c, "n_group", experts);
    }

    /** Stacks the experts of raw folders. */
    public static void sanitize(ModelConfig given, Map<String, MlxArray> tensors) {
        ModelConfig c = DeepseekV3.defaults(given);
        Tensors.stackExperts(c, tensors, c.integer("n_routed_experts", 0));
    }
}
