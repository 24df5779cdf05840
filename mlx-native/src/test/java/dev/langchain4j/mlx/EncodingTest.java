package dev.langchain4j.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Operations of encoders against what MLX's own give, at sizes around those of vectors and of shares of work. */
class EncodingTest {
    private static final float TOLERANCE = 2e-5f;

    private final Random random = new Random(11);
    private MlxThread mlx;
    private long handles;

    @BeforeEach
    void start() {
        handles = LiveHandles.count();
        mlx = MlxThread.start("encoding", Device.CPU);
    }

    @AfterEach
    void close() {
        mlx.close();
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private MlxArray random(int... shape) {
        int size = 1;
        for (int length : shape) {
            size *= length;
        }
        float[] numbers = new float[size];
        for (int i = 0; i < size; i++) {
            numbers[i] = (float) random.nextGaussian() * 2;
        }
        return MlxArray.of(numbers, shape);
    }

    private void assertClose(Supplier<MlxArray> actual, Supplier<MlxArray> expected) {
        float[] got = Ops.astype(actual.get(), DType.FLOAT32).eval().toFloats();
        float[] want = expected.get().eval().toFloats();
        assertThat(got).hasSameSizeAs(want);
        for (int i = 0; i < got.length; i++) {
            assertThat(got[i]).as("number %d", i).isCloseTo(want[i], within(TOLERANCE));
        }
    }

    private void inScope(Runnable work) {
        mlx.run(() -> {
            try (Scope scope = Scope.open()) {
                work.run();
            }
        });
    }

    @Test
    void normsOfSums() {
        inScope(() -> {
            for (int width : new int[] {1, 7, 16, 33, 384}) {
                for (int rows : new int[] {1, 3, 200}) {
                    MlxArray x = random(1, rows, width);
                    MlxArray added = random(1, rows, width);
                    MlxArray weight = random(width);
                    MlxArray bias = random(width);
                    // of a single number the deviation is 0, and what is left is the bias
                    assertClose(
                            () -> Encoding.addNorm(x, added, weight, bias, 1e-5f),
                            () -> Fast.layerNorm(Ops.add(x, added), weight, bias, 1e-5f));
                    assertClose(
                            () -> Encoding.addNorm(x, null, weight, bias, 1e-5f),
                            () -> Fast.layerNorm(x, weight, bias, 1e-5f));
                }
            }
        });
    }

    @Test
    void gelu() {
        inScope(() -> {
            for (int size : new int[] {1, 15, 17, 70_001}) {
                MlxArray x = random(size);
                MlxArray share = Ops.divide(Ops.add(Ops.erf(Ops.divide(x, Math.sqrt(2))), 1), 2);
                assertClose(() -> Fast.gelu(x), () -> Ops.multiply(x, share));
                MlxArray inner = Ops.multiply(
                        Ops.add(x, Ops.multiply(Ops.multiply(Ops.square(x), x), 0.044715)), Math.sqrt(2 / Math.PI));
                assertClose(
                        () -> Fast.geluTanh(x), () -> Ops.multiply(Ops.multiply(x, 0.5), Ops.add(Ops.tanh(inner), 1)));
            }
            MlxArray far = MlxArray.of(new float[] {-100, 100, 0}, 3);
            MlxArray expected = MlxArray.of(new float[] {0, 100, 0}, 3);
            assertClose(() -> Fast.gelu(far), () -> expected);
            assertClose(() -> Fast.geluTanh(far), () -> expected);
        });
    }

    @Test
    void eachTokenSeesItsOwnText() {
        inScope(() -> {
            int heads = 3;
            int hidden = heads * 20;
            int[] lengths = {300, 129, 17, 17, 5, 1};
            int tokens = 0;
            for (int length : lengths) {
                tokens += length;
            }
            MlxArray qkv = random(1, tokens, 3 * hidden);
            MlxArray together = Encoding.attention(qkv, lengths, heads);
            int from = 0;
            for (int length : lengths) {
                int begin = from;
                assertClose(
                        () -> Indexing.slice(together, 1, begin, begin + length),
                        () -> reference(Indexing.slice(qkv, 1, begin, begin + length), heads));
                from += length;
            }
        });
    }

    private static MlxArray reference(MlxArray qkv, int heads) {
        MlxArray[] parts = Indexing.split(qkv, 3, 2);
        int length = qkv.dim(1);
        int dim = parts[0].dim(2) / heads;
        for (int i = 0; i < parts.length; i++) {
            parts[i] = Indexing.transpose(Indexing.reshape(parts[i], 1, length, heads, dim), 0, 2, 1, 3);
        }
        MlxArray scores = Ops.multiply(Ops.matmul(parts[0], Indexing.swapAxes(parts[1], 2, 3)), 1 / Math.sqrt(dim));
        MlxArray seen = Ops.matmul(Ops.softmax(scores, -1, true), parts[2]);
        return Indexing.reshape(Indexing.transpose(seen, 0, 2, 1, 3), 1, length, heads * dim);
    }

    @Test
    void halfPrecisionIsComposed() {
        inScope(() -> {
            MlxArray qkv = random(1, 22, 3 * 8);
            int[] lengths = {10, 6, 6};
            float[] single = Encoding.attention(qkv, lengths, 2).eval().toFloats();
            float[] half = Ops.astype(Encoding.attention(Ops.astype(qkv, DType.BFLOAT16), lengths, 2), DType.FLOAT32)
                    .eval()
                    .toFloats();
            for (int i = 0; i < half.length; i++) {
                assertThat(half[i]).isCloseTo(single[i], within(0.15f));
            }
        });
    }

    @Test
    void lengthsMustCoverTheTokens() {
        inScope(() -> assertThatThrownBy(() -> Encoding.attention(random(1, 5, 6), new int[] {2, 2}, 1))
                .isInstanceOf(MlxException.class)
                .hasMessageContaining("each head of each token"));
    }
}
