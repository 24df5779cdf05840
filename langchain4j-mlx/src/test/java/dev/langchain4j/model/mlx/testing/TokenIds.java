package dev.langchain4j.model.mlx.testing;

import java.util.Arrays;
import java.util.Random;

/** Token ids without a meaning, for prompts of which only the numbers matter. */
public final class TokenIds {
    private TokenIds() {}

    /** Ordinary tokens of the demo model. */
    public static int[] random(Random random, int count) {
        return random.ints(count, 10, 500).toArray();
    }

    /** One after the other. */
    public static int[] concat(int[]... parts) {
        return Arrays.stream(parts).flatMapToInt(Arrays::stream).toArray();
    }
}
