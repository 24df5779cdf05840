package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.DraftModel;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Weights;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/** An embedding, layers in order, a last norm and a head: what all decoders have in common. */
public final class Decoder implements LanguageModel {

    /** What is applied in order. It keeps no state for a sequence, or one, or several. */
    public interface Part {

        /**
         * Applies the part and moves its states on.
         *
         * @param x [1, tokens, dimension]
         * @param spans the sequences that the tokens belong to
         * @param state index of this part's first state, in the order of {@link #newCaches}, in each of them
         */
        MlxArray apply(MlxArray x, Spans spans, int state);

        /** Empty states for a new sequence. */
        List<LayerCache> newCaches();
    }

    /** What keeps one state for a sequence: a block, or the attention in it. */
    public interface Layer extends Part {

        /** An empty state for a new sequence. */
        LayerCache newCache();

        @Override
        default List<LayerCache> newCaches() {
            return List.of(newCache());
        }
    }

    private final UnaryOperator<MlxArray> embed;
    private final List<? extends Part> layers;
    /** Index of the first state of each layer. */
    private final int[] states;

    private final Norm norm;
    private final Linear head;
    private final int vocabularySize;
    /** Null if nothing is known to draft with. */
    private DraftModel draftHead;

    /**
     * A decoder of these parts.
     *
     * @param embed ids [1, tokens] to [1, tokens, dimension]
     * @param head [1, tokens, dimension] to [1, tokens, vocabularySize]
     */
    public Decoder(
            UnaryOperator<MlxArray> embed, List<? extends Part> layers, Norm norm, Linear head, int vocabularySize) {
        this.embed = embed;
        this.layers = layers;
        this.states = new int[layers.size()];
        for (int i = 1; i < states.length; i++) {
            states[i] = states[i - 1] + layers.get(i - 1).newCaches().size();
        }
        this.norm = norm;
        this.head = head;
        this.vocabularySize = vocabularySize;
    }

    /**
     * A decoder with the names and fields that nearly all have: model.embed_tokens, model.norm, lm_head.
     *
     * @param tied whether the head is the embedding, if config.json does not say; where sanitizing left a head, that
     *     counts
     * @param layer makes the layer of an index
     */
    public static Decoder load(ModelConfig config, Weights weights, boolean tied, IntFunction<? extends Part> layer) {
        int dimension = config.count("hidden_size");
        int rows = config.count("vocab_size");
        Embedding embedding = Embedding.load(weights, "model.embed_tokens", rows, dimension);
        Linear head = config.flag("tie_word_embeddings", tied) && !weights.has("lm_head.weight")
                ? embedding.asLinear()
                : Linear.load(weights, "lm_head", dimension, rows, false);
        RmsNorm norm = RmsNorm.load(weights, "model.norm", dimension, config.number("rms_norm_eps"));
        return new Decoder(embedding::apply, layers(weights, config, layer), norm, head, rows);
    }

    /** As many layers as config.json says. */
    public static <P extends Part> List<P> layers(Weights weights, ModelConfig config, IntFunction<P> layer) {
        return layers(weights, config.count("num_hidden_layers"), layer);
    }

    /** This many layers. */
    public static <P extends Part> List<P> layers(Weights weights, int count, IntFunction<P> layer) {
        return IntStream.range(0, count)
                .mapToObj(i -> weights.ofLayer(i, count, layer))
                .toList();
    }

    /** Gives it what it drafts with. Returns this. */
    public Decoder drafting(DraftModel head) {
        draftHead = head;
        return this;
    }

    @Override
    public DraftModel draftHead() {
        return draftHead;
    }

    /** Embeds ids: [1, tokens] to [1, tokens, dimension]. */
    public MlxArray embed(MlxArray tokens) {
        return embed.apply(tokens);
    }

    @Override
    public MlxArray forward(MlxArray tokens, Spans spans) {
        return norm.apply(layers(spans.withFeatures(embed.apply(tokens)), spans, 0, layers.size()));
    }

    /** Applies the layers [from, to) to what comes out of those before: [1, tokens, dimension] to the same. */
    public MlxArray layers(MlxArray hidden, Spans spans, int from, int to) {
        MlxArray h = hidden;
        for (int i = from; i < to; i++) {
            h = spans.withDeepstack(layers.get(i).apply(h, spans, states[i]), i);
        }
        return h;
    }

    /** Applies the last norm to what comes out of all layers. */
    public MlxArray normed(MlxArray hidden) {
        return norm.apply(hidden);
    }

    /** Number of layers. */
    public int layerCount() {
        return layers.size();
    }

    /** Index of a layer's first state in {@link #newLayers}; their number for the index behind the last layer. */
    public int firstState(int layer) {
        return layer < states.length ? states[layer] : newLayers().size();
    }

    @Override
    public MlxArray logits(MlxArray hidden) {
        return head.apply(hidden);
    }

    @Override
    public List<LayerCache> newLayers() {
        List<LayerCache> caches = new ArrayList<>();
        for (Part layer : layers) {
            caches.addAll(layer.newCaches());
        }
        return caches;
    }

    @Override
    public int vocabularySize() {
        return vocabularySize;
    }
}
