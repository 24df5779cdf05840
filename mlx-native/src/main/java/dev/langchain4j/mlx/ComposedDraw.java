package dev.langchain4j.mlx;

import java.util.List;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;

/**
 * {@link Logits#draw} of MLX's operations, for devices that have kernels for them. Settings are columns, a number for
 * each row, so that rows of different ones are drawn together.
 *
 * <p>Where every row has a small top_k, all that follows looks at the greatest numbers alone: they are found through
 * the greatest of each block. Else rows are sorted where top_p or top_k need it, once for both, and without their ids.
 */
final class ComposedDraw {
    /** The greatest numbers of rows, in order, and where they are. */
    record Greatest(MlxArray values, MlxArray ids) {}

    private static final int BLOCK = 64;
    private static final int LISTED_MAX = 256;
    private static final double INFINITE = Double.POSITIVE_INFINITY;
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
        MlxArray sorted = byMass || byCount ? Ops.sort(logits, -1) : null;
        MlxArray above = Indexing.zeros(DType.INT32, rows, 1);
        if (byMass) {
            MlxArray weights = Ops.exp(Ops.subtract(sorted, greatest));
            MlxArray dropped = Ops.greaterEqual(Ops.cumsum(weights, -1, true, false), massLimit(weights));
            MlxArray least = Indexing.takeAlong(sorted, count(dropped), -1);
            kept = Ops.where(Ops.less(kept, least), minusInfinity(), kept);
        }
        if (byShare) {
            kept = Ops.where(Ops.less(kept, leastByShare()), minusInfinity(), kept);
        }
        if (excludes) {
            MlxArray probabilities = Ops.softmax(kept, -1, true);
            MlxArray threshold = column(draw -> draw.excludes() ? draw.xtcThreshold() : INFINITE);
            MlxArray likely = Ops.where(Ops.greater(probabilities, threshold), kept, infinity());
            MlxArray excluded = Ops.greater(kept, Ops.min(likely, -1, true));
            kept = Ops.where(excluded, minusInfinity(), kept);
            above = count(excluded);
        }
        return byCount ? first(kept, sorted, above) : kept;
    }

    private static MlxArray count(MlxArray conditions) {
        return Ops.sum(Ops.astype(conditions, DType.INT32), -1, true);
    }

    /**
     * The greatest top_k of what is kept: all above the least of them, and the first of those that equal it.
     *
     * @param above how many ids above those that are kept are excluded
     */
    private MlxArray first(MlxArray kept, MlxArray sorted, MlxArray above) {
        MlxArray counts = Ops.astype(column(this::count), DType.INT32);
        MlxArray place = Ops.subtract(MlxArray.scalar(size, DType.INT32), Ops.add(above, counts));
        MlxArray last = Indexing.takeAlong(sorted, Ops.maximum(place, MlxArray.scalar(0, DType.INT32)), -1);
        MlxArray greater = Ops.greater(kept, last);
        MlxArray equal = Ops.equal(kept, last);
        MlxArray number = Ops.cumsum(Ops.astype(equal, DType.INT32), -1, false, true);
        MlxArray tied = Ops.logicalAnd(equal, Ops.less(number, Ops.add(Ops.subtract(counts, count(greater)), 1)));
        return Ops.where(Ops.logicalOr(greater, tied), kept, minusInfinity());
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

    /**
     * The greatest numbers of rows. As many blocks as numbers are wanted have them all: those with the greatest
     * numbers.
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
        MlxArray ids = Indexing.reshape(Ops.add(starts, Indexing.arange(0, BLOCK, DType.INT32)), rows, count * BLOCK);
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
