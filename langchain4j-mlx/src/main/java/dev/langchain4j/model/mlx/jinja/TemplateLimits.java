package dev.langchain4j.model.mlx.jinja;

/**
 * Bounds of one render; exceeding one fails with {@link TemplateException.Kind#LIMIT}.
 *
 * <p>Single values have bounds of their own, which are those of {@link #DEFAULT}: no string is longer than its
 * output, no list longer than its iterations, no integer wider than 1 Mi bits.
 *
 * @param outputCharsMax the length of the output in UTF-16 units
 * @param iterationsMax loop iterations, all loops together
 * @param depthMax macros and recursive loops that are active at once
 */
public record TemplateLimits(int outputCharsMax, long iterationsMax, int depthMax) {

    /** 64 Mi characters, 10 million iterations, depth 200 (about where Python's own recursion limit lies). */
    public static final TemplateLimits DEFAULT = new TemplateLimits(64 << 20, 10_000_000, 200);

    public TemplateLimits {
        check("outputCharsMax", outputCharsMax);
        check("iterationsMax", iterationsMax);
        check("depthMax", depthMax);
    }

    private static void check(String name, long value) {
        if (value < 1) {
            throw new IllegalArgumentException(name + " must be at least 1, is " + value);
        }
    }
}
