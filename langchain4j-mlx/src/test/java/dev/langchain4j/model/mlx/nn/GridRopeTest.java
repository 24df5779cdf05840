package dev.langchain4j.model.mlx.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.nn.GridRope.Places;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class GridRopeTest {

    @Test
    void patchesAreCountedRowByRow() {
        float[] angles = GridRope.angles(Places.ofGrid(2, 3), new float[] {1}, new float[] {0.5f, 10}, false);
        assertThat(angles).containsExactly(0, 0, 0, 0, 0.5f, 10, 0, 1, 20, 1, 0, 0, 1, 0.5f, 10, 1, 1, 20);
        float[] columnsFirst = GridRope.angles(Places.ofGrid(2, 2), new float[] {1}, new float[] {3}, true);
        assertThat(columnsFirst).containsExactly(0, 0, 3, 0, 0, 1, 3, 1);
    }

    /** Of a head of ones, a dimension becomes cos - sin and its partner cos + sin of the pair's angle. */
    @Test
    void pairsTurnWithTheRowOrTheColumn() throws Exception {
        try (MlxThread thread = MlxThread.start("rope")) {
            thread.run(() -> {
                try (Scope scope = Scope.open()) {
                    float[] ones = new float[6 * 8];
                    Arrays.fill(ones, 1);
                    MlxArray heads = MlxArray.of(ones, 1, 6, 1, 8);
                    // the last patch stands in row 1 and column 2
                    float[] alternating = GridRope.alternating(2, 3, 8, 16, DType.FLOAT32)
                            .apply(heads)
                            .toFloats();
                    check(alternating, 0, 4, 1);
                    check(alternating, 1, 5, 1 / 4.0);
                    check(alternating, 2, 6, 2 / 2.0);
                    check(alternating, 3, 7, 2 / 8.0);
                    float[] halves = GridRope.halves(2, 3, 8, 16, DType.FLOAT32)
                            .apply(heads)
                            .toFloats();
                    check(halves, 0, 2, 2);
                    check(halves, 1, 3, 2 / 4.0);
                    check(halves, 4, 6, 1);
                    check(halves, 5, 7, 1 / 4.0);
                    Places places = new Places(new int[] {0, 2, 0, 1, 0, 1}, new int[] {0, 0, 1, 0, 0, 2});
                    MlxArray quarters = GridRope.quarters(places, 8, 16).apply(heads);
                    check(quarters.toFloats(), 0, 4, 1);
                    check(quarters.toFloats(), 1, 5, 1 / 4.0);
                    check(quarters.toFloats(), 2, 6, 2);
                    check(quarters.toFloats(), 3, 7, 2 / 4.0);
                }
            });
        }
    }

    @Test
    void headsKeepTheirTypeWhereTheyAreTurnedInSinglePrecision() throws Exception {
        try (MlxThread thread = MlxThread.start("rope")) {
            thread.run(() -> {
                try (Scope scope = Scope.open()) {
                    MlxArray heads = Ops.astype(MlxArray.of(new float[] {1, 2, 3, 4}, 1, 1, 1, 4), DType.BFLOAT16);
                    Places place = new Places(new int[] {0}, new int[] {0});
                    MlxArray turned = GridRope.quarters(place, 4, 16).apply(heads);
                    assertThat(turned.dtype()).isEqualTo(DType.BFLOAT16);
                    assertThat(Ops.astype(turned, DType.FLOAT32).toFloats()).containsExactly(1, 2, 3, 4);
                }
            });
        }
    }

    private static void check(float[] heads, int dimension, int partner, double angle) {
        int last = 5 * 8;
        assertThat((double) heads[last + dimension]).isCloseTo(Math.cos(angle) - Math.sin(angle), within(1e-6));
        assertThat((double) heads[last + partner]).isCloseTo(Math.cos(angle) + Math.sin(angle), within(1e-6));
    }
}
