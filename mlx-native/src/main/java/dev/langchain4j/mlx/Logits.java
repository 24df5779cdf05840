package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.LogitsC;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Operations on rows of logits over a vocabulary: drawing a token, the likeliest tokens, and masks.
 * Each row is computed as it is alone, whatever rows are beside it. Lazy, as {@link Ops}.
 */
public final class Logits {
    private static final double NONE = Double.NEGATIVE_INFINITY;

    private Logits() {}

    /**
     * How an id is drawn from a row, in this order: top_p, min_p, XTC, top_k, temperature. Ids that are as likely as
     * the last one that top_p keeps are kept; of those that are as likely as the last one of top_k, the first ones are.
     *
     * @param temperature 0 takes the likeliest id
     * @param topP mass of the likeliest ids that are kept; 0 or 1 keeps all
     * @param topK number of the likeliest ids that are kept; 0 keeps all
     * @param minP ids less likely than this share of the likeliest are dropped; 0 drops none
     * @param xtcThreshold ids of a greater probability are dropped but for the least likely of them; negative drops
     *     none
     * @param seed the same seed draws the same id
     */
    public record Draw(double temperature, double topP, int topK, double minP, double xtcThreshold, long seed) {
        /** Whether the likeliest id is taken. */
        public boolean isGreedy() {
            return temperature == 0;
        }

        boolean isByMass() {
            return topP > 0 && topP < 1;
        }

        boolean excludes() {
            return xtcThreshold >= 0;
        }

        double logMinP() {
            return minP > 0 ? Math.log(minP) : NONE;
        }
    }

    /**
     * The likeliest ids of rows.
     *
     * @param logits theirs, in order, [rows, count]; minus infinity where a row has fewer that are possible
     * @param ids int32 [rows, count]
     * @param logSum the logarithm of the sum of the exponentials of all logits of a row, [rows, 1]
     */
    public record Likeliest(MlxArray logits, MlxArray ids, MlxArray logSum) {}

    /**
     * Draws an id from each row: the greatest sum of logit by temperature and noise of the id, among those that are
     * left. What is minus infinity is not drawn.
     *
     * @param logits [rows, vocabulary]
     * @param draws one for each row
     * @return uint32 [rows]
     */
    public static MlxArray draw(MlxArray logits, List<Draw> draws) {
        check(logits, draws);
        if (draws.stream().allMatch(Draw::isGreedy)) {
            return Ops.argmax(logits, -1, false);
        }
        OwnerThread t = OwnerThread.current();
        return t.cpuLogits ? onCpu(t, logits, draws, false) : new ComposedDraw(logits, draws).draw();
    }

    /**
     * What {@link #draw} draws from: logits by temperature, and minus infinity for what is dropped.
     *
     * @param logits [rows, vocabulary]
     * @param draws one for each row
     * @return float32 [rows, vocabulary]
     */
    public static MlxArray narrowed(MlxArray logits, List<Draw> draws) {
        check(logits, draws);
        OwnerThread t = OwnerThread.current();
        return t.cpuLogits ? onCpu(t, logits, draws, true) : new ComposedDraw(logits, draws).narrowed();
    }

    private static void check(MlxArray logits, List<Draw> draws) {
        if (logits.ndim() != 2 || logits.dim(0) != draws.size()) {
            throw new IllegalArgumentException(
                    "draws (%d) must be one for each row of %s".formatted(draws.size(), logits.describe()));
        }
    }

    private static MlxArray onCpu(OwnerThread t, MlxArray logits, List<Draw> draws, boolean narrowed) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment structs = arena.allocate(32L * draws.size(), 8);
            for (int i = 0; i < draws.size(); i++) {
                write(draws.get(i), structs.asSlice(32L * i, 32));
            }
            int status = LogitsC.draw(t.out(), t.use(logits), structs.address(), draws.size(), narrowed, t.stream);
            return t.result(status, "draw", logits);
        }
    }

    /** As {@code struct draw} of logits.cpp has it. */
    private static void write(Draw draw, MemorySegment struct) {
        struct.set(ValueLayout.JAVA_FLOAT, 0, draw.isGreedy() ? 0 : (float) (1 / draw.temperature()));
        struct.set(ValueLayout.JAVA_FLOAT, 4, draw.isByMass() ? (float) draw.topP() : 0);
        struct.set(ValueLayout.JAVA_FLOAT, 8, (float) draw.logMinP());
        struct.set(ValueLayout.JAVA_FLOAT, 12, draw.excludes() ? (float) draw.xtcThreshold() : -1);
        struct.set(ValueLayout.JAVA_INT, 16, draw.topK());
        struct.set(ValueLayout.JAVA_LONG, 24, draw.seed());
    }

    /**
     * The likeliest ids of each row; of those that are equally likely, the first ones.
     *
     * @param logits [rows, vocabulary]
     * @param count how many of each row
     */
    public static Likeliest likeliest(MlxArray logits, int count) {
        int size = logits.dim(-1);
        if (logits.ndim() != 2 || count < 1 || count > size) {
            throw new IllegalArgumentException(
                    "count (%d) must be from 1 to the length of a row of %s".formatted(count, logits.describe()));
        }
        OwnerThread t = OwnerThread.current();
        if (t.cpuLogits) {
            t.check(LogitsC.likeliest(t.out(), t.use(logits), count, t.stream), "likeliest", logits);
            MlxArray[] parts = t.unpack(t.outLong());
            return new Likeliest(parts[0], parts[1], parts[2]);
        }
        MlxArray single = Ops.astype(logits, DType.FLOAT32);
        ComposedDraw.Greatest greatest = ComposedDraw.greatest(single, count);
        return new Likeliest(
                greatest.values(), Ops.astype(greatest.ids(), DType.INT32), Ops.logsumexp(single, -1, true));
    }

    /**
     * The logits of the ids whose bits are set, and minus infinity for all others.
     *
     * @param logits [rows, vocabulary]
     * @param words those of each row, as many for each: the bit of id i is bit i % 32 of word i / 32 of them
     */
    public static MlxArray masked(MlxArray logits, int[] words) {
        int size = logits.dim(-1);
        int rows = logits.ndim() == 2 ? logits.dim(0) : 0;
        if (rows == 0 || words.length % rows != 0 || (long) words.length / rows * Integer.SIZE < size) {
            throw new IllegalArgumentException(
                    "words (%d) must have a bit for each id of %s".formatted(words.length, logits.describe()));
        }
        OwnerThread t = OwnerThread.current();
        if (t.cpuLogits && logits.dtype() == DType.FLOAT32) {
            MlxArray bits = MlxArray.of(words, words.length);
            return t.result(LogitsC.mask(t.out(), t.use(logits), t.use(bits), t.stream), "mask", logits);
        }
        MlxArray bitOf = Indexing.arange(0, Integer.SIZE, DType.INT32);
        MlxArray bits = Ops.rightShift(MlxArray.of(words, words.length, 1), bitOf);
        MlxArray flat = Indexing.reshape(Ops.bitwiseAnd(bits, MlxArray.scalar(1, DType.INT32)), rows, -1);
        MlxArray allowed = Ops.astype(Indexing.slice(flat, 1, 0, size), DType.BOOL);
        return Ops.where(allowed, logits, MlxArray.scalar(NONE, logits.dtype()));
    }
}
