package dev.langchain4j.model.mlx.arch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.model.mlx.nn.GridRope;
import dev.langchain4j.model.mlx.nn.PatchAttention.Run;
import dev.langchain4j.model.mlx.vision.ProcessedImage;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Where the patches of a picture are, and what follows from that alone. */
class QwenPatchesTest {

    private static int[] each(int count, IntUnaryOperator value) {
        return IntStream.range(0, count).map(value).toArray();
    }

    @Test
    void patchesComeBlockByBlock() {
        QwenPatches patches = new QwenPatches(4, 6, 2);
        assertThat(patches.tokens()).isEqualTo(6);
        assertThat(each(24, patches::row))
                .containsExactly(0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3, 2, 2, 3, 3);
        assertThat(each(24, patches::column))
                .containsExactly(0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 4, 5);
    }

    @Test
    void blocksOfOnePatchAreRows() {
        QwenPatches patches = new QwenPatches(2, 3, 1);
        assertThat(each(6, patches::row)).containsExactly(0, 0, 0, 1, 1, 1);
        assertThat(each(6, patches::column)).containsExactly(0, 1, 2, 0, 1, 2);
    }

    /** Three rows and five columns of tokens: two whole windows, a narrow one, two flat ones, and a corner. */
    @Test
    void windowsOfOneFormStandTogether() {
        QwenPatches.Windows windows = new QwenPatches(6, 10, 2).windows(2);
        assertThat(windows.order()).containsExactly(0, 1, 5, 6, 2, 3, 7, 8, 4, 9, 10, 11, 12, 13, 14);
        assertThat(windows.runs()).containsExactly(new Run(2, 16), new Run(1, 8), new Run(2, 8), new Run(1, 4));
        int[] places = windows.places();
        assertThat(each(15, i -> windows.order()[places[i]])).isEqualTo(each(15, i -> i));
    }

    @Test
    void aWindowMayBeLargerThanThePicture() {
        QwenPatches patches = new QwenPatches(2, 6, 2);
        assertThat(patches.windows(8).order()).containsExactly(0, 1, 2);
        assertThat(patches.windows(8).runs()).isEqualTo(List.of(new Run(1, 12)));
    }

    @Test
    void placesFollowTheOrderOfTokens() {
        GridRope.Places places = new QwenPatches(2, 4, 2).places(new int[] {1, 0});
        assertThat(places.rows()).containsExactly(0, 0, 1, 1, 0, 0, 1, 1);
        assertThat(places.columns()).containsExactly(2, 3, 2, 3, 0, 1, 0, 1);
    }

    @Test
    void aTableIsStretchedFromCornerToCorner() {
        assertThat(QwenPatches.stretched(3, 5))
                .containsExactly(1, 0, 0, 0.5f, 0.5f, 0, 0, 1, 0, 0, 0.5f, 0.5f, 0, 0, 1);
        assertThat(QwenPatches.stretched(4, 2)).containsExactly(1, 0, 0, 0, 0, 0, 0, 1);
        assertThat(QwenPatches.stretched(3, 1)).containsExactly(1, 0, 0);
        assertThat(QwenPatches.stretched(1, 2)).containsExactly(1, 1);
    }

    @Test
    void pixelsMustBeThoseOfTheGrid() {
        assertThat(QwenPatches.of(image(new int[] {24, 3, 4, 4}, 1, 4, 6), 2, 3, 4))
                .isEqualTo(new QwenPatches(4, 6, 2));
        for (ProcessedImage wrong : List.of(
                image(new int[] {20, 3, 4, 4}, 1, 4, 6),
                image(new int[] {24, 3, 5, 4}, 1, 4, 6),
                image(new int[] {15, 3, 4, 4}, 1, 3, 5),
                image(new int[] {48, 3, 4, 4}, 2, 4, 6),
                image(new int[] {3, 16, 24}))) {
            assertThatThrownBy(() -> QwenPatches.of(wrong, 2, 3, 4))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("must be patches of [3, 4, 4] in blocks of 2 by 2");
        }
    }

    private static ProcessedImage image(int[] shape, int... grid) {
        return new ProcessedImage(new float[0], shape, grid, 0, 0, 0, "");
    }
}
