package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.cache.KvCache;
import dev.langchain4j.model.mlx.cache.LayerCache;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.Heads;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;
import java.util.ArrayList;
import java.util.List;

/**
 * The decoder of Llama, Mistral, Qwen2 and Qwen3, which differ in biases, head norms and defaults only. Source:
 * mlx-lm's {@code models/llama.py}, {@code qwen2.py} and {@code qwen3.py}.
 */
public final class Llama implements LanguageModel {

    /** What config.json says, and what the members of the family differ in. */
    record Config(
            int hiddenSize,
            int layers,
            int intermediateSize,
            int heads,
            int kvHeads,
            int headDim,
            double eps,
            int vocabulary,
            boolean tied,
            boolean qkvBias,
            boolean outputBias,
            boolean mlpBias,
            boolean headNorms,
            double ropeBase,
            boolean ropeTraditional,
            ModelConfig ropeScaling,
            int positions) {

        static Config of(ModelConfig c, boolean qwen2, boolean qwen3) {
            int hidden = c.count("hidden_size");
            int heads = c.count("num_attention_heads");
            ModelConfig nested = c.section("rope_parameters");
            double base = c.number("rope_theta", nested == null ? Double.NaN : nested.number("rope_theta", Double.NaN));
            if (Double.isNaN(base)) {
                base = qwen3 ? c.number("rope_theta") : qwen2 ? 1_000_000 : 10_000;
            }
            ModelConfig scaling = c.section("rope_scaling");
            boolean bias = c.flag("attention_bias", false) && !qwen3;
            int kvHeads = c.count("num_key_value_heads", heads);
            if (heads % kvHeads != 0) {
                throw c.invalid("num_key_value_heads", kvHeads, "must divide num_attention_heads (" + heads + ")");
            }
            return new Config(
                    hidden,
                    c.count("num_hidden_layers"),
                    c.count("intermediate_size"),
                    heads,
                    kvHeads,
                    qwen3 ? c.count("head_dim") : qwen2 ? hidden / heads : c.count("head_dim", hidden / heads),
                    c.number("rms_norm_eps"),
                    c.count("vocab_size"),
                    c.flag("tie_word_embeddings", true),
                    bias || qwen2,
                    bias && !qwen2,
                    c.flag("mlp_bias", false) && !qwen2 && !qwen3,
                    qwen3,
                    base,
                    c.flag("rope_traditional", false) && !qwen3,
                    scaling == null ? nested : scaling,
                    c.count("max_position_embeddings", 2048));
        }
    }

    private record Attention(
            Linear q, Linear k, Linear v, Linear o, RmsNorm qNorm, RmsNorm kNorm, Rope rope, Config config) {

        static Attention load(Weights w, String name, Config c, Rope rope) {
            int d = c.headDim;
            return new Attention(
                    Linear.load(w, name + ".q_proj", c.hiddenSize, c.heads * d, c.qkvBias),
                    Linear.load(w, name + ".k_proj", c.hiddenSize, c.kvHeads * d, c.qkvBias),
                    Linear.load(w, name + ".v_proj", c.hiddenSize, c.kvHeads * d, c.qkvBias),
                    Linear.load(w, name + ".o_proj", c.heads * d, c.hiddenSize, c.outputBias),
                    c.headNorms ? RmsNorm.load(w, name + ".q_norm", d, c.eps) : null,
                    c.headNorms ? RmsNorm.load(w, name + ".k_norm", d, c.eps) : null,
                    rope,
                    c);
        }

        MlxArray apply(MlxArray x, KvCache cache, int length) {
            int d = config.headDim;
            MlxArray queries = Heads.split(q.apply(x), length, config.heads, d);
            MlxArray keys = Heads.split(k.apply(x), length, config.kvHeads, d);
            MlxArray values = Heads.split(v.apply(x), length, config.kvHeads, d);
            if (qNorm != null) {
                queries = qNorm.apply(queries);
                keys = kNorm.apply(keys);
            }
            int offset = cache.offset();
            queries = rope.apply(queries, offset);
            keys = rope.apply(keys, offset);
            float scale = (float) Math.pow(d, -0.5);
            MlxArray attended = Heads.attend(queries, keys, values, cache, length, scale);
            return o.apply(Heads.join(attended, length, config.heads, d));
        }
    }

    private record Block(RmsNorm inputNorm, Attention attention, RmsNorm postAttentionNorm, Mlp mlp) {

        static Block load(Weights w, String name, Config c, Rope rope) {
            return new Block(
                    RmsNorm.load(w, name + ".input_layernorm", c.hiddenSize, c.eps),
                    Attention.load(w, name + ".self_attn", c, rope),
                    RmsNorm.load(w, name + ".post_attention_layernorm", c.hiddenSize, c.eps),
                    Mlp.load(w, name + ".mlp", c.hiddenSize, c.intermediateSize, c.mlpBias));
        }

        MlxArray apply(MlxArray x, KvCache cache, int length) {
            MlxArray h = Ops.add(x, attention.apply(inputNorm.apply(x), cache, length));
            return Ops.add(h, mlp.apply(postAttentionNorm.apply(h)));
        }
    }

    private final Config config;
    private final Embedding embedTokens;
    private final List<Block> layers = new ArrayList<>();
    private final RmsNorm norm;
    private final Linear head;

    private Llama(Config config, Weights w) {
        this.config = config;
        this.embedTokens = Embedding.load(w, "model.embed_tokens", config.vocabulary, config.hiddenSize);
        Rope rope = Ropes.of(
                w, config.headDim, config.ropeBase, config.ropeTraditional, config.ropeScaling, config.positions);
        for (int i = 0; i < config.layers; i++) {
            layers.add(Block.load(w, "model.layers." + i, config, rope));
        }
        this.norm = RmsNorm.load(w, "model.norm", config.hiddenSize, config.eps);
        this.head = config.tied
                ? embedTokens.asLinear()
                : Linear.load(w, "lm_head", config.hiddenSize, config.vocabulary, false);
    }

    /** {@code llama} and {@code mistral}: biases as config.json says. */
    public static Llama llama(ModelConfig config, Weights weights) {
        return new Llama(Config.of(config, false, false), weights);
    }

    /** {@code qwen2}: biases on queries, keys and values. */
    public static Llama qwen2(ModelConfig config, Weights weights) {
        return new Llama(Config.of(config, true, false), weights);
    }

    /** {@code qwen3}: a norm on each head of queries and keys. */
    public static Llama qwen3(ModelConfig config, Weights weights) {
        return new Llama(Config.of(config, false, true), weights);
    }

    @Override
    public MlxArray forward(MlxArray tokens, List<LayerCache> caches) {
        int length = tokens.dim(1);
        MlxArray h = embedTokens.apply(tokens);
        for (int i = 0; i < layers.size(); i++) {
            h = layers.get(i).apply(h, (KvCache) caches.get(i), length);
        }
        return norm.apply(h);
    }

    @Override
    public MlxArray logits(MlxArray hidden) {
        return head.apply(hidden);
    }

    @Override
    public List<LayerCache> newLayers() {
        List<LayerCache> caches = new ArrayList<>();
        for (int i = 0; i < layers.size(); i++) {
            caches.add(new KvCache());
        }
        return caches;
    }

    @Override
    public int vocabularySize() {
        return config.vocabulary;
    }
}
