package dev.langchain4j.model.mlx.samples.bench;

import java.util.Arrays;

/** What repeating a measurement gave; seconds unless the table says otherwise. */
record Spread(double min, double median) {

    /** Least and middle of at least one number. */
    static Spread of(double... values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return new Spread(sorted[0], sorted[sorted.length / 2]);
    }

    Spread times(double factor) {
        return new Spread(min * factor, median * factor);
    }

    /** Rates out of durations: the shortest duration is the best rate. */
    Spread rateOf(double amount) {
        return new Spread(amount / min, amount / median);
    }
}
