package dev.langchain4j.model.mlx.kv;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.IntPredicate;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/**
 * Tokens of a picture see one another in both directions, whatever the layer keeps; against attention by its
 * definition.
 */
class AheadTest {
    private static final int DIM = 32;
    private static final int BEFORE = 9;
    private static final int LENGTH = 11;
    /** The picture is [3, 8) of the span. */
    private static final int START = 3;

    private static final int END = 8;
    private static final int WINDOW = 6;

    private final Random random = new Random(Seeds.seed(AheadTest.class));

    private float[] numbers(int tokens) {
        float[] all = new float[tokens * DIM];
        for (int i = 0; i < all.length; i++) {
            all[i] = (float) random.nextGaussian();
        }
        return all;
    }

    private static MlxArray heads(float[] numbers, int from, int to) {
        float[] part = Arrays.copyOfRange(numbers, from * DIM, to * DIM);
        return MlxArray.of(part, 1, 1, to - from, DIM);
    }

    private void check(Supplier<LayerCache> made, int window, double limit) {
        long before = LiveHandles.count();
        int all = BEFORE + LENGTH;
        float[] queries = numbers(all);
        float[] keys = numbers(all);
        float[] values = numbers(all);
        try (MlxThread thread = MlxThread.start("ahead")) {
            float[] mine = thread.call(() -> attended(made.get(), queries, keys, values));
            for (int q = BEFORE; q < all; q++) {
                int query = q;
                IntPredicate seen = key -> {
                    boolean both = inPicture(query) && inPicture(key);
                    return (key <= query || both) && (window == 0 || key > query - window);
                };
                float[] row = Arrays.copyOfRange(mine, (q - BEFORE) * DIM, (q - BEFORE + 1) * DIM);
                assertThat(gap(row, attention(queries, keys, values, q, all, seen)))
                        .as("position %d", q)
                        .isLessThan(limit);
            }
        }
        assertThat(LiveHandles.count()).isEqualTo(before);
    }

    private static boolean inPicture(int position) {
        return BEFORE + START <= position && position < BEFORE + END;
    }

    private static float[] attended(LayerCache cache, float[] queries, float[] keys, float[] values) {
        try (cache;
                Scope scope = Scope.open()) {
            List<LayerCache> layers = List.of(cache);
            MlxArray[] first = {heads(queries, 0, BEFORE), heads(keys, 0, BEFORE), heads(values, 0, BEFORE)};
            Spans.of(layers, BEFORE).attend(0, first[0], first[1], first[2], 1, null);
            MlxArray rows = MlxArray.of(new float[END - START], END - START, 1);
            Sight sight = new Sight(0, null, List.of(new Sight.Patch(START, rows, List.of())));
            int all = BEFORE + LENGTH;
            MlxArray y = Spans.of(layers, LENGTH, sight)
                    .attend(
                            0,
                            heads(queries, BEFORE, all),
                            heads(keys, BEFORE, all),
                            heads(values, BEFORE, all),
                            1,
                            null,
                            true);
            return Indexing.contiguous(y).toFloats();
        }
    }

    private static double[] attention(
            float[] queries, float[] keys, float[] values, int query, int count, IntPredicate seen) {
        double[] weights = new double[count];
        double sum = 0;
        for (int k = 0; k < count; k++) {
            double score = 0;
            for (int i = 0; i < DIM; i++) {
                score += queries[query * DIM + i] * keys[k * DIM + i];
            }
            weights[k] = seen.test(k) ? Math.exp(score) : 0;
            sum += weights[k];
        }
        double[] y = new double[DIM];
        for (int k = 0; k < count; k++) {
            for (int i = 0; i < DIM; i++) {
                y[i] += weights[k] / sum * values[k * DIM + i];
            }
        }
        return y;
    }

    private static double gap(float[] mine, double[] wanted) {
        double gap = 0;
        for (int i = 0; i < mine.length; i++) {
            gap = Math.max(gap, Math.abs(mine[i] - wanted[i]));
        }
        return gap;
    }

    @Test
    void inAWholeContext() {
        check(KvCache::new, 0, 1e-4);
    }

    @Test
    void inASlidingWindowTheWindowCountsAsWell() {
        check(() -> new RotatingKvCache(WINDOW), WINDOW, 1e-4);
    }

    @Test
    void inABoundedCacheThatForgets() {
        check(() -> new BoundedKvCache(WINDOW, 0), WINDOW, 1e-4);
    }

    @Test
    void inFewBits() {
        check(() -> new QuantizedKvCache(8, 32, 0), 0, 0.3);
    }

    @Test
    void acrossTheStartOfFewBitsAllIsAsItIs() {
        check(() -> new QuantizedKvCache(2, 32, BEFORE + START + 2), 0, 1e-4);
    }
}
