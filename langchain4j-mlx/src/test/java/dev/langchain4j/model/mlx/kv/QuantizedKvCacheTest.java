package dev.langchain4j.model.mlx.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.testing.Feed;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Attention that reads packed keys and values, and attention that has them unpacked ({@link QuantizedKvCache#update}),
 * are one, with sinks and without; so what holds of one way holds of architectures that go the other.
 */
class QuantizedKvCacheTest {
    private static final int HEADS = 4;
    private static final int KV_HEADS = 2;
    private static final int DIM = 32;
    private static final float SCALE = 0.2f;

    @ParameterizedTest
    @CsvSource({"8, 0, false", "8, 0, true", "4, 0, true", "3, 7, false", "6, 7, true"})
    void unpackedAttentionIsPackedAttention(int bits, int start, boolean withSinks) {
        long handles = LiveHandles.count();
        Random random = new Random(Seeds.seed(QuantizedKvCacheTest.class));
        try (MlxThread thread = MlxThread.start("packed")) {
            thread.run(() -> {
                try (Scope scope = Scope.open();
                        QuantizedKvCache packed = new QuantizedKvCache(bits, 32, start);
                        QuantizedKvCache unpacked = new QuantizedKvCache(bits, 32, start)) {
                    MlxArray sinks = withSinks ? MlxArray.of(floats(random, HEADS), HEADS) : null;
                    for (int length : new int[] {7, 1, 5, 1, 1, 300, 1}) {
                        MlxArray queries = heads(random, HEADS, length);
                        MlxArray keys = heads(random, KV_HEADS, length);
                        MlxArray values = heads(random, KV_HEADS, length);
                        MlxArray one = packed.attend(queries, keys, values, length, SCALE, sinks, null);
                        AttentionCache.View all = unpacked.update(keys, values, length);
                        MlxArray other =
                                Fast.attention(queries, all.keys(), all.values(), SCALE, length > 1, null, sinks);
                        assertThat(other.shape()).isEqualTo(one.shape());
                        assertThat(Feed.gap(one.eval().toFloats(), other.eval().toFloats()))
                                .as("%d at %d", length, packed.offset())
                                .isCloseTo(0, within(1e-4));
                        assertThat(unpacked.offset()).isEqualTo(packed.offset());
                        assertThat(unpacked.bytes()).isEqualTo(packed.bytes());
                    }
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    /** Positions that are kept as they are, too, come as a snapshot; packed ones can be read into the layer. */
    @ParameterizedTest
    @CsvSource({"8, 0", "4, 0", "6, 7"})
    void whatIsReadIntoItsMemoryIsWhatItHoldsAndGoesOnFrom(int bits, int start) {
        long handles = LiveHandles.count();
        Random random = new Random(Seeds.seed(QuantizedKvCacheTest.class));
        try (MlxThread thread = MlxThread.start("packed")) {
            thread.run(() -> {
                try (Scope scope = Scope.open();
                        QuantizedKvCache computed = new QuantizedKvCache(bits, 32, start);
                        QuantizedKvCache read = new QuantizedKvCache(bits, 32, start)) {
                    feed(computed, random, 7);
                    feed(computed, random, 300);
                    int end = move(computed, read, 0, 7);
                    assertThat(read.offset()).isEqualTo(start == 0 ? 7 : 0);
                    if (start > 0) {
                        try (Snapshot first = computed.slice(0, 7)) {
                            read.restore(first);
                        }
                    }
                    end = move(computed, read, end, 200);
                    end = move(computed, read, end, 307);
                    assertThat(end).isEqualTo(read.offset()).isEqualTo(computed.offset());
                    MlxArray queries = heads(random, HEADS, 1);
                    MlxArray keys = heads(random, KV_HEADS, 1);
                    MlxArray values = heads(random, KV_HEADS, 1);
                    MlxArray one = computed.attend(queries, keys, values, 1, SCALE, null, null);
                    MlxArray other = read.attend(queries, keys, values, 1, SCALE, null, null);
                    assertThat(other.eval().toFloats()).isEqualTo(one.eval().toFloats());
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    @Test
    void arraysThatAreNoneOfItsSlicesAreRefused() {
        try (MlxThread thread = MlxThread.start("packed")) {
            thread.run(() -> {
                try (QuantizedKvCache layer = new QuantizedKvCache(8, 32, 0)) {
                    ArrayForm part = new ArrayForm(DType.UINT32, new int[] {1, KV_HEADS, 5, 8});
                    ArrayForm longer = new ArrayForm(DType.UINT32, new int[] {1, KV_HEADS, 6, 8});
                    List<ArrayForm> fewer = Arrays.asList(null, null, part, part, part, part, part);
                    List<ArrayForm> other = Arrays.asList(null, null, part, part, part, part, part, longer);
                    assertThatThrownBy(() -> layer.memory(5, 5, fewer)).isInstanceOf(IllegalArgumentException.class);
                    assertThatThrownBy(() -> layer.memory(5, 5, other)).isInstanceOf(IllegalArgumentException.class);
                    assertThat(layer.bytes()).isZero();
                }
            });
        }
    }

    /** A record that does not fit is not read; the layer goes on with what it holds, or as an empty one. */
    @ParameterizedTest
    @ValueSource(ints = {0, 20})
    void aLayerIsAsItWasWhenArraysOfOtherShapesAreNotRead(int held) {
        long handles = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("packed")) {
            thread.run(() -> {
                try (Scope scope = Scope.open();
                        QuantizedKvCache layer = new QuantizedKvCache(8, 32, 0);
                        QuantizedKvCache untouched = new QuantizedKvCache(8, 32, 0)) {
                    if (held > 0) {
                        feed(layer, new Random(1), held);
                        feed(untouched, new Random(1), held);
                    }
                    ArrayForm part = new ArrayForm(DType.UINT32, new int[] {1, 2 * KV_HEADS, 5, 8});
                    List<ArrayForm> wrong = Arrays.asList(null, null, part, part, part, part, part, part);
                    if (held > 0) {
                        assertThatThrownBy(() -> layer.memory(held + 5, 5, wrong))
                                .isInstanceOf(IllegalArgumentException.class);
                    } else {
                        layer.memory(5, 5, wrong);
                    }
                    layer.trimTo(held);
                    Random random = new Random(2);
                    MlxArray queries = heads(random, HEADS, 3);
                    MlxArray keys = heads(random, KV_HEADS, 3);
                    MlxArray values = heads(random, KV_HEADS, 3);
                    MlxArray one = untouched.attend(queries, keys, values, 3, SCALE, null, null);
                    MlxArray other = layer.attend(queries, keys, values, 3, SCALE, null, null);
                    assertThat(other.eval().toFloats()).isEqualTo(one.eval().toFloats());
                    assertThat(layer.bytes()).isEqualTo(untouched.bytes());
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static void feed(QuantizedKvCache layer, Random random, int length) {
        try (Scope scope = Scope.open()) {
            MlxArray keys = heads(random, KV_HEADS, length);
            MlxArray values = heads(random, KV_HEADS, length);
            layer.attend(heads(random, HEADS, length), keys, values, length, SCALE, null, null);
        }
        Eval.eval(layer.buffers());
    }

    /** Puts what one layer holds of some positions into the memory of another one, if it gives it; tells their end. */
    private static int move(QuantizedKvCache from, QuantizedKvCache to, int start, int end) {
        try (Snapshot slice = from.slice(start, end)) {
            List<MlxArray> arrays = Arrays.asList(slice.arrays());
            List<List<ByteBuffer>> memory = to.memory(
                    end,
                    end - start,
                    arrays.stream()
                            .map(a -> a == null ? null : new ArrayForm(a.dtype(), a.shape()))
                            .toList());
            if (memory != null) {
                List<MlxArray> there = arrays.stream().filter(Objects::nonNull).toList();
                for (int i = 0; i < there.size(); i++) {
                    ByteBuffer bytes =
                            ByteBuffer.allocate(Math.toIntExact(there.get(i).bytes()));
                    there.get(i).copyTo(bytes);
                    bytes.flip();
                    for (ByteBuffer head : memory.get(i)) {
                        head.put(bytes.slice(bytes.position(), head.remaining()));
                        bytes.position(bytes.position() + head.position());
                    }
                }
                to.filled(end);
            }
            return end;
        }
    }

    private static MlxArray heads(Random random, int count, int length) {
        return MlxArray.of(floats(random, count * length * DIM), 1, count, length, DIM);
    }

    private static float[] floats(Random random, int count) {
        float[] all = new float[count];
        for (int i = 0; i < count; i++) {
            all[i] = (float) random.nextGaussian();
        }
        return all;
    }
}
