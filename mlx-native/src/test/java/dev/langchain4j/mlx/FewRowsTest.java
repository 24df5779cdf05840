package dev.langchain4j.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/**
 * Products of few rows or columns, which the BLAS beside libmlx computes in another way than large ones: the same sums
 * as those of a loop, whichever of the matrices is transposed.
 */
class FewRowsTest {

    private static float[] noise(int seed, int size) {
        java.util.Random random = new java.util.Random(seed);
        float[] numbers = new float[size];
        for (int i = 0; i < size; i++) {
            numbers[i] = random.nextFloat() - 0.5f;
        }
        return numbers;
    }

    private static float[] transposed(float[] a, int rows, int columns) {
        float[] t = new float[a.length];
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
                t[j * rows + i] = a[i * columns + j];
            }
        }
        return t;
    }

    private static float[] product(float[] a, float[] b, int rows, int inner, int columns) {
        float[] c = new float[rows * columns];
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
                double sum = 0;
                for (int k = 0; k < inner; k++) {
                    sum += (double) a[i * inner + k] * b[k * columns + j];
                }
                c[i * columns + j] = (float) sum;
            }
        }
        return c;
    }

    private static MlxArray matrix(float[] numbers, int rows, int columns, boolean stored) {
        return stored
                ? MlxArray.of(numbers, rows, columns)
                : Indexing.transpose(MlxArray.of(transposed(numbers, rows, columns), columns, rows), 1, 0);
    }

    static void check(int rows, int inner, int columns) {
        float[] a = noise(rows * 31 + inner, rows * inner);
        float[] b = noise(columns * 17 + inner, inner * columns);
        float[] expected = product(a, b, rows, inner, columns);
        for (boolean aStored : new boolean[] {true, false}) {
            for (boolean bStored : new boolean[] {true, false}) {
                MlxArray left = matrix(a, rows, inner, aStored);
                MlxArray right = matrix(b, inner, columns, bStored);
                assertThat(difference(Ops.matmul(left, right).toFloats(), expected))
                        .as("%d x %d times %d x %d, stored as they are: %s, %s"
                                .formatted(rows, inner, inner, columns, aStored, bStored))
                        .isLessThan(1e-4f);
            }
        }
    }

    /** The largest one of two numbers at the same place. */
    private static float difference(float[] found, float[] expected) {
        assertThat(found).hasSameSizeAs(expected);
        float largest = 0;
        for (int i = 0; i < found.length; i++) {
            // Not Math.max, which would be all right where a number is none.
            float difference = Math.abs(found[i] - expected[i]);
            largest = difference <= largest ? largest : difference;
        }
        return largest;
    }

    @Test
    void productsOfAnyShapeAreTheSumsThatTheyAre() {
        long before = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("rows", Device.CPU)) {
            thread.run(() -> {
                try (Scope scope = Scope.open()) {
                    for (int rows : new int[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 17, 30, 32, 33}) {
                        for (int columns : new int[] {1, 2, 5, 300}) {
                            for (int inner : new int[] {1, 7, 16, 37, 256}) {
                                check(rows, inner, columns);
                            }
                        }
                    }
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(before);
    }

    /**
     * As a conversation that decodes beside up to seven others finds the weights: so it computes what it computes
     * alone.
     */
    @Test
    @EnabledOnOs(OS.LINUX)
    void aRowHasTheSameBitsBesideOthersAsAlone() {
        try (MlxThread thread = MlxThread.start("rows", Device.CPU)) {
            thread.run(() -> {
                for (int inner : new int[] {5, 64, 384, 1000}) {
                    try (Scope scope = Scope.open()) {
                        MlxArray x = MlxArray.of(noise(3, 8 * inner), 8, inner);
                        MlxArray weights = Indexing.transpose(MlxArray.of(noise(4, 300 * inner), 300, inner), 1, 0);
                        float[] all = Ops.matmul(x, weights).toFloats();
                        for (int row = 0; row < 8; row++) {
                            for (int count = 1; row + count <= 8; count++) {
                                MlxArray some = Indexing.contiguous(Indexing.slice(x, 0, row, row + count));
                                assertThat(Arrays.copyOf(
                                                Ops.matmul(some, weights).toFloats(), 300))
                                        .as("row %d beside %d others, of %d numbers", row, count - 1, inner)
                                        .containsExactly(Arrays.copyOfRange(all, row * 300, row * 300 + 300));
                            }
                        }
                    }
                }
            });
        }
    }

    @Test
    void rowsOfALargerMatrixAreReadAtItsDistance() {
        try (MlxThread thread = MlxThread.start("rows", Device.CPU)) {
            thread.run(() -> {
                try (Scope scope = Scope.open()) {
                    float[] wide = noise(1, 20 * 64);
                    MlxArray all = MlxArray.of(wide, 20, 64);
                    MlxArray part = Indexing.slice(all, new int[] {3, 8}, new int[] {15, 40});
                    float[] copied = part.toFloats();
                    float[] x = noise(2, 32);
                    assertThat(Ops.matmul(MlxArray.of(x, 1, 32), Indexing.transpose(part, 1, 0))
                                    .toFloats())
                            .usingComparatorWithPrecision(1e-5f)
                            .containsExactly(product(x, transposed(copied, 12, 32), 1, 32, 12));
                }
            });
        }
    }
}
