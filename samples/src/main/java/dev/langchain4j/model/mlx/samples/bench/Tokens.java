package dev.langchain4j.model.mlx.samples.bench;

/** Prompts of made-up tokens, the same as reference.py makes. */
final class Tokens {
    static final long SEED = 12345;

    private Tokens() {}

    /** A linear congruential sequence over the ids from 10 up to the vocabulary. */
    static int[] of(int count, int vocabulary, long seed) {
        int[] ids = new int[count];
        long state = seed;
        for (int i = 0; i < count; i++) {
            state = (state * 1103515245 + 12345) % (1L << 31);
            ids[i] = (int) (10 + (state >> 8) % (vocabulary - 10));
        }
        return ids;
    }

    static int[] concat(int[]... parts) {
        int length = 0;
        for (int[] part : parts) {
            length += part.length;
        }
        int[] all = new int[length];
        int at = 0;
        for (int[] part : parts) {
            System.arraycopy(part, 0, all, at, part.length);
            at += part.length;
        }
        return all;
    }
}
