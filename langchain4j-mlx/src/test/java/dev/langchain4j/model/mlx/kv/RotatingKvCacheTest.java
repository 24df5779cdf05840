package dev.langchain4j.model.mlx.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Scope;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Keys are their own positions, so that what a position sees can be read from the view. */
class RotatingKvCacheTest {
    private final long handles = LiveHandles.count();
    private MlxThread thread;

    @BeforeEach
    void start() {
        thread = MlxThread.start("window");
    }

    @AfterEach
    void nothingLeaks() {
        thread.close();
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    /** Feeds the next positions and gives, for each, the positions that it sees. */
    private static List<List<Integer>> feed(RotatingKvCache cache, int length) {
        int first = cache.offset();
        List<List<Integer>> seen = new ArrayList<>();
        try (Scope scope = Scope.open()) {
            float[] positions = new float[length];
            for (int i = 0; i < length; i++) {
                positions[i] = first + i;
            }
            MlxArray keys = MlxArray.of(positions, 1, 1, length, 1);
            AttentionCache.View view = cache.update(keys, keys, length);
            float[] shown = view.values().toFloats();
            int[] mask = view.mask() == null ? null : view.mask().toInts();
            for (int i = 0; i < length; i++) {
                List<Integer> visible = new ArrayList<>();
                for (int j = 0; j < shown.length; j++) {
                    boolean sees = mask == null ? j <= shown.length - length + i : mask[i * shown.length + j] != 0;
                    if (sees) {
                        visible.add((int) shown[j]);
                    }
                }
                seen.add(visible);
            }
            Eval.eval(cache.buffers());
        }
        return seen;
    }

    private static List<List<Integer>> expected(int first, int length, int window) {
        return IntStream.range(first, first + length)
                .mapToObj(p -> IntStream.rangeClosed(Math.max(0, p - window + 1), p)
                        .boxed()
                        .toList())
                .toList();
    }

    @Test
    void eachPositionSeesTheLastOnesHoweverThePromptIsCut() {
        for (int window : new int[] {1, 2, 8, 64}) {
            for (int[] chunks : new int[][] {{700}, {5, 5, 5, 5, 1}, {1, 1, 300, 1}, {8, 7, 9, 64, 1, 256}}) {
                thread.run(() -> {
                    try (RotatingKvCache cache = new RotatingKvCache(window)) {
                        for (int chunk : chunks) {
                            int first = cache.offset();
                            assertThat(feed(cache, chunk)).isEqualTo(expected(first, chunk, window));
                        }
                    }
                });
            }
        }
    }

    @Test
    void decodingGoesOnWhenTheRoomIsUsedUp() {
        thread.run(() -> {
            try (RotatingKvCache cache = new RotatingKvCache(8)) {
                feed(cache, 21);
                for (int i = 21; i < 900; i++) {
                    assertThat(feed(cache, 1)).isEqualTo(expected(i, 1, 8));
                }
                assertThat(cache.bytes()).isLessThan(8 * 1000);
            }
        });
    }

    @Test
    void aLongPromptDoesNotKeepItsBytesWhileDecoding() {
        thread.run(() -> {
            try (RotatingKvCache cache = new RotatingKvCache(8)) {
                feed(cache, 5000);
                long before = cache.bytes();
                assertThat(feed(cache, 1)).isEqualTo(expected(5000, 1, 8));
                assertThat(cache.bytes()).isLessThan(before / 10);
            }
        });
    }

    @Test
    void aRestoredStateGoesOnLikeTheSequenceItWasTakenFrom() {
        Random random = new Random(5);
        for (int round = 0; round < 40; round++) {
            int window = 1 + random.nextInt(20);
            int taken = random.nextInt(60);
            int next = 1 + random.nextInt(30);
            thread.run(() -> {
                try (RotatingKvCache original = new RotatingKvCache(window);
                        RotatingKvCache other = new RotatingKvCache(window)) {
                    if (taken > 0) {
                        feed(original, taken);
                    }
                    feed(other, 3);
                    try (Snapshot state = original.state()) {
                        assertThat(state.end()).isEqualTo(taken);
                        feed(original, next);
                        for (int again = 0; again < 2; again++) {
                            other.restore(state);
                            assertThat(other.offset()).isEqualTo(taken);
                            assertThat(feed(other, next)).isEqualTo(expected(taken, next, window));
                        }
                    }
                }
            });
        }
    }

    @Test
    void aStateHoldsTheWindowOnly() {
        thread.run(() -> {
            try (RotatingKvCache cache = new RotatingKvCache(8)) {
                feed(cache, 500);
                try (Snapshot state = cache.state()) {
                    assertThat(state.bytes()).isEqualTo(2 * 7 * 4);
                    assertThat(state.start()).isZero();
                }
            }
        });
    }

    @Test
    void whatAWindowCannotDoIsRefused() {
        thread.run(() -> {
            try (RotatingKvCache cache = new RotatingKvCache(8);
                    KvCache full = new KvCache()) {
                feed(cache, 20);
                assertThat(cache.sliceable()).isFalse();
                cache.trimTo(20);
                assertThatThrownBy(() -> cache.trimTo(19)).isInstanceOf(UnsupportedOperationException.class);
                assertThatThrownBy(() -> cache.trimTo(21)).isInstanceOf(IllegalArgumentException.class);
                assertThatThrownBy(() -> cache.slice(0, 5)).isInstanceOf(UnsupportedOperationException.class);
                try (Scope scope = Scope.open()) {
                    MlxArray one = MlxArray.of(new float[] {1}, 1, 1, 1, 1);
                    full.update(one, one, 1);
                }
                try (Snapshot slice = full.slice(0, 1)) {
                    assertThatThrownBy(() -> cache.restore(slice)).isInstanceOf(IllegalArgumentException.class);
                }
            }
        });
        assertThatThrownBy(() -> new RotatingKvCache(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("window (0)");
    }
}
