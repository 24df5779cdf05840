package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Compiled;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.kv.AttentionCache;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.TextPart;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Mlp;
import dev.langchain4j.model.mlx.nn.Norm;
import dev.langchain4j.model.mlx.nn.RmsNorm;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.SharingAttention;
import dev.langchain4j.model.mlx.nn.SharingAttention.KeysValues;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * Gemma 3n: several streams of which layers work on one and predict the others (AltUp), a low-rank layer beside
 * attention (Laurel), inputs of its own for each layer, and last layers that attend to keys and values of earlier ones.
 * Source: mlx-lm's {@code models/gemma3n.py}.
 */
public final class Gemma3n implements LanguageModel {
    private static final Pattern LAYER =
            Pattern.compile("model\\.layers\\.(\\d{1,9})\\.self_attn\\.[kv]_(proj|norm)\\..*");

    /** Mean square that a stream has at least where it is brought to the size of another one. */
    private static final float SQUARE_MIN = 1e-5f;

    /** A stream, the mean square that it is to have, and the one that it has. */
    private static final Compiled SIZED = Compiled.of(in -> {
        MlxArray least = MlxArray.scalar(SQUARE_MIN, in[0].dtype());
        return Ops.multiply(in[0], Ops.divide(Ops.sqrt(in[1]), Ops.sqrt(Ops.maximum(in[2], least))));
    });

    private static final double HALF_ROOT = Math.sqrt(0.5);

    /**
     * How streams, [1, length, streams, hidden size], are predicted before a layer and corrected behind it.
     *
     * @param scale of the active stream for what the layer's own input is mixed with; null for none
     */
    private record AltUp(
            RmsNorm norm,
            Linear router,
            Linear predictions,
            Linear corrections,
            MlxArray scale,
            int streams,
            int active) {

        static AltUp load(Gemma3nConfig c, Weights w, String name) {
            int n = c.streams();
            MlxArray scale = w.get(name + ".correct_output_scale", c.hidden());
            return new AltUp(
                    RmsNorm.load(w, name + ".router_norm", c.hidden(), c.eps()),
                    Linear.load(w, name + ".modality_router", c.hidden(), n, false),
                    clipped(w, name + ".prediction_coefs.weight", n * n, n, c.coefficientMax()),
                    clipped(w, name + ".correction_coefs.weight", n, n, c.coefficientMax()),
                    c.correctsScale() ? scale : null,
                    n,
                    c.active());
        }

        private static Linear clipped(Weights w, String name, int out, int in, double limit) {
            MlxArray matrix = Ops.astype(w.get(name, out, in), DType.FLOAT32);
            MlxArray high = MlxArray.scalar(limit, DType.FLOAT32);
            MlxArray low = MlxArray.scalar(-limit, DType.FLOAT32);
            return Linear.of(w, w.adopt(limit > 0 ? Ops.clip(matrix, low, high) : matrix), null);
        }

        /** How much of each kind a position is, in single precision, [1, length, streams]. */
        private MlxArray kinds(MlxArray x) {
            MlxArray routed = router.apply(Ops.multiply(norm.apply(x), 1.0 / x.dim(-1)));
            return Ops.tanh(Ops.astype(routed, DType.FLOAT32));
        }

        MlxArray predict(MlxArray x) {
            MlxArray mixing = Indexing.unflatten(predictions.apply(kinds(stream(x, active))), -1, streams, streams);
            MlxArray single = Ops.astype(x, DType.FLOAT32);
            return Ops.astype(Ops.add(Ops.matmul(mixing, single), single), x.dtype());
        }

        /** Carries what a layer changed in the active stream over to the others. */
        MlxArray correct(MlxArray predicted, MlxArray activated) {
            MlxArray shares = Indexing.expandDims(Ops.add(corrections.apply(kinds(activated)), 1), -1);
            MlxArray innovation = Indexing.expandDims(Ops.subtract(activated, stream(predicted, active)), 2);
            return Ops.astype(Ops.add(Ops.multiply(innovation, shares), predicted), activated.dtype());
        }

        /** The active stream as a layer's own input meets it. */
        MlxArray scaled(MlxArray x) {
            MlxArray stream = stream(x, active);
            return scale == null ? stream : Ops.multiply(stream, scale);
        }
    }

    /** A low-rank layer that is added to its input. */
    private record Laurel(Linear left, Linear right, RmsNorm behind) {

        static Laurel load(Gemma3nConfig c, Weights w, String name) {
            return new Laurel(
                    Linear.load(w, name + ".linear_left", c.hidden(), c.laurelRank(), false),
                    Linear.load(w, name + ".linear_right", c.laurelRank(), c.hidden(), false),
                    RmsNorm.load(w, name + ".post_laurel_norm", c.hidden(), c.eps()));
        }

        MlxArray apply(MlxArray x) {
            return Ops.add(x, behind.apply(right.apply(left.apply(x))));
        }
    }

    /** A layer. */
    private record Layer(
            AltUp altUp,
            Norm beforeAttention,
            SharingAttention attention,
            Norm afterAttention,
            Laurel laurel,
            Norm beforeMlp,
            Mlp mlp,
            Norm afterMlp,
            Gemma4Inputs.Gate ownInput) {

        static Layer load(Gemma3nConfig c, Weights w, int i, Rope rope) {
            String name = "model.layers." + i;
            String self = name + ".self_attn";
            int window = c.slides(i) ? c.window() : 0;
            KeysValues own = i < c.firstShared() ? KeysValues.load(w, self, c.shape(), false, c.eps(), window) : null;
            return new Layer(
                    AltUp.load(c, w, name + ".altup"),
                    RmsNorm.load(w, name + ".input_layernorm", c.hidden(), c.eps()),
                    SharingAttention.load(w, self, c.shape(), own, c.eps(), rope),
                    RmsNorm.load(w, name + ".post_attention_layernorm", c.hidden(), c.eps()),
                    Laurel.load(c, w, name + ".laurel"),
                    RmsNorm.load(w, name + ".pre_feedforward_layernorm", c.hidden(), c.eps()),
                    Mlp.load(w, name + ".mlp", c.hidden(), c.inner(i), false, c.gating(i)),
                    RmsNorm.load(w, name + ".post_feedforward_layernorm", c.hidden(), c.eps()),
                    Gemma4Inputs.Gate.load(w, name, c.hidden(), c.ownWidth(), c.eps()));
        }

        /** What follows attention: the next streams. */
        MlxArray apply(MlxArray predicted, MlxArray normed, MlxArray attended, MlxArray input) {
            MlxArray gated = Ops.add(stream(predicted, altUp.active), afterAttention.apply(attended));
            MlxArray h = Ops.multiply(Ops.add(gated, laurel.apply(normed)), HALF_ROOT);
            MlxArray activated = Ops.add(h, afterMlp.apply(mlp.apply(beforeMlp.apply(h))));
            MlxArray corrected = altUp.correct(predicted, activated);
            MlxArray added = ownInput.apply(altUp.scaled(corrected), input);
            MlxArray[] parts = Indexing.splitAt(corrected, 2, 1);
            return Indexing.concatenate(2, parts[0], Ops.add(parts[1], Indexing.expandDims(added, 2)));
        }
    }

    private final Gemma3nConfig config;
    private final Embedding embedding;
    private final Gemma4Inputs ownInputs;
    private final List<Linear> spread;
    private final List<Linear> gathered;
    private final List<Layer> layers = new ArrayList<>();
    private final RmsNorm norm;
    private final Linear head;

    private Gemma3n(ModelConfig c, Weights w) {
        this.config = Gemma3nConfig.of(c);
        int hidden = config.hidden();
        this.embedding = Embedding.load(w, "model.embed_tokens", config.rows(), hidden);
        this.ownInputs =
                Gemma4Inputs.load(w, config.ownRows(), hidden, config.layers(), config.ownWidth(), config.eps());
        this.spread = projections(w, "model.altup_projections.");
        this.gathered = projections(w, "model.altup_unembed_projections.");
        Rope sliding = config.rope(c, w, true);
        Rope full = config.rope(c, w, false);
        for (int i = 0; i < config.layers(); i++) {
            layers.add(Layer.load(config, w, i, config.slides(i) ? sliding : full));
        }
        this.norm = RmsNorm.load(w, "model.norm", hidden, config.eps());
        this.head = embedding.asLinear().capped(config.cap());
    }

    private List<Linear> projections(Weights w, String name) {
        int hidden = config.hidden();
        return IntStream.range(0, config.streams() - 1)
                .mapToObj(i -> Linear.load(w, name + i, hidden, hidden, false))
                .toList();
    }

    private static ModelConfig text(ModelConfig c) {
        return c.has("text_config") ? TextPart.config(c, TextPart.json(c)) : c;
    }

    /** The model. Its head is the embedding. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        return new Gemma3n(text(c), w);
    }

    private static MlxArray stream(MlxArray x, int index) {
        return Indexing.squeeze(Indexing.slice(x, 2, index, index + 1), 2);
    }

    @Override
    public MlxArray forward(MlxArray tokens, Spans spans) {
        MlxArray first = Ops.multiply(embedding.apply(tokens), Math.sqrt(config.hidden()));
        MlxArray inputs = ownInputs.apply(ownTokens(tokens), first);
        MlxArray h = spread(first);
        List<List<AttentionCache.View>> lent = new ArrayList<>();
        for (int i = 0; i < layers.size(); i++) {
            Layer layer = layers.get(i);
            MlxArray predicted = layer.altUp.predict(h);
            MlxArray normed = layer.beforeAttention.apply(stream(predicted, config.active()));
            lent.add(config.lends(i) ? layer.attention.append(normed, spans, i) : null);
            int held = layer.attention.own() == null ? config.sharedWith(i) : i;
            MlxArray attended = lent.get(held) == null
                    ? layer.attention.apply(normed, spans, i)
                    : layer.attention.apply(normed, lent.get(held), spans, held);
            h = layer.apply(predicted, normed, attended, Gemma4Inputs.of(inputs, i));
        }
        return norm.apply(gathered(h));
    }

    /** Tokens that have no row of their own among the layers' inputs take the first one. */
    private MlxArray ownTokens(MlxArray tokens) {
        MlxArray ids = Ops.astype(tokens, DType.INT32);
        MlxArray rows = MlxArray.scalar(config.ownRows(), DType.INT32);
        return Ops.where(Ops.less(ids, rows), ids, MlxArray.scalar(0, DType.INT32));
    }

    private MlxArray spread(MlxArray first) {
        MlxArray[] streams = new MlxArray[config.streams()];
        streams[0] = first;
        MlxArray wanted = meanSquare(first);
        for (int i = 1; i < streams.length; i++) {
            streams[i] = sized(spread.get(i - 1).apply(first), wanted);
        }
        return Indexing.stack(2, streams);
    }

    private MlxArray gathered(MlxArray h) {
        MlxArray first = stream(h, 0);
        MlxArray sum = first;
        MlxArray wanted = meanSquare(first);
        for (int i = 1; i < config.streams(); i++) {
            sum = Ops.add(sum, sized(gathered.get(i - 1).apply(stream(h, i)), wanted));
        }
        return Ops.divide(sum, config.streams());
    }

    /** A stream of this mean square. */
    private static MlxArray sized(MlxArray x, MlxArray wanted) {
        return SIZED.apply(x, wanted, meanSquare(x));
    }

    private static MlxArray meanSquare(MlxArray x) {
        return Ops.mean(Ops.square(x), -1, true);
    }

    @Override
    public MlxArray logits(MlxArray hidden) {
        return head.apply(hidden);
    }

    @Override
    public List<LayerCache> newLayers() {
        return layers.subList(0, config.firstShared()).stream()
                .map(layer -> layer.attention.newCache())
                .toList();
    }

    @Override
    public int vocabularySize() {
        return config.rows();
    }

    /** Keeps the text part, and drops projections of layers that share. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        TextPart.unwrap(c, tensors);
        int firstShared = Gemma3nConfig.of(text(c)).firstShared();
        tensors.keySet().removeIf(name -> {
            Matcher m = LAYER.matcher(name);
            return name.startsWith("lm_head.") || m.matches() && Integer.parseInt(m.group(1)) >= firstShared;
        });
    }
}
