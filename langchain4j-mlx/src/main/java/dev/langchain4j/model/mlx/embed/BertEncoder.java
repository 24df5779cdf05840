package dev.langchain4j.model.mlx.embed;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Encoding;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Activations;
import dev.langchain4j.model.mlx.nn.Embedding;
import dev.langchain4j.model.mlx.nn.LayerNorm;
import dev.langchain4j.model.mlx.nn.Linear;
import dev.langchain4j.model.mlx.nn.Projections;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * BERT, RoBERTa, XLM-RoBERTa and DistilBERT, which differ in names, in where positions begin and in segment types only.
 * Every token sees every other one; norms come after what they follow. Source: the papers (Devlin et al. 2018, Liu et
 * al. 2019, Conneau et al. 2019, Sanh et al. 2019) and transformers' {@code models/bert}, {@code roberta},
 * {@code distilbert}.
 */
final class BertEncoder implements TextEncoder {
    static final Set<String> MODEL_TYPES = Set.of("bert", "roberta", "xlm-roberta", "camembert", "distilbert");

    /** Norms of DistilBERT, which config.json does not name. */
    private static final double EPS = 1e-12;

    /** Names of the parts of {@link Layer}, in their order there. */
    private static final List<String> PARTS = List.of(
            "attention.self.query",
            "attention.self.key",
            "attention.self.value",
            "attention.output.dense",
            "attention.output.LayerNorm",
            "intermediate.dense",
            "output.dense",
            "output.LayerNorm");

    private static final List<String> DISTIL_PARTS = List.of(
            "attention.q_lin",
            "attention.k_lin",
            "attention.v_lin",
            "attention.out_lin",
            "sa_layer_norm",
            "ffn.lin1",
            "ffn.lin2",
            "output_layer_norm");

    private final int vocabulary;
    private final int hidden;
    private final int heads;
    private final int positions;
    private final int firstPosition;
    private final Embedding words;
    private final Embedding places;
    /** Added to every token: the segment type of a text that stands alone. */
    private final MlxArray segment;

    private final LayerNorm norm;
    private final List<Layer> layers = new ArrayList<>();

    private record Layer(
            UnaryOperator<MlxArray> qkv,
            Linear o,
            LayerNorm afterAttention,
            Linear up,
            Linear down,
            LayerNorm afterFeedForward) {}

    private final UnaryOperator<MlxArray> activation;

    BertEncoder(ModelConfig c, Weights w) {
        String type = c.modelType();
        boolean distil = type.equals("distilbert");
        hidden = c.count(distil ? "dim" : "hidden_size");
        heads = c.count(distil ? "n_heads" : "num_attention_heads");
        int inner = c.count(distil ? "hidden_dim" : "intermediate_size");
        double eps = c.number("layer_norm_eps", EPS);
        String kind = c.text("position_embedding_type", "absolute");
        if (!kind.equals("absolute")) {
            throw c.invalid("position_embedding_type", kind, "must be absolute");
        }
        if (hidden % heads != 0) {
            throw c.invalid("hidden_size", hidden, "must be a multiple of the number of heads (" + heads + ")");
        }
        activation = Activations.of(c, distil ? "activation" : "hidden_act", "gelu");
        boolean roberta = !distil && !type.equals("bert");
        // RoBERTa counts positions from the id of the padding token on, which has a position itself.
        firstPosition = roberta ? c.integer("pad_token_id", 1) + 1 : 0;
        int rows = c.count("max_position_embeddings");
        positions = rows - firstPosition;
        if (firstPosition < 0 || positions < 1) {
            throw c.invalid("pad_token_id", firstPosition - 1, "must be less than the number of positions, " + rows);
        }
        vocabulary = c.count("vocab_size");
        words = Embedding.load(w, "embeddings.word_embeddings", vocabulary, hidden);
        places = Embedding.load(w, "embeddings.position_embeddings", rows, hidden);
        segment = distil ? null : segment(w, c.count("type_vocab_size", 2));
        norm = LayerNorm.load(w, "embeddings.LayerNorm", hidden, eps, true);
        int count = c.count(distil ? "n_layers" : "num_hidden_layers");
        for (int i = 0; i < count; i++) {
            String layer = (distil ? "transformer.layer." : "encoder.layer.") + i;
            layers.add(layer(w, layer, distil ? DISTIL_PARTS : PARTS, inner, eps));
        }
    }

    private MlxArray segment(Weights w, int types) {
        MlxArray matrix = w.get("embeddings.token_type_embeddings.weight", types, hidden);
        return w.adopt(Indexing.contiguous(Indexing.slice(matrix, 0, 0, 1)));
    }

    /** The arguments are evaluated from left to right, so each takes its own name. */
    private Layer layer(Weights w, String layer, List<String> parts, int inner, double eps) {
        Iterator<String> names = parts.stream().map(part -> layer + "." + part).iterator();
        return new Layer(
                qkv(w, names.next(), names.next(), names.next()),
                Linear.load(w, names.next(), hidden, hidden, true),
                LayerNorm.load(w, names.next(), hidden, eps, true),
                Linear.load(w, names.next(), hidden, inner, true),
                Linear.load(w, names.next(), inner, hidden, true),
                LayerNorm.load(w, names.next(), hidden, eps, true));
    }

    /** Queries, keys and values side by side, by one product where the matrices are plain. */
    private UnaryOperator<MlxArray> qkv(Weights w, String... names) {
        if (Stream.of(names).allMatch(name -> w.format(name, hidden) == null && w.change(name) == null)) {
            return Projections.joined(w, hidden, true, List.of(names), hidden, hidden, hidden)::apply;
        }
        List<Linear> each = Stream.of(names)
                .map(n -> Linear.load(w, n, hidden, hidden, true))
                .toList();
        return x -> Indexing.concatenate(2, each.stream().map(l -> l.apply(x)).toArray(MlxArray[]::new));
    }

    /** Brings the names of a checkpoint to those without the part for the task that it was made for. */
    static void sanitize(Map<String, MlxArray> tensors) {
        for (String name : List.copyOf(tensors.keySet())) {
            String plain = name.replaceFirst("^(bert|roberta|distilbert|model|0\\.auto_model)\\.", "")
                    .replace("LayerNorm.gamma", "LayerNorm.weight")
                    .replace("LayerNorm.beta", "LayerNorm.bias");
            MlxArray tensor = tensors.remove(name);
            boolean encoder =
                    plain.startsWith("embeddings.") || plain.startsWith("encoder.") || plain.startsWith("transformer.");
            if (encoder && !plain.endsWith("position_ids") && !plain.endsWith("token_type_ids")) {
                tensors.put(plain, tensor);
            }
        }
        if (tensors.isEmpty()) {
            throw new InvalidRequestException("the weights have no tensor embeddings.word_embeddings.weight");
        }
    }

    @Override
    public int dimension() {
        return hidden;
    }

    @Override
    public int tokensMax() {
        return positions;
    }

    @Override
    public int vocabularySize() {
        return vocabulary;
    }

    @Override
    public boolean takesSeveral() {
        return true;
    }

    /** What treats every token alike sees all texts in a row, attention each text for itself: nothing is padded. */
    @Override
    public List<MlxArray> encode(List<MlxArray> groups) {
        int[] lengths = groups.stream()
                .flatMapToInt(ids -> IntStream.generate(() -> ids.dim(1)).limit(ids.dim(0)))
                .toArray();
        MlxArray x = addNorm(norm, embedded(groups), null);
        for (Layer layer : layers) {
            MlxArray attended = layer.o.apply(Encoding.attention(layer.qkv.apply(x), lengths, heads));
            MlxArray seen = addNorm(layer.afterAttention, attended, x);
            x = addNorm(layer.afterFeedForward, layer.down.apply(activation.apply(layer.up.apply(seen))), seen);
        }
        List<MlxArray> vectors = new ArrayList<>();
        int from = 0;
        for (MlxArray ids : groups) {
            int to = from + ids.dim(0) * ids.dim(1);
            vectors.add(Indexing.reshape(Indexing.slice(x, 1, from, to), ids.dim(0), ids.dim(1), hidden));
            from = to;
        }
        return vectors;
    }

    private static MlxArray addNorm(LayerNorm norm, MlxArray x, MlxArray added) {
        return Encoding.addNorm(x, added, norm.weight(), norm.bias(), norm.eps());
    }

    /** Words, positions and segment of all tokens, [1, tokens, hidden]. */
    private MlxArray embedded(List<MlxArray> groups) {
        MlxArray[] ids = new MlxArray[groups.size()];
        MlxArray[] at = new MlxArray[groups.size()];
        for (int i = 0; i < ids.length; i++) {
            int length = groups.get(i).dim(1);
            int tokens = groups.get(i).dim(0) * length;
            ids[i] = Indexing.reshape(groups.get(i), 1, tokens);
            MlxArray own = Indexing.arange(firstPosition, firstPosition + length, DType.INT32);
            at[i] = Indexing.reshape(Indexing.broadcastTo(own, groups.get(i).dim(0), length), 1, tokens);
        }
        MlxArray x = Ops.add(words.apply(joined(ids)), places.apply(joined(at)));
        return segment == null ? x : Ops.add(x, segment);
    }

    private static MlxArray joined(MlxArray[] parts) {
        return parts.length == 1 ? parts[0] : Indexing.concatenate(1, parts);
    }
}
