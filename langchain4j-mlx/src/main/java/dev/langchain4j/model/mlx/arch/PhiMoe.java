package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Block;
import dev.langchain4j.model.mlx.nn.Decoder;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.LayerNorm;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Router;
import dev.langchain4j.model.mlx.nn.SparseMlp;
import dev.langchain4j.model.mlx.nn.SwitchMlp;
import java.util.Map;

/**
 * Phi-3.5-MoE: experts that are chosen one after the other, each weighted beside those that come close to it, and norms
 * that subtract the mean. Source: mlx-lm's {@code models/phimoe.py}.
 */
public final class PhiMoe {

    /** Each choice takes the expert with the highest logit of those that are left. */
    private record SparseMixer(Linear gate, int chosen, double jitter) implements Router {

        static SparseMixer load(ModelConfig c, Weights w, String name, int hidden, int experts) {
            return new SparseMixer(
                    Linear.load(w, name, hidden, experts, false),
                    Router.chosen(c, experts, 2),
                    c.number("router_jitter_noise", 0.01));
        }

        @Override
        public Choice choose(MlxArray x) {
            MlxArray logits = gate.apply(x);
            MlxArray sizes = Ops.abs(logits);
            MlxArray lowest = MlxArray.scalar(Double.NEGATIVE_INFINITY, logits.dtype());
            MlxArray distanceMax = MlxArray.scalar(2 * jitter, logits.dtype());
            MlxArray left = logits;
            MlxArray[] experts = new MlxArray[chosen];
            MlxArray[] weights = new MlxArray[chosen];
            for (int i = 0; i < chosen; i++) {
                if (i > 0) {
                    left = Indexing.putAlong(left, experts[i - 1], lowest, -1);
                }
                MlxArray top = Ops.max(left, -1, true);
                MlxArray distance = Ops.divide(Ops.subtract(top, logits), Ops.maximum(sizes, top));
                MlxArray near = Ops.where(Ops.greater(distance, distanceMax), lowest, left);
                experts[i] = Ops.argmax(left, -1, true);
                // that of the chosen expert, for no logit that is left is higher
                weights[i] = Ops.max(Ops.softmax(near, -1, true), -1, true);
            }
            return new Choice(Indexing.concatenate(-1, experts), Indexing.concatenate(-1, weights));
        }
    }

    private PhiMoe() {}

    private static ModelConfig defaults(ModelConfig c) {
        return c.withDefaults(
                "vocab_size", 32_064,
                "hidden_size", 4096,
                "intermediate_size", 6400,
                "num_hidden_layers", 32,
                "num_attention_heads", 32,
                "num_key_value_heads", 8,
                "num_local_experts", 16,
                "rms_norm_eps", 1e-6);
    }

    /** The model. It has a head of its own. */
    public static LanguageModel create(ModelConfig given, Weights w) {
        ModelConfig c = defaults(given);
        Shape shape = Shape.ofEqualHeads(c);
        int hidden = shape.hidden();
        int rows = c.count("vocab_size");
        double eps = c.number("rms_norm_eps");
        boolean bias = c.flag("attention_bias", true);
        Rope rope = Phi3.rope(c, w, shape.headDim());
        Embedding embedding = Embedding.load(w, "model.embed_tokens", rows, hidden);
        return new Decoder(
                embedding::apply,
                Decoder.layers(w, c, i -> {
                    String name = "model.layers." + i;
                    Attention attention = Attention.load(w, name + ".self_attn", shape, bias, bias, rope);
                    SparseMlp mlp = experts(c, w, name + ".block_sparse_moe", hidden);
                    return Block.loadWithLayerNorms(w, name, hidden, eps, attention, mlp);
                }),
                LayerNorm.load(w, "model.norm", hidden, eps, true),
                Linear.load(w, "lm_head", hidden, rows, c.flag("lm_head_bias", true)),
                rows);
    }

    private static SparseMlp experts(ModelConfig c, Weights w, String name, int hidden) {
        int experts = c.count("num_local_experts");
        int inner = c.count("intermediate_size");
        return new SparseMlp(
                SparseMixer.load(c, w, name + ".gate", hidden, experts),
                SwitchMlp.load(w, name + ".switch_mlp", hidden, inner, experts, false, Gating.SILU),
                null);
    }

    /** Stacks the experts of raw folders. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        Mixtral.stackExperts(defaults(c), tensors);
    }
}
