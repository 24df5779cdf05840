package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.RecurrentCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Tensors;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.FeedForward;
import dev.langchain4j.model.mlx.nn.GatedDelta;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.LatentAttention;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Router;
import dev.langchain4j.model.mlx.nn.SparseMlp;
import dev.langchain4j.model.mlx.nn.SwitchMlp;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * Kimi Linear: the gated delta rule with a decay for each dimension, attention over latent vectors without positions in
 * some layers, and experts. Source: mlx-lm's {@code models/kimi_linear.py}; arXiv:2510.26692.
 */
public final class KimiLinear {

    /**
     * Linear attention.
     *
     * @param qkv what goes into the convolution, queries before keys and values
     * @param decay what the decay is made of, for each dimension of each head
     */
    private record DeltaAttention(
            Linear qkv,
            MlxArray kernel,
            Linear decay,
            MlxArray rate,
            MlxArray dtBias,
            Linear beta,
            Linear gate,
            RmsNorm norm,
            Linear out,
            int heads,
            int dim)
            implements Decoder.Layer {

        static DeltaAttention load(ModelConfig c, Weights w, String name) {
            ModelConfig own = linear(c);
            int heads = own.count("num_heads");
            int dim = own.count("head_dim");
            int width = own.count("short_conv_kernel_size", 4);
            if (width < 2) {
                throw own.invalid("short_conv_kernel_size", width, "must be at least 2");
            }
            int all = heads * dim;
            int hidden = c.count("hidden_size");
            Linear[] in = Stream.of(".q_proj", ".k_proj", ".v_proj")
                    .map(projection -> Linear.load(w, name + projection, hidden, all, false))
                    .toArray(Linear[]::new);
            MlxArray[] kernels = Stream.of(".q_conv", ".k_conv", ".v_conv")
                    .map(convolution -> w.get(name + convolution + ".conv.weight", all, width, 1))
                    .toArray(MlxArray[]::new);
            MlxArray dtBias = w.get(name + ".dt_bias", all);
            return new DeltaAttention(
                    x -> Indexing.concatenate(-1, in[0].apply(x), in[1].apply(x), in[2].apply(x)),
                    w.adopt(Indexing.concatenate(0, kernels)),
                    twoSteps(w, name + ".f_a_proj", name + ".f_b_proj", hidden, dim, all),
                    w.adopt(GatedDelta.rate(w.get(name + ".A_log", 1, 1, heads, 1))),
                    w.adopt(Indexing.reshape(dtBias, heads, dim)),
                    Linear.load(w, name + ".b_proj", hidden, heads, false),
                    twoSteps(w, name + ".g_a_proj", name + ".g_b_proj", hidden, dim, all),
                    RmsNorm.load(w, name + ".o_norm", dim, c.number("rms_norm_eps")),
                    Linear.load(w, name + ".o_proj", all, hidden, false),
                    heads,
                    dim);
        }

        private static Linear twoSteps(Weights w, String first, String second, int in, int between, int out) {
            Linear a = Linear.load(w, first, in, between, false);
            Linear b = Linear.load(w, second, between, out, false);
            return x -> b.apply(a.apply(x));
        }

        @Override
        public MlxArray apply(MlxArray x, Spans spans, int layer) {
            MlxArray inputs = qkv.apply(x);
            MlxArray logDecay = GatedDelta.logDecay(rate, byHead(decay.apply(x)), dtBias);
            MlxArray weights = Ops.sigmoid(beta.apply(x));
            MlxArray y = spans.each(layer, span -> {
                RecurrentCache state = (RecurrentCache) span.cache();
                MlxArray all = state.convolution().update(span.tokens(inputs), span.length());
                MlxArray mixed = Ops.silu(Ops.conv1d(all, kernel, 1, 0, kernel.dim(0)));
                MlxArray[] parts = Indexing.split(mixed, 3, -1);
                GatedDelta.Result result = GatedDelta.run(
                        GatedDelta.normalizedQueries(byHead(parts[0])),
                        GatedDelta.normalizedKeys(byHead(parts[1])),
                        byHead(parts[2]),
                        span.tokens(logDecay),
                        span.tokens(weights),
                        state.matrix(),
                        span.length(),
                        state.wantsEach());
                state.setMatrix(result.matrices());
                return result.output();
            });
            MlxArray gated = Gating.SIGMOID.apply(byHead(gate.apply(x)), norm.apply(y));
            return out.apply(Indexing.flatten(gated, 2, 3));
        }

        private MlxArray byHead(MlxArray a) {
            return Indexing.unflatten(a, -1, heads, dim);
        }

        @Override
        public LayerCache newCache() {
            return new RecurrentCache(kernel.dim(1));
        }
    }

    private KimiLinear() {}

    private static ModelConfig defaults(ModelConfig c) {
        int dim = c.count("head_dim");
        return c.withDefaults("qk_nope_head_dim", dim, "v_head_dim", dim);
    }

    private static ModelConfig linear(ModelConfig c) {
        ModelConfig linear = c.section("linear_attn_config");
        if (linear == null) {
            throw c.invalid("linear_attn_config", null, "must be an object");
        }
        return linear;
    }

    /** The model. */
    public static LanguageModel create(ModelConfig given, Weights w) {
        ModelConfig c = defaults(given);
        int hidden = c.count("hidden_size");
        double[] listed = linear(c).numbers("kda_layers");
        if (listed == null) {
            throw linear(c).invalid("kda_layers", null, "must list the layers with linear attention, from 1");
        }
        LatentAttention.Shape shape = LatentAttention.Shape.of(c);
        return Decoder.load(c, w, false, i -> {
            String name = "model.layers." + i;
            boolean isLinear = Arrays.stream(listed).anyMatch(layer -> layer == i + 1);
            Decoder.Layer attention = isLinear
                    ? DeltaAttention.load(c, w, name + ".self_attn")
                    : LatentAttention.load(w, name + ".self_attn", shape, false, Rope.NONE);
            FeedForward mlp = isSparse(c, i)
                    ? experts(c, w, name + ".mlp")
                    : Mlp.load(w, name + ".mlp", hidden, c.count("intermediate_size"));
            return Block.load(w, name, hidden, c.number("rms_norm_eps"), attention, mlp);
        });
    }

    private static boolean isSparse(ModelConfig c, int layer) {
        return c.integer("num_experts", 0) > 0
                && layer >= c.integer("first_k_dense_replace", 0)
                && layer % c.count("moe_layer_freq", 1) == 0;
    }

    private static FeedForward experts(ModelConfig c, Weights w, String name) {
        int hidden = c.count("hidden_size");
        int inner = c.count("moe_intermediate_size");
        int experts = c.count("num_experts");
        int chosen = c.count("num_experts_per_token", 1);
        if (chosen > experts) {
            throw c.invalid("num_experts_per_token", chosen, "must be at most num_experts (" + experts + ")");
        }
        Router router = new Router.Grouped(
                        Linear.load(w, name + ".gate", hidden, experts, false),
                        scoring(c),
                        w.get(name + ".e_score_correction_bias", experts),
                        chosen,
                        c.count("num_expert_group", 1),
                        c.count("topk_group", 1),
                        2,
                        chosen > 1 && c.flag("moe_renormalize", true),
                        c.number("routed_scaling_factor", 1))
                .checked(c, "num_expert_group", experts);
        int shared = c.integer("num_shared_experts", 0);
        return new SparseMlp(
                router,
                SwitchMlp.load(w, name + ".switch_mlp", hidden, inner, experts, false, Gating.SILU),
                shared > 0 ? Mlp.load(w, name + ".shared_experts", hidden, Math.multiplyExact(inner, shared)) : null);
    }

    private static UnaryOperator<MlxArray> scoring(ModelConfig c) {
        String function = c.text("moe_router_activation_func", "sigmoid");
        return switch (function) {
            case "sigmoid" -> Router::sigmoid;
            case "softmax" -> logits -> Ops.softmax(logits, -1, true);
            default -> throw c.invalid("moe_router_activation_func", function, "must be sigmoid or softmax");
        };
    }

    /**
     * Gives experts and convolutions of raw folders their places, parts kv_b_proj by use, and drops what predicts
     * several tokens ahead.
     */
    public static void sanitize(ModelConfig given, Map<String, MlxArray> tensors) {
        ModelConfig c = defaults(given);
        tensors.keySet().removeIf(name -> name.startsWith("model.mtp"));
        for (int i = 0; i < c.count("num_hidden_layers"); i++) {
            String name = "model.layers." + i;
            String[][] letters = {{".w1", ".gate_proj"}, {".w2", ".down_proj"}, {".w3", ".up_proj"}};
            for (String[] p : letters) {
                Tensors.stackExperts(
                        tensors,
                        new String[] {name + ".block_sparse_moe.experts.", p[0]},
                        name + ".mlp.switch_mlp" + p[1],
                        c.integer("num_experts", 0));
            }
            LatentAttention.partKeysAndValues(c, tensors, name + ".self_attn");
        }
        for (String name : List.copyOf(tensors.keySet())) {
            String usual = name.replace(".block_sparse_moe.gate.e_score_", ".mlp.e_score_")
                    .replace(".block_sparse_moe.", ".mlp.")
                    .replaceFirst("\\.([qkv]_conv)1d\\.weight$", ".$1.conv.weight");
            MlxArray tensor = tensors.remove(name);
            boolean turns = !usual.equals(name) && name.endsWith("1d.weight") && tensor.ndim() == 3;
            boolean flattens = name.endsWith(".dt_bias") && tensor.ndim() > 1;
            tensors.put(
                    usual,
                    turns
                            ? Indexing.contiguous(Indexing.moveAxis(tensor, 2, 1))
                            : flattens ? Indexing.flatten(tensor, 0, -1) : tensor);
        }
    }
}
