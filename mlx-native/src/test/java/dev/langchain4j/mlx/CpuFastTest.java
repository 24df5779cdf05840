package dev.langchain4j.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

/** What stands in for fused kernels on the CPU gives the numbers of MLX's own, whichever way it takes. */
class CpuFastTest {

    private static void onCpu(Runnable test) {
        long before = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("cpu", Device.CPU)) {
            thread.run(() -> {
                try (Scope scope = Scope.open()) {
                    test.run();
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(before);
    }

    private static void same(MlxArray ours, MlxArray theirs) {
        assertThat(ours.shape()).isEqualTo(theirs.shape());
        assertThat(ours.toFloats()).usingComparatorWithPrecision(2e-5f).containsExactly(theirs.toFloats());
    }

    private static MlxArray noise(int seed, int... shape) {
        return Ops.multiply(Random.normal(Random.key(seed), shape), 2);
    }

    /** An explicit mask is left to MLX. */
    private static void attention(int length, int context) {
        MlxArray q = noise(1, 1, 8, length, 16);
        MlxArray k = noise(2, 1, 4, context, 16);
        MlxArray v = noise(3, 1, 4, context, 16);
        MlxArray own = Indexing.reshape(Indexing.arange(context - length, context, DType.FLOAT32), length, 1);
        MlxArray mask = Ops.greaterEqual(own, Indexing.arange(0, context, DType.FLOAT32));
        same(Fast.attention(q, k, v, 0.25f, length > 1, null, null), Fast.attention(q, k, v, 0.25f, false, mask, null));
    }

    @Test
    void attentionOfOnePositionToFewAndToManyKeys() {
        onCpu(() -> {
            attention(1, 20);
            attention(1, 300);
        });
    }

    @Test
    void causalAttentionAcrossBlocksAndBehindAContext() {
        onCpu(() -> {
            attention(5, 5);
            attention(130, 130);
            attention(300, 451);
        });
    }

    @Test
    void attentionBesideSinks() {
        onCpu(() -> {
            // as scores of one more key that every query sees, whose value is nothing
            for (int length : new int[] {1, 5, 130}) {
                for (double by : new double[] {0, 30, -30}) {
                    int context = length + 300;
                    MlxArray q = noise(1, 1, 8, length, 16);
                    MlxArray k = noise(2, 1, 4, context, 16);
                    MlxArray v = noise(3, 1, 4, context, 16);
                    MlxArray sinks = Ops.add(noise(4, 8), by);
                    MlxArray own = Indexing.reshape(Indexing.arange(300, context, DType.FLOAT32), length, 1);
                    MlxArray mask = Ops.greaterEqual(own, Indexing.arange(0, context, DType.FLOAT32));
                    MlxArray theirs = Fast.attention(q, k, v, 0.25f, false, mask, sinks);
                    same(Fast.attention(q, k, v, 0.25f, length > 1, null, sinks), theirs);
                    if (length == 1) {
                        MlxArray[] keys = {k, Indexing.slice(k, 2, 0, 20)};
                        MlxArray[] values = {v, Indexing.slice(v, 2, 0, 20)};
                        MlxArray each = Fast.attention(Indexing.concatenate(0, q, q), keys, values, 0.25f, sinks);
                        same(Indexing.slice(each, 0, 0, 1), theirs);
                    }
                }
            }
        });
    }

    /** MLX multiplies row by row; with indices that are not said to be in order it is left to it. */
    @Test
    void productsOfSortedRows() {
        onCpu(() -> {
            int[] chosen = {0, 0, 0, 1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4};
            MlxArray indices = Ops.astype(MlxArray.of(chosen, chosen.length), DType.UINT32);
            MlxArray x = noise(1, chosen.length, 1, 24);
            MlxArray byOutputs = Indexing.swapAxes(noise(2, 5, 40, 24), -1, -2);
            MlxArray byInputs = noise(3, 5, 24, 40);
            MlxArray byNeither = Indexing.slice(Indexing.transpose(noise(4, 24, 2, 40, 5), 3, 1, 0, 2), 1, 0, 1);
            for (MlxArray matrices : List.of(byOutputs, byInputs, Indexing.squeeze(byNeither, 1))) {
                same(Ops.gatherMm(x, matrices, indices, true), Ops.gatherMm(x, matrices, indices, false));
            }
            MlxArray strided = Indexing.swapAxes(noise(5, 24, 1, chosen.length), 0, 2);
            same(Ops.gatherMm(strided, byOutputs, indices, true), Ops.gatherMm(strided, byOutputs, indices, false));
        });
    }

    @Test
    void attentionToAllKeys() {
        onCpu(() -> {
            for (int length : new int[] {3, 128, 200}) {
                MlxArray q = noise(1, 2, 8, length, 16);
                MlxArray k = noise(2, 2, 4, length, 16);
                MlxArray v = noise(3, 2, 4, length, 16);
                MlxArray all = Ops.greaterEqual(
                        Indexing.zeros(DType.FLOAT32, 1, 1, 1, length), MlxArray.scalar(0, DType.FLOAT32));
                same(
                        Fast.attention(q, k, v, 0.25f, false, null, null),
                        Fast.attention(q, k, v, 0.25f, false, all, null));
            }
        });
    }

    @Test
    void attentionToAllKeysInPartsAndWithWiderHeads() {
        onCpu(() -> {
            MlxArray q = noise(1, 2, 3, 50, 6);
            MlxArray k = noise(2, 2, 3, 50, 6);
            MlxArray v = noise(3, 2, 3, 50, 6);
            MlxArray whole = Fast.attention(q, k, v, 0.4f, false, null, null);
            same(Fast.attentionToAll(q, k, v, 0.4f), whole);
            same(Fast.attentionToAll(q, k, v, 0.4f, 16, 300 * 16), whole);
            same(Fast.attentionToAll(q, k, v, 0.4f, 6, 300 * 7), whole);
            same(Fast.attentionToAll(q, k, v, 0.4f, 6, 1), whole);
        });
    }

    @Test
    void geluOfFewAndOfManyElements() {
        onCpu(() -> {
            for (int count : new int[] {10, 5000}) {
                MlxArray x = Ops.multiply(Indexing.arange(-count / 2.0, count / 2.0, DType.FLOAT32), 24.0 / count);
                MlxArray below = Ops.add(Ops.erf(Ops.multiply(x, Math.sqrt(0.5))), 1);
                same(Fast.gelu(x), Ops.multiply(Ops.multiply(x, 0.5), below));
            }
        });
    }

    @Test
    void siluOfFewAndOfManyElements() {
        onCpu(() -> {
            for (int size : new int[] {10, 5000}) {
                MlxArray x = Ops.multiply(noise(4, size), 8);
                same(Ops.silu(x), Ops.multiply(x, Ops.sigmoid(x)));
            }
            float[] far = Ops.silu(MlxArray.of(new float[2048], 2048)).toFloats();
            assertThat(far[0]).isCloseTo(0, within(0f));
        });
    }

    /** Without a weight the norm is left to MLX, and so are turns of three dimensions. */
    @Test
    void normsOfOnePositionAndOfMany() {
        onCpu(() -> {
            MlxArray weight = noise(6, 48);
            for (int length : new int[] {1, 7}) {
                MlxArray x = noise(5, 2, length, 48);
                same(Fast.rmsNorm(x, weight, 1e-5f), Ops.multiply(Fast.rmsNorm(x, null, 1e-5f), weight));
            }
        });
    }

    @Test
    void turnsByPositionWholeOrInPart() {
        onCpu(() -> {
            for (int offset : new int[] {0, 1, 900}) {
                for (int length : new int[] {1, 5}) {
                    MlxArray x = noise(7, 1, 3, length, 32);
                    MlxArray flat = Indexing.reshape(x, 3, length, 32);
                    for (int dims : new int[] {32, 16}) {
                        MlxArray theirs = Fast.rope(flat, dims, false, 10_000f, 0.5f, offset);
                        same(
                                Fast.rope(x, dims, false, 10_000f, 0.5f, offset),
                                Indexing.reshape(theirs, 1, 3, length, 32));
                    }
                }
            }
        });
    }

    @Test
    void turnsEachOfABatchByItsOwnOffset() {
        onCpu(() -> {
            int[] offsets = {0, 900, 17};
            for (boolean traditional : new boolean[] {false, true}) {
                for (int length : new int[] {1, 5}) {
                    MlxArray x = noise(8, 3, 2, length, 32);
                    MlxArray[] alone = new MlxArray[offsets.length];
                    for (int i = 0; i < alone.length; i++) {
                        MlxArray row = Indexing.slice(x, 0, i, i + 1);
                        alone[i] = Fast.rope(row, 16, traditional, 10_000f, 0.5f, offsets[i]);
                    }
                    same(Fast.rope(x, 16, traditional, 10_000f, 0.5f, offsets), Indexing.concatenate(0, alone));
                }
            }
        });
    }

    @Test
    void asManyOffsetsAsTheBatchHas() {
        onCpu(() -> assertThatThrownBy(() -> Fast.rope(noise(8, 3, 2, 1, 32), 16, false, 10_000f, 1f, 1, 2))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("offsets (2)"));
    }
}
