package dev.langchain4j.model.mlx.testing;

/**
 * The seed of the tests that draw their input. It is the same in every run, so that a test fails for a change and not
 * by chance; {@code -Dseed=N} sets another one and {@code -Dseed=random} a new one for each test, to look for more.
 */
public final class Seeds {

    private static final long FIXED = 20261129;

    private Seeds() {}

    /** Prints the seed, so that what {@code -Dseed=random} finds can be repeated. */
    public static long seed(Class<?> test) {
        String set = System.getProperty("seed", "");
        long seed =
                switch (set) {
                    case "" -> FIXED;
                    case "random" -> System.nanoTime();
                    default -> Long.parseLong(set);
                };
        System.out.printf("%s -Dseed=%d%n", test.getSimpleName(), seed);
        return seed;
    }
}
