package dev.langchain4j.model.mlx.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Positions that were fed behind a mark and cut off are as if they had never been fed. Keys are their own positions.
 */
class MarkTest {
    private static final int FORGOTTEN = -1;

    private final long handles = LiveHandles.count();
    private MlxThread thread;

    @BeforeEach
    void start() {
        thread = MlxThread.start("marks");
    }

    @AfterEach
    void nothingLeaks() {
        thread.close();
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    /** Which earlier positions a position sees. */
    @FunctionalInterface
    private interface Sight {
        IntPredicate of(int position);
    }

    /**
     * Feeds positions, of which those from {@code wrongFrom} on are not of the sequence; checks what the others see.
     */
    private static void feed(AttentionCache cache, int length, int wrongFrom, Sight sight) {
        int first = cache.offset();
        try (Scope scope = Scope.open()) {
            float[] positions = new float[length];
            for (int i = 0; i < length; i++) {
                positions[i] = first + i < wrongFrom ? first + i : FORGOTTEN;
            }
            MlxArray keys = MlxArray.of(positions, 1, 1, length, 1);
            AttentionCache.View view = cache.update(keys, keys, length);
            float[] shown = view.values().toFloats();
            int[] mask = view.mask() == null ? null : view.mask().toInts();
            for (int i = 0; i < length && first + i < wrongFrom; i++) {
                Set<Integer> seen = new TreeSet<>();
                for (int j = 0; j < shown.length; j++) {
                    if (mask == null ? j <= shown.length - length + i : mask[i * shown.length + j] != 0) {
                        assertThat(seen.add((int) shown[j])).isTrue();
                    }
                }
                IntPredicate sees = sight.of(first + i);
                assertThat(seen)
                        .as("what position %d sees", first + i)
                        .isEqualTo(IntStream.rangeClosed(0, first + i)
                                .filter(sees)
                                .boxed()
                                .collect(Collectors.toCollection(TreeSet::new)));
            }
            Eval.eval(cache.buffers());
        }
    }

    private void check(AttentionCache cache, Sight sight) {
        Random random = new Random(Seeds.seed(MarkTest.class));
        thread.run(() -> {
            try (cache) {
                while (cache.offset() < 700) {
                    int start = cache.offset();
                    if (random.nextInt(3) == 0) {
                        feed(cache, 1 + random.nextInt(random.nextInt(8) == 0 ? 90 : 4), Integer.MAX_VALUE, sight);
                        continue;
                    }
                    int fed = 1 + random.nextInt(9);
                    int right = random.nextInt(fed + 1);
                    cache.mark(fed);
                    int passes = 1 + random.nextInt(2);
                    for (int i = 0; i < passes; i++) {
                        int length = i < passes - 1 ? random.nextInt(fed) : start + fed - cache.offset();
                        if (length > 0) {
                            feed(cache, length, start + right, sight);
                        }
                    }
                    cache.trimTo(start + right);
                    assertThat(cache.offset()).isEqualTo(start + right);
                }
            }
        });
    }

    @Test
    void aFullCache() {
        check(new KvCache(), position -> seen -> true);
    }

    @Test
    void aSlidingWindow() {
        for (int window : new int[] {1, 2, 7, 40}) {
            check(new RotatingKvCache(window), position -> seen -> position - seen < window);
        }
    }

    @Test
    void aBoundedCache() {
        for (int keep : new int[] {0, 4}) {
            for (int size : new int[] {5, 6, 20, 300}) {
                check(new BoundedKvCache(size, keep), position -> seen -> seen < keep || position - seen < size - keep);
            }
        }
    }

    @Test
    void nothingBeforeAMark() {
        thread.run(() -> {
            try (RotatingKvCache cache = new RotatingKvCache(3)) {
                feed(cache, 5, Integer.MAX_VALUE, position -> seen -> position - seen < 3);
                assertThatThrownBy(() -> cache.trimTo(4)).isInstanceOf(UnsupportedOperationException.class);
                cache.mark(1);
                assertThatThrownBy(() -> cache.trimTo(4)).isInstanceOf(UnsupportedOperationException.class);
                cache.trimTo(5);
            }
        });
    }
}
