package dev.langchain4j.mlx;

import java.util.List;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;

/**
 * {@link Logits#draw} of MLX's operations, for devices that have kernels for them. Settings are columns, a number for each row,
 * so that rows of different ones are drawn together.
 *
 * <p>Where every row has a small top_k, all that follows looks at the greatest numbers alone: they are found through the greatest
 * of each block. Else the least number that is kept is found digit by digit: sums over the row tell how much lies above each of
 * some thresholds at once.
 */
final class ComposedDraw {
    /** The greatest numbers of rows, in order, and where they are. */
    record Greatest(MlxArray values, MlxArray ids) {}

    private static final int BLOCK = 64;
    private static final int LISTED_MAX = 256;
    private static final double INFINITE = Double.POSITIVE_INFINITY;
    /** Rows from which on fewer thresholds are looked at together: each takes as much memory as the rows. */
    private static final int MANY_ROWS = 4;
    /** What a greedy row is drawn with, without noise. */
    private static final Logits.Draw FIRST = new Logits.Draw(1, 0, 1, 0, -1, 0);

    private final MlxArray logits;
    private final List<Logits.Draw> draws;
    private final int rows;
    private final int size;
    private final MlxArray greatest;
    /** What lets some rows keep all is infinite in their columns; if no row has it, it is left out. */
    private final boolean byMass;

    private final boolean byShare;
    private final boolean excludes;
    private final boolean byCount;

    ComposedDraw(MlxArray logits, List<Logits.Draw> draws) {
        this.logits = Ops.astype(logits, DType.FLOAT32);
        this.rows = draws.size();
        this.draws = draws.stream().map(draw -> draw.isGreedy() ? FIRST : draw).toList();
        this.size = logits.dim(-1);
        this.greatest = Ops.max(this.logits, -1, true);
        this.byMass = any(Logits.Draw::isByMass);
        this.byShare = any(draw -> draw.minP() > 0);
        this.excludes = any(Logits.Draw::excludes);
        this.byCount = any(draw -> count(draw) < size);
    }

    private boolean any(Predicate<Logits.Draw> has) {
        return draws.stream().anyMatch(has);
    }

    private int count(Logits.Draw draw) {
        return draw.topK() > 0 ? Math.min(draw.topK(), size) : size;
    }

    /** A number for each row, [rows, 1]. */
    private MlxArray column(ToDoubleFunction<Logits.Draw> number) {
        float[] numbers = new float[rows];
        for (int i = 0; i < rows; i++) {
            numbers[i] = (float) number.applyAsDouble(draws.get(i));
        }
        return MlxArray.of(numbers, rows, 1);
    }

    MlxArray draw() {
        MlxArray noise = Random.gumbel(
                size, draws.stream().map(draw -> Random.key(draw.seed())).toArray(MlxArray[]::new));
        if (any(draw -> draw == FIRST)) {
            MlxArray silent = Ops.astype(column(draw -> draw == FIRST ? 1 : 0), DType.BOOL);
            noise = Ops.where(silent, MlxArray.scalar(0, DType.FLOAT32), noise);
        }
        if (!isListed()) {
            return Ops.argmax(Ops.add(noise, heated(kept())), -1, false);
        }
        Greatest listed = greatest(logits, listedCount());
        MlxArray scores = Ops.add(Indexing.takeAlong(noise, listed.ids(), -1), heated(kept(listed)));
        MlxArray winner = Ops.argmax(scores, -1, true);
        return Indexing.reshape(Ops.astype(Indexing.takeAlong(listed.ids(), winner, -1), DType.UINT32), rows);
    }

    MlxArray narrowed() {
        if (!isListed()) {
            return heated(kept());
        }
        Greatest listed = greatest(logits, listedCount());
        MlxArray none = Indexing.full(minusInfinity(), DType.FLOAT32, rows, size);
        return Indexing.putAlong(none, listed.ids(), heated(kept(listed)), -1);
    }

    private MlxArray heated(MlxArray kept) {
        return Ops.multiply(kept, column(draw -> 1 / draw.temperature()));
    }

    private boolean isListed() {
        return !excludes && listedCount() <= LISTED_MAX && listedCount() < size;
    }

    private int listedCount() {
        return draws.stream().mapToInt(this::count).max().orElseThrow();
    }

    /** Of the greatest numbers those that are drawn from, and minus infinity. */
    private MlxArray kept(Greatest listed) {
        MlxArray values = listed.values();
        MlxArray rank = Indexing.arange(0, values.dim(-1), DType.FLOAT32);
        MlxArray kept = Ops.less(rank, column(this::count));
        if (byShare) {
            kept = Ops.logicalAnd(kept, Ops.greaterEqual(values, leastByShare()));
        }
        if (byMass) {
            MlxArray weights = Ops.exp(Ops.subtract(values, greatest));
            MlxArray within = Ops.less(Ops.cumsum(weights, -1, false, false), massLimit(weights()));
            MlxArray least = Ops.min(Ops.where(within, values, infinity()), -1, true);
            kept = Ops.logicalAnd(kept, Ops.greaterEqual(values, least));
        }
        return Ops.where(kept, values, minusInfinity());
    }

    /** Of all numbers those that are drawn from, and minus infinity. */
    private MlxArray kept() {
        MlxArray kept = logits;
        if (byMass) {
            MlxArray weights = weights();
            MlxArray keys = keys(kept);
            MlxArray farthest = farthest(keys, weights, massLimit(weights));
            kept = Ops.where(Ops.less(farthest, keys), minusInfinity(), kept);
        }
        if (byShare) {
            kept = Ops.where(Ops.less(kept, leastByShare()), minusInfinity(), kept);
        }
        if (excludes) {
            MlxArray probabilities = Ops.softmax(kept, -1, true);
            MlxArray threshold = column(draw -> draw.excludes() ? draw.xtcThreshold() : INFINITE);
            MlxArray above = Ops.where(Ops.greater(probabilities, threshold), kept, infinity());
            kept = Ops.where(Ops.greater(kept, Ops.min(above, -1, true)), minusInfinity(), kept);
        }
        return byCount ? first(kept) : kept;
    }

    private MlxArray leastByShare() {
        return Ops.add(greatest, column(Logits.Draw::logMinP));
    }

    private MlxArray weights() {
        return Ops.exp(Ops.subtract(logits, greatest));
    }

    private MlxArray massLimit(MlxArray weights) {
        MlxArray share = column(draw -> draw.isByMass() ? draw.topP() : INFINITE);
        return Ops.multiply(Ops.sum(weights, -1, true), share);
    }

    /** The greatest top_k of what is kept: all above the least of them, and the first of those that equal it. */
    private MlxArray first(MlxArray kept) {
        MlxArray one = MlxArray.scalar(1, DType.FLOAT32);
        MlxArray zero = MlxArray.scalar(0, DType.FLOAT32);
        MlxArray each = Ops.where(Ops.equal(kept, minusInfinity()), zero, one);
        MlxArray counts = column(this::count);
        MlxArray keys = keys(kept);
        MlxArray last = farthest(keys, each, counts);
        MlxArray nearer = Ops.less(keys, last);
        MlxArray left = Ops.subtract(counts, Ops.sum(Ops.where(nearer, each, zero), -1, true));
        MlxArray equals = Ops.equal(keys, last);
        MlxArray place = Ops.cumsum(Ops.where(equals, one, zero), -1, false, true);
        MlxArray tied = Ops.logicalAnd(equals, Ops.less(place, Ops.add(left, 0.5)));
        return Ops.where(Ops.logicalOr(nearer, tied), kept, minusInfinity());
    }

    /** How far numbers are from the greatest of their row, as integers in the same order. */
    private MlxArray keys(MlxArray kept) {
        return Indexing.view(Ops.subtract(Ops.max(kept, -1, true), kept), DType.INT32);
    }

    /**
     * The greatest key, [rows, 1], of which the weights of lesser keys sum up to less than a limit.
     *
     * @param keys not negative, [rows, size]
     * @param weights not negative, [rows, size]
     * @param limit positive, [rows, 1]
     */
    private MlxArray farthest(MlxArray keys, MlxArray weights, MlxArray limit) {
        int bits = rows > MANY_ROWS ? 2 : 4;
        MlxArray zero = MlxArray.scalar(0, DType.FLOAT32);
        MlxArray key = Indexing.expandDims(keys, 1);
        MlxArray weight = Indexing.expandDims(weights, 1);
        MlxArray found = Indexing.zeros(DType.INT32, rows, 1);
        for (int shift = Integer.SIZE - bits; shift >= 0; shift -= bits) {
            // the first bit is that of the sign
            int count = (1 << (shift + bits == Integer.SIZE ? bits - 1 : bits)) - 1;
            int[] steps = new int[count];
            for (int i = 0; i < count; i++) {
                steps[i] = i + 1 << shift;
            }
            MlxArray thresholds = Ops.add(found, MlxArray.of(steps, 1, count));
            MlxArray lesser = Ops.less(key, Indexing.expandDims(thresholds, 2));
            MlxArray sums = Ops.sum(Ops.where(lesser, weight, zero), -1, false);
            MlxArray below = Ops.sum(Ops.astype(Ops.less(sums, limit), DType.INT32), -1, true);
            found = Ops.add(found, Ops.multiply(below, MlxArray.scalar(1 << shift, DType.INT32)));
        }
        return found;
    }

    /**
     * The greatest numbers of rows. As many blocks as numbers are wanted have them all: those with the greatest numbers.
     *
     * @param logits float32 [rows, size]
     */
    static Greatest greatest(MlxArray logits, int count) {
        int rows = logits.dim(0);
        int size = logits.dim(1);
        int blocks = Math.ceilDiv(size, BLOCK);
        if (blocks < 2 * count) {
            MlxArray order = firstInOrder(logits, count);
            return new Greatest(Indexing.takeAlong(logits, order, -1), order);
        }
        MlxArray whole =
                blocks * BLOCK == size ? logits : Indexing.pad(logits, 1, 0, blocks * BLOCK - size, minusInfinity());
        MlxArray tops = Ops.max(Indexing.reshape(whole, rows, blocks, BLOCK), -1, false);
        // in the order of ids, so that the first of equal numbers come first
        MlxArray chosen = Ops.sort(Ops.astype(firstInOrder(tops, count), DType.INT32), -1);
        MlxArray starts = Ops.multiply(Indexing.expandDims(chosen, 2), MlxArray.scalar(BLOCK, DType.INT32));
        MlxArray ids =
                Indexing.reshape(Ops.add(starts, Indexing.arange(0, BLOCK, DType.INT32)), rows, count * BLOCK);
        MlxArray values = Indexing.takeAlong(whole, ids, -1);
        MlxArray order = firstInOrder(values, count);
        return new Greatest(Indexing.takeAlong(values, order, -1), Indexing.takeAlong(ids, order, -1));
    }

    private static MlxArray firstInOrder(MlxArray values, int count) {
        return Indexing.slice(Ops.argsort(Ops.negative(values), -1), -1, 0, count);
    }

    private static MlxArray infinity() {
        return MlxArray.scalar(INFINITE, DType.FLOAT32);
    }

    private static MlxArray minusInfinity() {
        return MlxArray.scalar(Double.NEGATIVE_INFINITY, DType.FLOAT32);
    }
}
