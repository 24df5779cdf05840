package dev.langchain4j.model.mlx.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Random;
import dev.langchain4j.mlx.Scope;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Keys and values that are read straight into a layer's own memory. */
class KvCacheTest {
    private static final int HEADS = 2;
    private static final int KEY_DIM = 4;
    private static final int VALUE_DIM = 3;

    private MlxThread thread;
    private long handles;

    @BeforeEach
    void start() {
        thread = MlxThread.start("test");
        handles = LiveHandles.count();
    }

    @AfterEach
    void close() {
        assertThat(LiveHandles.count()).isEqualTo(handles);
        thread.close();
    }

    private static ArrayForm form(DType type, int heads, int positions, int dim) {
        return new ArrayForm(type, new int[] {1, heads, positions, dim});
    }

    private static List<ArrayForm> forms(int positions) {
        return List.of(
                form(DType.FLOAT32, HEADS, positions, KEY_DIM), form(DType.FLOAT32, HEADS, positions, VALUE_DIM));
    }

    private static void feed(KvCache layer, int positions, int seed) {
        try (Scope scope = Scope.open()) {
            layer.update(
                    Random.normal(Random.key(seed), 1, HEADS, positions, KEY_DIM),
                    Random.normal(Random.key(seed + 1), 1, HEADS, positions, VALUE_DIM),
                    positions);
        }
        Eval.eval(layer.buffers());
    }

    /** Puts what one layer holds of some positions into the memory of another one. */
    private static void move(KvCache from, KvCache to, int end) {
        int start = to.offset();
        List<List<ByteBuffer>> memory = to.memory(end, end - start, forms(end - start));
        try (Snapshot slice = from.slice(start, end)) {
            for (int array = 0; array < 2; array++) {
                ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(slice.arrays()[array].bytes()));
                slice.arrays()[array].copyTo(bytes);
                bytes.flip();
                for (ByteBuffer head : memory.get(array)) {
                    head.put(bytes.slice(bytes.position(), head.remaining()));
                    bytes.position(bytes.position() + head.position());
                }
            }
        }
    }

    private static float[] all(KvCache layer, boolean keys) {
        try (Scope scope = Scope.open()) {
            AttentionCache.View view = layer.all();
            return (keys ? view.keys() : view.values()).toFloats();
        }
    }

    @Test
    void whatIsReadIntoItsMemoryIsWhatItHoldsAndGoesOnFrom() {
        thread.run(() -> {
            try (KvCache whole = new KvCache();
                    KvCache read = new KvCache()) {
                feed(whole, 300, 1);
                move(whole, read, 100);
                assertThat(read.offset())
                        .as("nothing counts before it is said to")
                        .isZero();
                read.filled(100);
                move(whole, read, 290);
                read.filled(290);
                read.trimTo(280);
                move(whole, read, 300);
                read.filled(300);
                feed(whole, 5, 7);
                feed(read, 5, 7);
                assertThat(all(read, true)).isEqualTo(all(whole, true));
                assertThat(all(read, false)).isEqualTo(all(whole, false));
            }
        });
    }

    @Test
    void itsMemoryIsNotThatOfACopy() {
        thread.run(() -> {
            try (KvCache whole = new KvCache();
                    KvCache read = new KvCache()) {
                feed(whole, 20, 1);
                feed(read, 10, 3);
                try (Snapshot before = read.slice(0, 10)) {
                    float[] keys = before.arrays()[0].toFloats();
                    read.trimTo(5);
                    move(whole, read, 20);
                    read.filled(20);
                    assertThat(before.arrays()[0].toFloats()).isEqualTo(keys);
                }
            }
        });
    }

    @Test
    void otherArraysDoNotFit() {
        thread.run(() -> {
            try (KvCache layer = new KvCache()) {
                feed(layer, 10, 1);
                List<List<ArrayForm>> wrong = List.of(
                        List.of(forms(5).getFirst()),
                        forms(6),
                        List.of(form(DType.FLOAT32, HEADS, 5, KEY_DIM), form(DType.FLOAT16, HEADS, 5, VALUE_DIM)),
                        List.of(form(DType.FLOAT32, 1, 5, KEY_DIM), form(DType.FLOAT32, 1, 5, VALUE_DIM)),
                        List.of(form(DType.FLOAT32, HEADS, 5, KEY_DIM), form(DType.FLOAT32, HEADS, 5, KEY_DIM)),
                        List.of(
                                new ArrayForm(DType.FLOAT32, new int[] {HEADS, 5, KEY_DIM}),
                                form(DType.FLOAT32, HEADS, 5, VALUE_DIM)),
                        List.of(new ArrayForm(DType.FLOAT32, new int[] {5}), forms(5).getLast()),
                        Arrays.asList(null, forms(5).getLast()));
                for (List<ArrayForm> forms : wrong) {
                    assertThatThrownBy(() -> layer.memory(15, 5, forms)).isInstanceOf(IllegalArgumentException.class);
                }
                assertThat(layer.offset()).isEqualTo(10);
            }
        });
    }

    /** What is of no use may have other shapes: an empty layer that made room for it is as it was. */
    @Test
    void anEmptyLayerForgetsTheShapeOfWhatWasNotRead() {
        thread.run(() -> {
            try (KvCache layer = new KvCache();
                    KvCache untouched = new KvCache()) {
                layer.memory(5, 5, List.of(form(DType.FLOAT16, 1, 5, 7), form(DType.FLOAT16, 1, 5, 9)));
                layer.trimTo(0);
                assertThat(layer.bytes()).isZero();
                feed(layer, 10, 1);
                feed(untouched, 10, 1);
                assertThat(layer.bytes()).isEqualTo(untouched.bytes());
                assertThat(all(layer, true)).isEqualTo(all(untouched, true));
                assertThat(all(layer, false)).isEqualTo(all(untouched, false));
            }
        });
    }

    @Test
    void aLayerThatTakesSnapshotsOnlySaysSo() {
        thread.run(() -> {
            try (RotatingKvCache layer = new RotatingKvCache(16)) {
                assertThat(layer.memory(5, 5, forms(5))).isNull();
                assertThatThrownBy(() -> layer.filled(5)).isInstanceOf(UnsupportedOperationException.class);
            }
        });
    }
}
