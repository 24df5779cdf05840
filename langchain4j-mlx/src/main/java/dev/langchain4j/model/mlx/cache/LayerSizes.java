package dev.langchain4j.model.mlx.cache;

/**
 * How many bytes the layers of a model take for so many tokens, as the first sequence that was written showed: never less,
 * for requests begin by it. Buffers grow in steps of 256 tokens or less. Between two lengths that were asked the bytes grow
 * as fast as before the first of them, up to what the second takes: exact where all layers grow with the tokens.
 */
final class LayerSizes {
    private static final int STEP = 256;
    private static final int LENGTHS = 16;

    /** For each number of tokens up to a step. */
    private final long[] small = new long[STEP + 1];
    /** For the largest step, twice as much, and so on. */
    private final long[] bytes = new long[LENGTHS];
    /** The step of these layers. */
    private final int step;

    /** The sizes that a sequence shows whose layers were written. */
    LayerSizes(Sequence sequence) {
        for (int i = 0; i <= STEP; i++) {
            small[i] = ask(sequence, i);
        }
        for (int i = 0; i < LENGTHS; i++) {
            bytes[i] = ask(sequence, length(i));
        }
        int same = 1;
        while (same < STEP && small[same + 1] == small[1]) {
            same++;
        }
        step = same;
    }

    private static long ask(Sequence sequence, int tokens) {
        return sequence.layers.stream()
                .mapToLong(layer -> layer.bytesFor(tokens))
                .sum();
    }

    private static int length(int i) {
        return STEP << i;
    }

    /** Bytes that a sequence of so many tokens takes. */
    long bytes(int tokens) {
        if (tokens <= STEP) {
            return small[tokens];
        }
        int i = 1;
        while (i < LENGTHS - 1 && length(i) < tokens) {
            i++;
        }
        int from = length(i - 1);
        int fromBefore = i == 1 ? 0 : length(i - 2);
        long before = i == 1 ? small[0] : bytes[i - 2];
        long more = (long) Math.ceilDiv(tokens - from, step) * step;
        long grown = bytes[i - 1] + Math.ceilDiv((bytes[i - 1] - before) * more, from - fromBefore);
        return tokens <= length(i) ? Math.min(grown, bytes[i]) : grown;
    }
}
