package dev.langchain4j.model.mlx.jinja.common;

/**
 * Bounds of one render; exceeding one fails with {@link TemplateException.Kind#LIMIT}. All that a render does is
 * counted: no template runs for long or takes much memory, whatever it is and whatever it is given. The same steps
 * bound a compilation.
 *
 * @param outputCharsMax the length of the output in UTF-16 units
 * @param iterationsMax loop iterations, all loops together
 * @param depthMax macros and recursive loops that are active at once
 * @param stepsMax operations, all together; one on long strings or lists counts as several
 * @param valueCharsMax characters of all strings that are alive together, without the output and what the caller gave;
 *     elements of lists and the like count as some
 */
public record TemplateLimits(int outputCharsMax, long iterationsMax, int depthMax, long stepsMax, int valueCharsMax) {

    private static final long STEPS_MAX = 20_000_000;
    private static final int VALUE_CHARS_MAX = 32 << 20;

    /**
     * 32 Mi characters of output and as many of values, 5 million iterations, depth 200 (about where Python's own
     * recursion limit lies), 20 million steps, which take less than a second.
     */
    public static final TemplateLimits DEFAULT = new TemplateLimits(32 << 20, 5_000_000, 200);

    public TemplateLimits {
        check("outputCharsMax", outputCharsMax);
        check("iterationsMax", iterationsMax);
        check("depthMax", depthMax);
        check("stepsMax", stepsMax);
        check("valueCharsMax", valueCharsMax);
    }

    /** With as many steps and characters of values as {@link #DEFAULT} has. */
    public TemplateLimits(int outputCharsMax, long iterationsMax, int depthMax) {
        this(outputCharsMax, iterationsMax, depthMax, STEPS_MAX, VALUE_CHARS_MAX);
    }

    private static void check(String name, long value) {
        if (value < 1) {
            throw new IllegalArgumentException(name + " (" + value + ") must be at least 1");
        }
    }
}
