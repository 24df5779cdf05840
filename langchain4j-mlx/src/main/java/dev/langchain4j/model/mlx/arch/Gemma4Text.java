package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.kv.AttentionCache;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Attention.Shape;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.FeedForward;
import dev.langchain4j.model.mlx.nn.Gating;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Router;
import dev.langchain4j.model.mlx.nn.SharingAttention;
import dev.langchain4j.model.mlx.nn.SharingAttention.KeysValues;
import dev.langchain4j.model.mlx.nn.SwitchMlp;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Gemma 4: the last layers attend to keys and values of earlier ones, each layer gets an input of its own for each
 * token, and the large models have experts beside the dense layer. Source: mlx-lm's {@code models/gemma4_text.py}.
 */
public final class Gemma4Text implements LanguageModel {
    private static final Pattern LAYER =
            Pattern.compile("model\\.layers\\.(\\d{1,9})\\.self_attn\\.[kv]_(proj|norm)\\..*");
    private static final List<String> RANGES = List.of("input_max", "input_min", "output_max", "output_min");

    /** Experts beside the dense layer, all of them between norms. They are chosen by what comes before these norms. */
    private record DenseAndSparse(
            FeedForward dense, Router router, SwitchMlp experts, RmsNorm before, RmsNorm behindDense, RmsNorm behind) {

        static DenseAndSparse load(ModelConfig c, Weights w, String name, int hidden, FeedForward dense, double eps) {
            int experts = c.count("num_experts");
            int chosen = c.count("top_k_experts");
            if (chosen > experts) {
                throw c.invalid("top_k_experts", chosen, "must be at most num_experts (" + experts + ")");
            }
            Linear gate = Linear.load(w, name + ".router.proj", hidden, experts, false);
            MlxArray scale = w.adopt(Ops.multiply(w.get(name + ".router.scale", hidden), Math.pow(hidden, -0.5)));
            MlxArray perExpert = w.get(name + ".router.per_expert_scale", experts);
            Router plain = Router.softmaxOfTop(gate, chosen, Router.Selection.LAST, false);
            return new DenseAndSparse(
                    dense,
                    x -> {
                        Router.Choice choice = plain.choose(Fast.rmsNorm(x, scale, (float) eps));
                        MlxArray factors = Indexing.take(perExpert, choice.experts(), 0);
                        return new Router.Choice(choice.experts(), Ops.multiply(choice.weights(), factors));
                    },
                    SwitchMlp.load(
                            w,
                            name + ".experts.switch_glu",
                            hidden,
                            c.count("moe_intermediate_size"),
                            experts,
                            false,
                            Gating.GELU_TANH),
                    RmsNorm.load(w, name + ".pre_feedforward_layernorm_2", hidden, eps),
                    RmsNorm.load(w, name + ".post_feedforward_layernorm_1", hidden, eps),
                    RmsNorm.load(w, name + ".post_feedforward_layernorm_2", hidden, eps));
        }

        /**
         * Applies both.
         *
         * @param h what was not normed yet
         * @param normed the input of the dense layer
         */
        MlxArray apply(MlxArray h, MlxArray normed) {
            MlxArray sparse = experts.apply(before.apply(h), router.choose(h));
            return Ops.add(behindDense.apply(dense.apply(normed)), behind.apply(sparse));
        }
    }

    /** A layer; {@code sparse} and {@code ownInput} are null where there is none. */
    private record Layer(
            RmsNorm beforeAttention,
            SharingAttention attention,
            RmsNorm afterAttention,
            RmsNorm beforeMlp,
            FeedForward dense,
            DenseAndSparse sparse,
            RmsNorm afterMlp,
            Gemma4Inputs.Gate ownInput,
            MlxArray scalar) {

        static Layer load(ModelConfig c, Gemma4Config s, Weights w, int i, Rope rope) {
            String name = "model.layers." + i;
            int hidden = s.hidden();
            FeedForward dense = Mlp.load(w, name + ".mlp", hidden, s.inner(i), false, Gating.GELU_TANH);
            return new Layer(
                    RmsNorm.load(w, name + ".input_layernorm", hidden, s.eps()),
                    attention(s, w, name + ".self_attn", i, rope),
                    RmsNorm.load(w, name + ".post_attention_layernorm", hidden, s.eps()),
                    RmsNorm.load(w, name + ".pre_feedforward_layernorm", hidden, s.eps()),
                    dense,
                    s.sparse() ? DenseAndSparse.load(c, w, name, hidden, dense, s.eps()) : null,
                    RmsNorm.load(w, name + ".post_feedforward_layernorm", hidden, s.eps()),
                    s.ownWidth() > 0 ? Gemma4Inputs.Gate.load(w, name, hidden, s.ownWidth(), s.eps()) : null,
                    w.get(name + ".layer_scalar", 1));
        }

        private static SharingAttention attention(Gemma4Config c, Weights w, String name, int layer, Rope rope) {
            Shape s = c.shape(layer);
            int window = c.slides(layer) ? c.window() : 0;
            KeysValues own = layer < c.firstShared()
                    ? KeysValues.load(w, name, s, c.keysAreValues(layer), c.eps(), window)
                    : null;
            boolean bothWays = own != null && c.bothWays() && c.slides(layer);
            return SharingAttention.load(w, name, s, bothWays ? own.withPicturesBothWays() : own, c.eps(), rope);
        }

        MlxArray apply(MlxArray x, MlxArray attended, MlxArray input) {
            MlxArray h = Ops.add(x, afterAttention.apply(attended));
            MlxArray before = beforeMlp.apply(h);
            MlxArray y = sparse == null ? dense.apply(before) : sparse.apply(h, before);
            h = Ops.add(h, afterMlp.apply(y));
            return Ops.multiply(ownInput == null ? h : Ops.add(h, ownInput.apply(h, input)), scalar);
        }
    }

    private final Gemma4Config config;
    private final Embedding embedding;
    private final Gemma4Inputs ownInputs;
    private final List<Layer> layers = new ArrayList<>();
    private final RmsNorm norm;
    private final Linear head;

    private Gemma4Text(ModelConfig c, Weights w) {
        this.config = Gemma4Config.of(c);
        int hidden = config.hidden();
        this.embedding = Embedding.load(w, "model.embed_tokens", config.rows(), hidden);
        this.ownInputs = config.ownWidth() > 0
                ? Gemma4Inputs.load(
                        w,
                        c.count("vocab_size_per_layer_input", 262_144),
                        hidden,
                        config.layers(),
                        config.ownWidth(),
                        config.eps())
                : null;
        Rope sliding = config.rope(c, w, true);
        Rope full = config.rope(c, w, false);
        for (int i = 0; i < config.layers(); i++) {
            layers.add(Layer.load(c, config, w, i, config.slides(i) ? sliding : full));
        }
        this.norm = RmsNorm.load(w, "model.norm", hidden, config.eps());
        Linear plain = c.flag("tie_word_embeddings", true)
                ? embedding.asLinear()
                : Linear.load(w, "lm_head", hidden, config.rows(), false);
        this.head = plain.capped(config.cap());
    }

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        return new Gemma4Text(c, w);
    }

    @Override
    public MlxArray forward(MlxArray tokens, Spans spans) {
        MlxArray h = spans.withFeatures(Ops.multiply(embedding.apply(tokens), Math.sqrt(config.hidden())));
        MlxArray inputs =
                ownInputs == null ? null : ownInputs.apply(spans.withIdAtPictures(tokens, config.padding()), h);
        List<List<AttentionCache.View>> lent = new ArrayList<>();
        for (int i = 0; i < layers.size(); i++) {
            Layer layer = layers.get(i);
            MlxArray normed = layer.beforeAttention.apply(h);
            boolean lends = config.lends(i);
            lent.add(lends ? layer.attention.append(normed, spans, i) : null);
            int held = layer.attention.own() == null ? config.sharedWith(i) : i;
            MlxArray attended = lent.get(held) == null
                    ? layer.attention.apply(normed, spans, i)
                    : layer.attention.apply(normed, lent.get(held), spans, held);
            MlxArray input = inputs == null ? null : Gemma4Inputs.of(inputs, i);
            h = layer.apply(h, attended, input);
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
        for (Layer layer : layers) {
            if (layer.attention.own() != null) {
                caches.add(layer.attention.newCache());
            }
        }
        return caches;
    }

    @Override
    public int vocabularySize() {
        return config.rows();
    }

    /** Drops ranges of activations and projections of layers that share, and parts the gates of experts from values. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        int firstShared = Gemma4Config.of(c).firstShared();
        tensors.keySet()
                .removeIf(name -> RANGES.stream().anyMatch(name::contains)
                        || name.contains("self_attn.rotary_emb")
                        || sharesKeys(name, firstShared));
        for (String name : List.copyOf(tensors.keySet())) {
            if (name.endsWith(".experts.gate_up_proj")) {
                String base = name.substring(0, name.length() - "gate_up_proj".length()) + "switch_glu.";
                MlxArray[] parts = Indexing.split(tensors.remove(name), 2, -2);
                tensors.put(base + "gate_proj.weight", Indexing.contiguous(parts[0]));
                tensors.put(base + "up_proj.weight", Indexing.contiguous(parts[1]));
            } else if (name.endsWith(".experts.down_proj")) {
                String base = name.substring(0, name.length() - "down_proj".length()) + "switch_glu.";
                tensors.put(base + "down_proj.weight", tensors.remove(name));
            }
        }
    }

    private static boolean sharesKeys(String name, int firstShared) {
        Matcher m = LAYER.matcher(name);
        return m.matches() && Integer.parseInt(m.group(1)) >= firstShared;
    }
}
