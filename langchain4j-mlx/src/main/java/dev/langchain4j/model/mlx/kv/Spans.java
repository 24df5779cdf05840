package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The tokens of one forward pass: a span for each of one or more sequences, one behind the other in [1, tokens, ...]. What
 * treats every token alike sees rows and knows nothing of spans. What keeps state runs for each span with the layer caches
 * of its sequence, so that nothing is padded or copied between sequences.
 *
 * <p>Heads of a single span are [1, heads, tokens, dim]. Those of several are rows, [tokens, heads, 1, dim], so that
 * operations with a batch axis take them as they are.
 */
public final class Spans {
    private final List<List<LayerCache>> sequences;
    /** The first token of each span, and the number of tokens at the end. */
    private final int[] starts;

    private final int[] positions;

    private Spans(List<List<LayerCache>> sequences, int[] starts) {
        this.sequences = sequences;
        this.starts = starts;
        this.positions = positions();
    }

    /** One span, of a sequence that goes on by {@code length} tokens. */
    public static Spans of(List<LayerCache> layers, int length) {
        return new Spans(List.of(layers), new int[] {0, length});
    }

    /**
     * A span for each of these sequences.
     *
     * @param sequences the layers of each, none twice
     * @param lengths tokens of each span, at least 1
     */
    public static Spans of(List<List<LayerCache>> sequences, int[] lengths) {
        int[] starts = new int[lengths.length + 1];
        for (int i = 0; i < lengths.length; i++) {
            starts[i + 1] = starts[i] + lengths[i];
        }
        return new Spans(sequences, starts);
    }

    private int[] positions() {
        int[] all = new int[isSingle() ? 1 : tokens()];
        for (int i = 0; i < sequences.size(); i++) {
            List<LayerCache> layers = sequences.get(i);
            int offset = layers.isEmpty() ? 0 : layers.getFirst().offset();
            for (int k = starts[i]; k < Math.min(starts[i + 1], all.length); k++) {
                all[k] = offset + k - starts[i];
            }
        }
        return all;
    }

    /** Number of spans. */
    public int count() {
        return sequences.size();
    }

    /** Whether there is one span only. */
    public boolean isSingle() {
        return sequences.size() == 1;
    }

    /** Number of tokens of all spans together. */
    public int tokens() {
        return starts[starts.length - 1];
    }

    /** Index of the last token of a span. */
    public int last(int span) {
        return starts[span + 1] - 1;
    }

    /** What rotary positions begin at: of a single span its offset; of several the position of each token. */
    public int[] positionsOfHeads() {
        return positions;
    }

    /** [1, tokens, heads * dim] to heads. A single position needs no transposition, only another shape. */
    public MlxArray splitHeads(MlxArray x, int heads, int dim) {
        int tokens = tokens();
        if (!isSingle() || tokens == 1) {
            return Indexing.reshape(x, tokens, heads, 1, dim);
        }
        return Indexing.transpose(Indexing.reshape(x, 1, tokens, heads, dim), 0, 2, 1, 3);
    }

    /** Heads to [1, tokens, heads * dim]. */
    public MlxArray joinHeads(MlxArray x, int heads, int dim) {
        int tokens = tokens();
        MlxArray byToken = isSingle() && tokens > 1 ? Indexing.transpose(x, 0, 2, 1, 3) : x;
        return Indexing.reshape(byToken, 1, tokens, heads * dim);
    }

    /**
     * Appends keys and values to a layer of each sequence and attends to what each then holds; see
     * {@link AttentionCache#attend}.
     */
    public MlxArray attend(int layer, MlxArray queries, MlxArray keys, MlxArray values, float scale, MlxArray sinks) {
        if (isSingle()) {
            return attention(0, layer).attend(queries, keys, values, tokens(), scale, sinks);
        }
        if (tokens() == count() && keepsAsTheyAre(layer)) {
            return attendTogether(layer, queries, keys, values, scale, sinks);
        }
        return eachHeads(layer, span -> ((AttentionCache) span.cache)
                .attend(span.heads(queries), span.heads(keys), span.heads(values), span.length, scale, sinks));
    }

    /** Whether all sequences keep keys and values as they are, so that one position needs no mask. */
    private boolean keepsAsTheyAre(int layer) {
        for (List<LayerCache> layers : sequences) {
            if (!(layers.get(layer) instanceof BufferedKvCache)) {
                return false;
            }
        }
        return true;
    }

    /** A position of each sequence: what does not depend on its context is done for all of them at once. */
    private MlxArray attendTogether(
            int layer, MlxArray queries, MlxArray keys, MlxArray values, float scale, MlxArray sinks) {
        MlxArray[] allKeys = Indexing.split(keys, count(), 0);
        MlxArray[] allValues = Indexing.split(values, count(), 0);
        for (int i = 0; i < allKeys.length; i++) {
            AttentionCache.View all = attention(i, layer).update(allKeys[i], allValues[i], 1);
            allKeys[i] = all.keys();
            allValues[i] = all.values();
        }
        return Fast.attention(queries, allKeys, allValues, scale, sinks);
    }

    private AttentionCache attention(int span, int layer) {
        return (AttentionCache) sequences.get(span).get(layer);
    }

    /** The part of a forward pass that belongs to one sequence. */
    public final class Span {
        private final int index;
        private final LayerCache cache;
        private final int start;
        private final int length;

        private Span(int index, int layer) {
            this.index = index;
            this.cache = sequences.get(index).get(layer);
            this.start = starts[index];
            this.length = starts[index + 1] - start;
        }

        /** Which of the spans this is, from 0. */
        public int index() {
            return index;
        }

        /** What the layer keeps of this sequence. */
        public LayerCache cache() {
            return cache;
        }

        /** Number of tokens. */
        public int length() {
            return length;
        }

        /** The tokens of this span, of [1, tokens, ...]. */
        public MlxArray tokens(MlxArray x) {
            return isSingle() ? x : Indexing.slice(x, 1, start, start + length);
        }

        /** [1, heads, length, dim] of the heads of all spans. */
        public MlxArray heads(MlxArray x) {
            if (isSingle()) {
                return x;
            }
            MlxArray rows = Indexing.slice(x, 0, start, start + length);
            return length == 1 ? rows : Indexing.transpose(rows, 2, 1, 0, 3);
        }
    }

    /** All spans, at a layer. */
    public List<Span> at(int layer) {
        return IntStream.range(0, count()).mapToObj(i -> new Span(i, layer)).toList();
    }

    /** What is computed for one span. */
    @FunctionalInterface
    public interface Computation {
        /** The result: for [1, length, ...] as for [1, heads, length, dim], of this span alone. */
        MlxArray of(Span span);
    }

    /** Computes [1, length, ...] for each span, and puts them one behind the other: [1, tokens, ...]. */
    public MlxArray each(int layer, Computation computation) {
        return isSingle() ? computation.of(new Span(0, layer)) : Indexing.concatenate(1, all(layer, computation));
    }

    /** Computes [1, heads, length, dim] for each span, and puts them together as heads of all spans. */
    public MlxArray eachHeads(int layer, Computation computation) {
        if (isSingle()) {
            return computation.of(new Span(0, layer));
        }
        MlxArray[] parts = all(layer, computation);
        for (int i = 0; i < parts.length; i++) {
            if (starts[i + 1] - starts[i] > 1) {
                parts[i] = Indexing.transpose(parts[i], 2, 1, 0, 3);
            }
        }
        return Indexing.concatenate(0, parts);
    }

    private MlxArray[] all(int layer, Computation computation) {
        MlxArray[] parts = new MlxArray[sequences.size()];
        for (int i = 0; i < parts.length; i++) {
            parts[i] = computation.of(new Span(i, layer));
        }
        return parts;
    }
}
