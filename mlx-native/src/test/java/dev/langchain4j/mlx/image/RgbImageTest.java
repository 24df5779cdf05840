package dev.langchain4j.mlx.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class RgbImageTest {

    @Test
    void bytesAndSizesMustFit() {
        for (int[] size : new int[][] {{1, 1}, {2, 1}, {0, 2}, {-1, -2}, {1 << 16, 1 << 16}}) {
            assertThatThrownBy(() -> new RgbImage(size[0], size[1], new byte[5]))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("rgb (5 bytes)")
                    .hasMessageContaining("height (" + size[0] + ")")
                    .hasMessageContaining("width (" + size[1] + ")");
        }
    }

    @Test
    void limitsMustBePositiveAndFitIntoArrays() {
        assertThatThrownBy(() -> new ImageLimits(0, 1)).hasMessageContaining("bytesMax (0)");
        assertThatThrownBy(() -> new ImageLimits(1L << 31, 1)).hasMessageContaining("bytesMax (2147483648)");
        assertThatThrownBy(() -> new ImageLimits(1, 0)).hasMessageContaining("pixelsMax (0)");
        assertThatThrownBy(() -> new ImageLimits(1, 700_000_001)).hasMessageContaining("pixelsMax (700000001)");
    }

    @Test
    void aPictureOfTheRightSizeIsNotResized() {
        RgbImage image = new RgbImage(2, 1, new byte[] {1, 2, 3, 4, 5, 6});
        assertThat(Resampler.LANCZOS.resize(image, 2, 1)).isSameAs(image);
    }

    @Test
    void aPictureOfOneColourKeepsIt() {
        byte[] rgb = new byte[3 * 40 * 30];
        for (int i = 0; i < rgb.length; i++) {
            rgb[i] = (byte) (i % 3 * 127);
        }
        for (Resampler filter : Resampler.values()) {
            RgbImage resized = filter.resize(new RgbImage(40, 30, rgb), 7, 91);
            for (int i = 0; i < resized.rgb().length; i++) {
                assertThat(resized.rgb()[i]).isEqualTo((byte) (i % 3 * 127));
            }
        }
    }

    @Test
    void filtersHavePillowsNumbers() {
        assertThat(Resampler.ofCode(1)).isEqualTo(Resampler.LANCZOS);
        assertThat(Resampler.ofCode(2)).isEqualTo(Resampler.BILINEAR);
        assertThat(Resampler.ofCode(3)).isEqualTo(Resampler.BICUBIC);
        assertThatThrownBy(() -> Resampler.ofCode(0)).hasMessageContaining("resample (0)");
    }
}
