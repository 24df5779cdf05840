package dev.langchain4j.model.mlx.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.langchain4j.mlx.Fast;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.testing.Feed;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Attention that reads packed keys and values, and attention that has them unpacked ({@link QuantizedKvCache#update}), are
 * one, with sinks and without; so what holds of one way holds of architectures that go the other.
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
