package dev.langchain4j.model.mlx.vision;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigInteger;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ImageKeyTest {

    private static ProcessedImage image(float value, int height, String settings) {
        float[] pixels = new float[40_000];
        Arrays.fill(pixels, 0.5f);
        pixels[39_999] = value;
        return new ProcessedImage(pixels, new int[] {40_000}, new int[0], height, 1, 12, settings);
    }

    private static byte[] digest(int seed) {
        byte[] digest = new byte[32];
        new Random(seed).nextBytes(digest);
        return digest;
    }

    @Test
    void whateverTheTowerReadsMakesAnotherKey() {
        ImageKey key = ImageKey.of(image(0.25f, 1, "a"));
        assertThat(ImageKey.of(image(0.25f, 1, "a"))).isEqualTo(key).hasSameHashCodeAs(key);
        assertThat(ImageKey.of(image(0.26f, 1, "a"))).isNotEqualTo(key);
        assertThat(ImageKey.of(image(0.25f, 2, "a"))).isNotEqualTo(key);
        assertThat(ImageKey.of(image(0.25f, 1, "b"))).isNotEqualTo(key);
    }

    @Test
    void nineTokensHaveTheWholeDigest() {
        byte[] digest = digest(1);
        BigInteger bits = BigInteger.ZERO;
        for (int id : new ImageKey(digest).ids(9)) {
            assertThat(id).isNegative();
            bits = bits.shiftLeft(31).or(BigInteger.valueOf(id & Integer.MAX_VALUE));
        }
        assertThat(bits.shiftRight(9 * 31 - 256)).isEqualTo(new BigInteger(1, digest));
    }

    @Test
    void idsAreTheSameInEachProcessAndDoNotRepeat() {
        // of a digest of zeros; what is kept on disk depends on it
        ImageKey zeros = new ImageKey(new byte[32]);
        assertThat(Arrays.copyOf(zeros.ids(1000), 8)).containsOnly(Integer.MIN_VALUE);
        assertThat(zeros.ids(12)[10])
                .isEqualTo(new ImageKey(new byte[32]).ids(12)[10])
                .isNotEqualTo(Integer.MIN_VALUE);
        int[] ids = new ImageKey(digest(2)).ids(5000);
        assertThat(ids).hasSize(5000);
        assertThat(IntStream.of(ids).distinct().count()).isGreaterThan(4990);
        assertThat(IntStream.of(ids)).allMatch(id -> id < -1);
    }

    @Test
    void noIdIsTheOneThatMeansNone() {
        byte[] ones = new byte[32];
        Arrays.fill(ones, (byte) 0xff);
        assertThat(Arrays.copyOf(new ImageKey(ones).ids(9), 8)).containsOnly(-2);
    }

    @Test
    void twoPicturesOfFewTokensNeverHaveTheSameIds() {
        byte[] other = digest(3);
        other[31] ^= 1;
        ImageKey first = new ImageKey(digest(3));
        ImageKey second = new ImageKey(other);
        for (int tokens = 1; tokens < 9; tokens++) {
            int[] ids = first.ids(tokens);
            assertThat(second.ids(tokens)).isNotEqualTo(ids);
            assertThat(IntStream.of(second.ids(tokens))).allMatch(id -> id < -1);
            assertThat(first.ids(tokens)).isEqualTo(ids);
            assertThat(second.ids(tokens)).isEqualTo(second.ids(tokens));
        }
        assertThat(second.ids(9)).isNotEqualTo(first.ids(9));
    }
}
