package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.cache.Conversation.Place;
import java.util.Arrays;

/**
 * Learns where conversations come back to: whether the next prompt goes on at the end of what is stored, or leaves
 * the path earlier because the template drops reasoning or the memory drops messages.
 */
final class ReturnHabits {
    /** What is believed before anything was seen, as a number of observations: mostly, prompts go on. */
    private final double[][] seen = {{2, 1, 1, 1}, {12, 1, 1, 1}};

    void observe(boolean inToolLoop, Place place) {
        double[] counts = seen[inToolLoop ? 1 : 0];
        counts[place.ordinal()]++;
        if (counts[place.ordinal()] > 64) {
            for (int i = 0; i < counts.length; i++) {
                counts[i] /= 2;
            }
        }
    }

    double probability(boolean inToolLoop, Place place) {
        double[] counts = seen[inToolLoop ? 1 : 0];
        return counts[place.ordinal()] / Arrays.stream(counts).sum();
    }
}
