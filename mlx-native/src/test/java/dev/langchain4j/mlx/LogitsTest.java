package dev.langchain4j.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * The CPU's own operations on logits and those that are composed for other devices, beside a model of them in Java: the
 * same ids are left, and the same ones are drawn.
 */
class LogitsTest {
    private static final float NONE = Float.NEGATIVE_INFINITY;
    private static final long SEED = Long.getLong("seed", 1);

    private static void onCpu(Runnable test) {
        long before = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("logits", Device.CPU)) {
            thread.run(() -> {
                try (Scope scope = Scope.open()) {
                    test.run();
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(before);
    }

    /** What comes of work with MLX's operations alone. */
    private static <T> T composed(Supplier<T> work) {
        OwnerThread thread = OwnerThread.current();
        boolean own = thread.cpuLogits;
        thread.cpuLogits = false;
        try {
            return work.get();
        } finally {
            thread.cpuLogits = own;
        }
    }

    /** Ties in most rows, and in some of them ids that are excluded. */
    private static float[] logits(Random random, int size) {
        double spread = random.nextInt(1, 6);
        int steps = random.nextInt(3) == 0 ? 1_000_000 : random.nextInt(1, 9);
        double excluded = random.nextInt(4) == 0 ? random.nextDouble() : 0;
        float[] logits = new float[size];
        for (int i = 0; i < size; i++) {
            boolean out = i > 0 && random.nextDouble() < excluded;
            logits[i] = out ? NONE : (float) (Math.rint(spread * random.nextGaussian() * steps) / steps);
        }
        return logits;
    }

    private static Logits.Draw draw(Random random) {
        boolean greedy = random.nextInt(8) == 0;
        int[] counts = {1, 2, 5, 20, 64, 300, 2000};
        return new Logits.Draw(
                greedy ? 0 : 0.2 + 2 * random.nextDouble(),
                random.nextBoolean() ? random.nextDouble() : 0,
                random.nextBoolean() ? counts[random.nextInt(counts.length)] : 0,
                random.nextInt(3) == 0 ? random.nextDouble() / 3 : 0,
                random.nextInt(4) == 0 ? random.nextDouble() / 2 : -1,
                random.nextLong());
    }

    /**
     * The same without a look at speed. A limit that is met but for rounding decides nothing that a test should know.
     */
    private static float[] expected(float[] logits, Logits.Draw draw) {
        Integer[] order = IntStream.range(0, logits.length).boxed().toArray(Integer[]::new);
        Arrays.sort(order, Comparator.comparing((Integer i) -> -logits[i]).thenComparing(i -> i));
        float max = logits[order[0]];
        float[] left = new float[logits.length];
        Arrays.fill(left, NONE);
        if (draw.temperature() == 0) {
            left[order[0]] = 0;
            return left;
        }
        double total = 0;
        for (float x : logits) {
            total += Math.exp(x - max);
        }
        List<Integer> kept = new ArrayList<>();
        double above = 0;
        for (int i : order) {
            boolean tied = !kept.isEmpty() && logits[kept.getLast()] == logits[i];
            boolean within = draw.topP() == 0 || draw.topP() == 1 || above < draw.topP() * total || tied;
            if (within && logits[i] > NONE && (draw.minP() == 0 || logits[i] >= max + (float) Math.log(draw.minP()))) {
                kept.add(i);
            }
            above += Math.exp(logits[i] - max);
        }
        if (draw.xtcThreshold() >= 0) {
            double mass =
                    kept.stream().mapToDouble(i -> Math.exp(logits[i] - max)).sum();
            double threshold = draw.xtcThreshold();
            kept.stream()
                    .filter(i -> Math.exp(logits[i] - max) / mass > threshold)
                    .map(i -> logits[i])
                    .min(Float::compare)
                    .ifPresent(least -> kept.removeIf(i -> logits[i] > least));
        }
        int count = draw.topK() == 0 ? kept.size() : Math.min(draw.topK(), kept.size());
        kept.subList(0, count).forEach(i -> left[i] = (float) (logits[i] * (1 / draw.temperature())));
        return left;
    }

    private static boolean[] possible(float[] narrowed, int from, int size) {
        boolean[] possible = new boolean[size];
        for (int i = 0; i < size; i++) {
            possible[i] = narrowed[from + i] > NONE;
        }
        return possible;
    }

    @Test
    void bothWaysLeaveWhatTheModelLeavesAndDrawTheSame() {
        Random random = new Random(SEED);
        onCpu(() -> {
            for (int round = 0; round < 60; round++) {
                try (Scope scope = Scope.open()) {
                    compare(random, "round " + round);
                }
            }
        });
    }

    private static void compare(Random random, String name) {
        int[] sizes = {1, 2, 31, 63, 64, 65, 128, 997, 5003};
        int size = sizes[random.nextInt(sizes.length)];
        int rows = random.nextInt(1, 7);
        List<Logits.Draw> draws = new ArrayList<>();
        float[] all = new float[rows * size];
        float[] wanted = new float[rows * size];
        for (int i = 0; i < rows; i++) {
            // rows with and without a small top_k are drawn in two ways, also where all rows have one
            Logits.Draw draw = draw(random);
            draws.add(draw);
            float[] row = logits(random, size);
            System.arraycopy(row, 0, all, i * size, size);
            System.arraycopy(expected(row, draw), 0, wanted, i * size, size);
        }
        MlxArray logits = MlxArray.of(all, rows, size);
        float[] own = Logits.narrowed(logits, draws).toFloats();
        float[] composed = composed(() -> Logits.narrowed(logits, draws)).toFloats();
        for (int i = 0; i < rows; i++) {
            String row = "%s, row %d of %d, %d ids, %s".formatted(name, i, rows, size, draws.get(i));
            boolean[] possible = possible(wanted, i * size, size);
            assertThat(possible(own, i * size, size)).as(row).isEqualTo(possible);
            assertThat(possible(composed, i * size, size)).as(row).isEqualTo(possible);
            for (int j = 0; j < size; j++) {
                if (possible[j] && draws.get(i).temperature() > 0) {
                    assertThat(own[i * size + j]).as(row).isCloseTo(wanted[i * size + j], within(1e-4f));
                    assertThat(composed[i * size + j]).as(row).isCloseTo(wanted[i * size + j], within(1e-4f));
                }
            }
        }
        int[] drawn = Logits.draw(logits, draws).toInts();
        assertThat(composed(() -> Logits.draw(logits, draws)).toInts()).as(name).isEqualTo(drawn);
        for (int i = 0; i < rows; i++) {
            MlxArray alone = Indexing.slice(logits, 0, i, i + 1);
            List<Logits.Draw> its = List.of(draws.get(i));
            assertThat(wanted[i * size + drawn[i]])
                    .as("what is left out is not drawn")
                    .isGreaterThan(NONE);
            assertThat(Logits.draw(alone, its).item()).isEqualTo(drawn[i]);
            assertThat(composed(() -> Logits.draw(alone, its)).item()).isEqualTo(drawn[i]);
        }
    }

    /**
     * The noise of an id is the one that {@link dev.langchain4j.mlx.Random} gives it, in a row of an odd length, too.
     */
    @Test
    void aDrawIsThatOfTheWholeRow() {
        onCpu(() -> {
            for (int size : new int[] {151_936, 151_669}) {
                MlxArray logits = Ops.multiply(
                        dev.langchain4j.mlx.Random.normal(dev.langchain4j.mlx.Random.key(size), 1, size), 2);
                for (long seed = 0; seed < 12; seed++) {
                    Logits.Draw draw = new Logits.Draw(0.9 + seed * 0.1, seed % 3 == 0 ? 0.7 : 0, 0, 0, -1, seed << 31);
                    MlxArray narrowed = Logits.narrowed(logits, List.of(draw));
                    int whole = dev.langchain4j.mlx.Random.categorical(
                                    narrowed, dev.langchain4j.mlx.Random.key(draw.seed()))
                            .item();
                    assertThat(Logits.draw(logits, List.of(draw)).item())
                            .as("%d ids, %s", size, draw)
                            .isEqualTo(whole);
                }
            }
        });
    }

    @Test
    void drawsAreAsOftenAsTheyAreLikely() {
        int rows = 2000;
        float[] row = new float[700];
        for (int i = 0; i < row.length; i++) {
            row[i] = (float) Math.log(i % 7 + 1);
        }
        onCpu(() -> {
            MlxArray logits = Indexing.broadcastTo(MlxArray.of(row, 1, row.length), rows, row.length);
            for (int topK : new int[] {0, 300}) {
                List<Logits.Draw> draws = new Random(SEED + topK)
                        .longs(rows)
                        .mapToObj(seed -> new Logits.Draw(1, 0, topK, 0, -1, seed))
                        .toList();
                int[] times = new int[8];
                for (int id : Logits.draw(logits, draws).toInts()) {
                    times[id % 7 + 1]++;
                }
                // all: weights 1 to 7; of 300 all of 7, 6 and 5
                int sum = topK == 0 ? 28 : 18;
                double chi = 0;
                for (int weight = topK == 0 ? 1 : 5; weight <= 7; weight++) {
                    double expected = (double) rows * weight / sum;
                    chi += (times[weight] - expected) * (times[weight] - expected) / expected;
                }
                assertThat(chi).as("six degrees of freedom at most").isLessThan(22.5);
            }
        });
    }

    @Test
    void theLikeliestAndTheSumOfAll() {
        Random random = new Random(SEED + 1);
        onCpu(() -> {
            for (int size : new int[] {1, 20, 64, 5003}) {
                int rows = 3;
                float[] all = new float[rows * size];
                for (int i = 0; i < rows; i++) {
                    System.arraycopy(logits(random, size), 0, all, i * size, size);
                }
                MlxArray logits = MlxArray.of(all, rows, size);
                int count = Math.min(size, 17);
                check(all, rows, size, Logits.likeliest(logits, count), count);
                check(all, rows, size, composed(() -> Logits.likeliest(logits, count)), count);
            }
        });
    }

    private static void check(float[] all, int rows, int size, Logits.Likeliest likeliest, int count) {
        float[] values = likeliest.logits().toFloats();
        int[] ids = likeliest.ids().toInts();
        float[] sums = likeliest.logSum().toFloats();
        assertThat(likeliest.logSum().shape()).containsExactly(rows, 1);
        for (int i = 0; i < rows; i++) {
            float[] row = Arrays.copyOfRange(all, i * size, (i + 1) * size);
            Integer[] order = IntStream.range(0, size).boxed().toArray(Integer[]::new);
            Arrays.sort(order, Comparator.comparing((Integer id) -> -row[id]).thenComparing(id -> id));
            double sum = 0;
            for (float x : row) {
                sum += Math.exp(x);
            }
            assertThat((double) sums[i]).isCloseTo(Math.log(sum), within(1e-4));
            for (int j = 0; j < count; j++) {
                assertThat(values[i * count + j]).isEqualTo(row[order[j]]);
                if (values[i * count + j] > NONE) {
                    assertThat(ids[i * count + j]).isEqualTo(order[j]);
                }
            }
        }
    }

    @Test
    void aMaskLeavesTheIdsOfItsBits() {
        Random random = new Random(SEED + 2);
        onCpu(() -> {
            for (int size : new int[] {1, 31, 32, 64, 1000}) {
                float[] all = new float[2 * size];
                for (int i = 0; i < all.length; i++) {
                    all[i] = i;
                }
                int length = Math.ceilDiv(size, 32) + 1;
                int[] words = random.ints(2 * length).toArray();
                float[] wanted = new float[all.length];
                for (int i = 0; i < all.length; i++) {
                    int id = i % size;
                    int word = words[i / size * length + id / 32];
                    wanted[i] = (word >>> id % 32 & 1) != 0 ? all[i] : NONE;
                }
                MlxArray logits = MlxArray.of(all, 2, size);
                assertThat(Logits.masked(logits, words).toFloats()).isEqualTo(wanted);
                assertThat(composed(() -> Logits.masked(logits, words)).toFloats())
                        .isEqualTo(wanted);
                MlxArray half = Ops.astype(logits, DType.BFLOAT16);
                assertThat(Logits.masked(half, words).dtype()).isEqualTo(DType.BFLOAT16);
            }
        });
    }

    @Test
    void nothingLeftInfinitiesAndNoNumbersAreNoCrash() {
        onCpu(() -> {
            float[] rows = new float[6 * 100];
            Arrays.fill(rows, 0, 100, NONE);
            Arrays.fill(rows, 100, 200, Float.NaN);
            Arrays.fill(rows, 200, 300, Float.POSITIVE_INFINITY);
            rows[350] = Float.POSITIVE_INFINITY;
            rows[450] = Float.NaN;
            Arrays.fill(rows, 500, 600, NONE);
            rows[577] = -3;
            MlxArray logits = MlxArray.of(rows, 6, 100);
            for (Logits.Draw draw : List.of(
                    new Logits.Draw(1, 0, 0, 0, -1, 1),
                    new Logits.Draw(1, 0.9, 0, 0, -1, 2),
                    new Logits.Draw(1, 0.9, 10, 0.1, -1, 3),
                    new Logits.Draw(1, 0.9, 10, 0.1, 0.1, 4),
                    new Logits.Draw(1, 0, 0, 0.1, 0.4, 5))) {
                int[] ids = Logits.draw(logits, Collections.nCopies(6, draw)).toInts();
                assertThat(IntStream.of(ids)).allMatch(id -> id >= 0 && id < 100);
                assertThat(ids[5]).as("the only one that is possible").isEqualTo(77);
            }
        });
    }

    @Test
    void whatDoesNotFitIsRefused() {
        onCpu(() -> {
            MlxArray logits = MlxArray.of(new float[64], 2, 32);
            Logits.Draw draw = new Logits.Draw(1, 0, 0, 0, -1, 1);
            assertThatThrownBy(() -> Logits.draw(logits, List.of(draw)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("draws (1) must be one for each row of float32[2, 32]");
            assertThatThrownBy(() -> Logits.likeliest(logits, 33))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("count (33)");
            assertThatThrownBy(() -> Logits.masked(logits, new int[0]))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("words (0)");
        });
    }
}
