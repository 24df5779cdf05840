package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Tensors;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.FeedForward;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.LatentAttention;
import dev.langchain4j.model.mlx.nn.LatentAttention.Shape;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import dev.langchain4j.model.mlx.nn.Router;
import dev.langchain4j.model.mlx.nn.SwitchMlp;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * LongCat-Flash: layers of two attentions over latent vectors and two dense layers, with experts that are added at the
 * end and of which some change nothing. Source: mlx-lm's {@code models/longcat_flash.py}.
 */
public final class LongcatFlash {
    private static final int HALVES = 2;

    /** Half of a layer: attention and a dense layer. */
    private record Half(RmsNorm before, LatentAttention attention, RmsNorm beforeMlp, Mlp mlp) {}

    /** A layer. Its experts see what the first dense layer sees, and are added behind the second one. */
    private record Block(List<Half> halves, FeedForward experts) implements Decoder.Part {

        @Override
        public MlxArray apply(MlxArray x, Spans spans, int state) {
            MlxArray h = x;
            MlxArray sparse = null;
            for (int i = 0; i < HALVES; i++) {
                Half half = halves.get(i);
                h = Ops.add(h, half.attention.apply(half.before.apply(h), spans, state + i));
                MlxArray normed = half.beforeMlp.apply(h);
                sparse = sparse == null ? experts.apply(normed) : sparse;
                h = Ops.add(h, half.mlp.apply(normed));
            }
            return Ops.add(h, sparse);
        }

        @Override
        public List<LayerCache> newCaches() {
            return halves.stream().map(half -> half.attention.newCache()).toList();
        }
    }

    private LongcatFlash() {}

    /** The model. It has a head of its own, whatever tie_word_embeddings says. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        Shape shape = Shape.of(c);
        boolean scaled = shape.queryRank() > 0 && c.flag("mla_scale_q_lora", true);
        Shape s = scaled ? shape.scaled(Math.sqrt((double) shape.hidden() / shape.queryRank())) : shape;
        int rows = c.count("vocab_size");
        double eps = c.number("rms_norm_eps");
        Rope rope = Ropes.of(w, RopeParameters.of(c), s.turnedDim(), 1e7, true);
        Embedding embedding = Embedding.load(w, "model.embed_tokens", rows, s.hidden());
        return new Decoder(
                embedding::apply,
                Decoder.layers(w, c.count("num_layers"), i -> {
                    String name = "model.layers." + i;
                    IntFunction<Half> half = k -> half(c, w, name, k, s, rope, eps);
                    return new Block(IntStream.range(0, HALVES).mapToObj(half).toList(), experts(c, w, name + ".mlp"));
                }),
                RmsNorm.load(w, "model.norm", s.hidden(), eps),
                Linear.load(w, "lm_head", s.hidden(), rows, false),
                rows);
    }

    private static Half half(ModelConfig c, Weights w, String name, int k, Shape s, Rope rope, double eps) {
        LatentAttention plain =
                LatentAttention.load(w, name + ".self_attn." + k, s, c.flag("attention_bias", false), rope);
        double factor = Math.sqrt((double) s.hidden() / s.latent());
        return new Half(
                RmsNorm.load(w, name + ".input_layernorm." + k, s.hidden(), eps),
                c.flag("mla_scale_kv_lora", true) ? plain.withLatentScale(w, factor) : plain,
                RmsNorm.load(w, name + ".post_attention_layernorm." + k, s.hidden(), eps),
                Mlp.load(w, name + ".mlps." + k, s.hidden(), c.count("ffn_hidden_size")));
    }

    /** Experts, of which those with the highest numbers give back what goes in. */
    private static FeedForward experts(ModelConfig c, Weights w, String name) {
        int hidden = c.count("hidden_size");
        int real = c.count("n_routed_experts");
        int all = real + Math.max(0, c.integer("zero_expert_num", 0));
        String type = c.text("zero_expert_type", "identity");
        if (all > real && !type.equals("identity")) {
            throw c.invalid("zero_expert_type", type, "must be identity");
        }
        Router router = router(c, w, name + ".router", hidden, all);
        int inner = c.count("expert_ffn_hidden_size");
        SwitchMlp experts = SwitchMlp.load(w, name + ".switch_mlp", hidden, inner, real, false, Gating.SILU);
        return x -> {
            Router.Choice choice = router.choose(x);
            if (all == real) {
                return experts.apply(x, choice);
            }
            MlxArray first = MlxArray.scalar(real, choice.experts().dtype());
            MlxArray identity = Ops.greaterEqual(choice.experts(), first);
            MlxArray none = MlxArray.scalar(0, choice.weights().dtype());
            MlxArray computed = experts.apply(
                    x,
                    new Router.Choice(
                            Ops.where(identity, MlxArray.scalar(0, first.dtype()), choice.experts()),
                            Ops.where(identity, none, choice.weights())));
            MlxArray kept = Ops.sum(Ops.where(identity, choice.weights(), none), -1, true);
            return Ops.add(computed, Ops.multiply(x, kept));
        };
    }

    /** The experts with the highest corrected probabilities, weighted by those without the correction. */
    private static Router router(ModelConfig c, Weights w, String name, int hidden, int experts) {
        int chosen = c.count("moe_topk");
        if (chosen > experts) {
            throw c.invalid("moe_topk", chosen, "must be at most the number of experts (" + experts + ")");
        }
        Linear classifier = Linear.load(w, name + ".classifier", hidden, experts, c.flag("router_bias", false));
        MlxArray correction = w.get(name + ".e_score_correction_bias", experts);
        double scaling = c.number("routed_scaling_factor");
        boolean normalized = c.flag("norm_topk_prob", false);
        return x -> {
            MlxArray scores = Ops.softmax(classifier.apply(x), -1, false);
            MlxArray indices = Router.Selection.LAST.of(Ops.add(scores, correction), chosen);
            MlxArray weights = Indexing.takeAlong(scores, indices, -1);
            MlxArray shares = normalized ? Ops.divide(weights, Ops.sum(weights, -1, true)) : weights;
            return new Router.Choice(indices, Ops.astype(Ops.multiply(shares, scaling), x.dtype()));
        };
    }

    /** Stacks the experts of raw folders, parts kv_b_proj by use, and drops what predicts several tokens ahead. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        tensors.keySet().removeIf(name -> name.startsWith("model.mtp"));
        Tensors.renamePackedWords(tensors);
        Tensors.dequantizeFp8Blocks(tensors);
        ModelConfig layers = c.withDefaults("num_hidden_layers", c.count("num_layers"));
        Tensors.stackExperts(layers, tensors, c.count("n_routed_experts"));
        for (int i = 0; i < c.count("num_layers"); i++) {
            for (int k = 0; k < HALVES; k++) {
                LatentAttention.partKeysAndValues(c, tensors, "model.layers." + i + ".self_attn." + k);
            }
        }
    }
}
