package dev.langchain4j.model.mlx.arch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SigLipTest {

    @Test
    void patchesOfAGridOfTheLearnedSizeHaveTheirOwnPositions() {
        for (int side = 1; side <= 80; side++) {
            int[] own = IntStream.range(0, side * side).toArray();
            assertThat(SigLip.places(side, side, side)).isEqualTo(own);
        }
    }

    @Test
    void patchesOfAnotherGridHaveThePositionAtTheSameShareOfTheSide() {
        assertThat(SigLip.places(2, 4, 4)).containsExactly(0, 1, 2, 3, 8, 9, 10, 11);
        assertThat(SigLip.places(3, 1, 4)).containsExactly(0, 4, 8);
        assertThat(SigLip.places(1, 8, 4)).containsExactly(0, 0, 1, 1, 2, 2, 3, 3);
    }

    /** mlx-vlm finds them by fractions of the side, in single precision; its sums are those of MLX's arange. */
    @Test
    void fractionsOfSinglePrecisionMissThePositionsOfSomeGrids() {
        assertThat(missedByFractions(16)).isZero();
        assertThat(missedByFractions(32)).isZero();
        assertThat(missedByFractions(27)).isEqualTo(440);
        assertThat(missedByFractions(28)).isEqualTo(384);
    }

    private static int missedByFractions(int side) {
        float start = (float) (1.0 / side);
        float step = (float) (2.0 / side) - start;
        int right = 0;
        for (int i = 0; i < side; i++) {
            float fraction = (float) i / side;
            int boundaries = 0;
            float boundary = start;
            for (int k = 1; k < side; k++) {
                boundaries += fraction >= boundary ? 1 : 0;
                boundary += step;
            }
            right += boundaries == i ? 1 : 0;
        }
        return side * side - right * right;
    }
}
