package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The tokens of one forward pass: a span for each of one or more sequences, one behind the other in [1, tokens, ...].
 * What treats every token alike sees rows and knows nothing of spans. What keeps state runs for each span with the
 * layer caches of its sequence, so that nothing is padded or copied between sequences.
 *
 * <p>Heads of a single span are [1, heads, tokens, dim]. Those of several are rows, [tokens, heads, 1, dim], so that
 * operations with a batch axis take them as they are.
 */
public final class Spans {
    private final List<List<LayerCache>> sequences;
    /** The first token of each span, and the number of tokens at the end. */
    private final int[] starts;

    /** Null where there are no pictures. */
    private final List<Sight> sights;

    private final int[] positions;
    /** Which new positions see others ahead of them, by span; made when they are asked for. */
    private MlxArray[] ahead;

    private Spans(List<List<LayerCache>> sequences, int[] starts, List<Sight> sights) {
        this.sequences = sequences;
        this.starts = starts;
        this.sights = sights.stream().allMatch(sight -> sight == Sight.NONE) ? null : sights;
        this.positions = positions();
    }

    /** One span, of a sequence without pictures that goes on by {@code length} tokens. */
    public static Spans of(List<LayerCache> layers, int length) {
        return of(layers, length, Sight.NONE);
    }

    /** One span, of a sequence that goes on by {@code length} tokens. */
    public static Spans of(List<LayerCache> layers, int length, Sight sight) {
        return new Spans(List.of(layers), new int[] {0, length}, List.of(sight));
    }

    /**
     * A span for each of these sequences.
     *
     * @param sequences the layers of each, none twice
     * @param lengths tokens of each span, at least 1
     * @param sights what pictures change about each span
     */
    public static Spans of(List<List<LayerCache>> sequences, int[] lengths, List<Sight> sights) {
        int[] starts = new int[lengths.length + 1];
        for (int i = 0; i < lengths.length; i++) {
            starts[i + 1] = starts[i] + lengths[i];
        }
        return new Spans(sequences, starts, sights);
    }

    /** The same for sequences without pictures. */
    public static Spans of(List<List<LayerCache>> sequences, int[] lengths) {
        return of(sequences, lengths, Collections.nCopies(lengths.length, Sight.NONE));
    }

    /** The same spans over other layers, which stand where these do. */
    public Spans over(List<List<LayerCache>> others) {
        return new Spans(others, starts, sights == null ? List.of() : sights);
    }

    private int[] positions() {
        int[] all = new int[isSingle() ? 1 : tokens()];
        for (int i = 0; i < sequences.size(); i++) {
            List<LayerCache> layers = sequences.get(i);
            int offset = (layers.isEmpty() ? 0 : layers.getFirst().offset()) + sight(i).shift();
            for (int k = starts[i]; k < Math.min(starts[i + 1], all.length); k++) {
                all[k] = offset + k - starts[i];
            }
        }
        return all;
    }

    private Sight sight(int span) {
        return sights == null ? Sight.NONE : sights.get(span);
    }

    /** Number of spans. */
    public int count() {
        return sequences.size();
    }

    /** Whether there is one span only. */
    public boolean isSingle() {
        return sequences.size() == 1;
    }

    /** The layers of the sequence of a span. */
    public List<LayerCache> layers(int span) {
        return sequences.get(span);
    }

    /** Number of tokens of a span. */
    public int length(int span) {
        return starts[span + 1] - starts[span];
    }

    /** Number of tokens of all spans together. */
    public int tokens() {
        return starts[starts.length - 1];
    }

    /** Index of the last token of a span. */
    public int last(int span) {
        return starts[span + 1] - 1;
    }

    /** What rotary positions begin at: of a single span its first one; of several the position of each token. */
    public int[] positionsOfHeads() {
        return positions;
    }

    /** Whether some tokens have different positions by time, height and width. */
    public boolean hasAxes() {
        return sights != null && sights.stream().anyMatch(sight -> sight.axes() != null);
    }

    /** The position of each token by time (0), height (1) or width (2). */
    public int[] positions(int axis) {
        int[] all = new int[tokens()];
        for (int i = 0; i < count(); i++) {
            int[][] axes = sight(i).axes();
            for (int k = starts[i]; k < starts[i + 1]; k++) {
                int inSpan = k - starts[i];
                all[k] = axes != null ? axes[axis][inSpan] : isSingle() ? positions[0] + inSpan : positions[k];
            }
        }
        return all;
    }

    /** Whether some tokens are those of pictures. */
    public boolean hasPictures() {
        return sights != null
                && sights.stream().anyMatch(sight -> !sight.patches().isEmpty());
    }

    /** Puts the features of pictures in the place of embeddings, [1, tokens, hidden size]. */
    public MlxArray withFeatures(MlxArray embedded) {
        return patched(embedded, (old, patch) -> patch.rows());
    }

    /** Adds to what comes out of a layer, [1, tokens, hidden size], what pictures add behind it. */
    public MlxArray withDeepstack(MlxArray h, int layer) {
        return patched(
                h,
                (old, patch) -> layer < patch.deepstack().size()
                        ? Ops.add(old, Ops.astype(patch.deepstack().get(layer), old.dtype()))
                        : null);
    }

    /** Puts an id in the place of those of pictures, [1, tokens]. */
    public MlxArray withIdAtPictures(MlxArray ids, int id) {
        if (!hasPictures()) {
            return ids;
        }
        MlxArray one = MlxArray.of(new int[] {id}, 1, 1);
        MlxArray column = Indexing.expandDims(ids, 2);
        return Indexing.squeeze(
                patched(
                        column,
                        (old, patch) -> Indexing.repeat(one, patch.rows().dim(0), 0)),
                2);
    }

    private MlxArray patched(MlxArray h, BinaryOperation operation) {
        if (sights == null) {
            return h;
        }
        List<MlxArray> parts = new ArrayList<>();
        int done = 0;
        for (int i = 0; i < count(); i++) {
            for (Sight.Patch patch : sight(i).patches()) {
                int start = starts[i] + patch.start();
                int end = starts[i] + patch.end();
                MlxArray rows = operation.of(Indexing.slice(h, 1, start, end), patch);
                if (rows == null) {
                    continue;
                }
                if (done < start) {
                    parts.add(Indexing.slice(h, 1, done, start));
                }
                parts.add(Indexing.reshape(Ops.astype(rows, h.dtype()), 1, end - start, h.dim(2)));
                done = end;
            }
        }
        if (done > 0 && done < tokens()) {
            parts.add(Indexing.slice(h, 1, done, tokens()));
        }
        return parts.isEmpty() ? h : Indexing.concatenate(1, parts.toArray(MlxArray[]::new));
    }

    /** What takes the place of a patch; null to leave it. */
    private interface BinaryOperation {
        MlxArray of(MlxArray old, Sight.Patch patch);
    }

    /**
     * Which tokens of a span see others ahead of them, those of the same picture, [length, length]; null if none do.
     */
    private MlxArray ahead(int span) {
        if (sight(span).patches().stream().allMatch(patch -> patch.rows().dim(0) == 1)) {
            return null;
        }
        ahead = ahead == null ? new MlxArray[count()] : ahead;
        if (ahead[span] == null) {
            int[] groups = IntStream.range(0, starts[span + 1] - starts[span]).toArray();
            for (Sight.Patch patch : sight(span).patches()) {
                Arrays.fill(groups, patch.start(), patch.end(), patch.start());
            }
            ahead[span] = Masks.ahead(groups);
        }
        return ahead[span];
    }

    /** Heads of a single span to rows, [tokens, heads, 1, dim], as those of several are, and back. */
    public MlxArray rowsOfHeads(MlxArray x) {
        return isSingle() ? Indexing.transpose(x, 2, 1, 0, 3) : x;
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
        return attend(layer, queries, keys, values, scale, sinks, false);
    }

    /**
     * The same.
     *
     * @param bothWays whether the tokens of a picture see those behind them, too
     */
    public MlxArray attend(
            int layer,
            MlxArray queries,
            MlxArray keys,
            MlxArray values,
            float scale,
            MlxArray sinks,
            boolean bothWays) {
        if (isSingle()) {
            return attention(0, layer)
                    .attend(queries, keys, values, tokens(), scale, sinks, bothWays ? ahead(0) : null);
        }
        if (tokens() == count() && keepsAsTheyAre(layer)) {
            return attendTogether(layer, queries, keys, values, scale, sinks);
        }
        return eachHeads(layer, span -> ((AttentionCache) span.cache)
                .attend(
                        span.heads(queries),
                        span.heads(keys),
                        span.heads(values),
                        span.length,
                        scale,
                        sinks,
                        bothWays ? span.ahead() : null));
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
        private static final int ALL = -1;

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

        /** Of all spans, each of which is a token. */
        private Span(StateStack stack) {
            this.index = ALL;
            this.cache = stack.rows();
            this.start = 0;
            this.length = 1;
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

        /** True where a token sees one ahead of it, of the same picture, [length, length]; null for nowhere. */
        public MlxArray ahead() {
            return Spans.this.ahead(index);
        }

        /** The tokens of this span, of [1, tokens, ...]. */
        public MlxArray tokens(MlxArray x) {
            if (index == ALL) {
                return Indexing.swapAxes(x, 0, 1);
            }
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

    /**
     * Computes [1, length, ...] for each span, and puts them one behind the other: [1, tokens, ...]. Where each span is
     * a token, and the states of the layer can be stacked, all are computed at once: as one span of [count, 1, ...].
     */
    public MlxArray each(int layer, Computation computation) {
        if (isSingle()) {
            return computation.of(new Span(0, layer));
        }
        List<LayerCache> layers =
                sequences.stream().map(each -> each.get(layer)).toList();
        StateStack stack = tokens() == count() ? StateStack.of(layers) : null;
        if (stack == null) {
            return Indexing.concatenate(1, all(layer, computation));
        }
        MlxArray rows = computation.of(new Span(stack));
        layers.forEach(state -> ((StateLayer) state).advance());
        return Indexing.swapAxes(rows, 0, 1);
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
