package dev.langchain4j.model.mlx.cache;

/**
 * How many bytes the layers of a model take for so many tokens, as the first sequence that was written showed. What lies
 * between two lengths that were asked is taken from the straight line between them.
 */
final class LayerSizes {
    private static final int STEP = 256;
    private static final int LENGTHS = 16;

    private final long[] bytes = new long[LENGTHS];

    private LayerSizes() {}

    /** The sizes that a sequence shows, or null if its layers have not been written yet. */
    static LayerSizes of(Sequence sequence) {
        LayerSizes sizes = new LayerSizes();
        for (int i = 0; i < LENGTHS; i++) {
            int tokens = length(i);
            sizes.bytes[i] = sequence.layers.stream()
                    .mapToLong(layer -> layer.bytesFor(tokens))
                    .sum();
        }
        return sizes.bytes[LENGTHS - 1] == 0 ? null : sizes;
    }

    private static int length(int i) {
        return i == 0 ? 0 : STEP << (i - 1);
    }

    /** Bytes that a sequence of so many tokens takes at the least. */
    long bytes(int tokens) {
        int i = 1;
        while (i < LENGTHS - 1 && length(i) < tokens) {
            i++;
        }
        double share = (double) (tokens - length(i - 1)) / (length(i) - length(i - 1));
        return bytes[i - 1] + (long) (share * (bytes[i] - bytes[i - 1]));
    }
}
