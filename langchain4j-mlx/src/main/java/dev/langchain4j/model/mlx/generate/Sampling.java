package dev.langchain4j.model.mlx.generate;

import java.util.Map;

/**
 * How the next token is drawn, with mlx-lm's names, meanings and order: bias and penalties on the logits, then
 * log-probabilities, top_p, min_p, XTC, top_k, temperature. Source: mlx-lm's {@code sample_utils}.
 *
 * @param temperature 0 takes the likeliest token
 * @param topP mass of the likeliest tokens that are kept; 0 or 1 keeps all
 * @param topK number of the likeliest tokens that are kept; 0 keeps all
 * @param minP tokens less likely than this share of the likeliest are dropped; 0 drops none
 * @param xtcProbability how often the likeliest tokens above the threshold are excluded, but for the least likely of
 *     them
 * @param xtcThreshold probability from which on XTC excludes, at most 0.5
 * @param repetitionPenalty divides positive and multiplies negative logits of recent tokens; 1 does nothing
 * @param presencePenalty subtracted from the logits of recent tokens
 * @param frequencyPenalty subtracted for each time that a recent token occurred
 * @param penaltyWindow number of recent tokens that penalties look at, prompt included
 * @param logitBias added to the logits of these ids
 * @param seed the same seed draws the same tokens, whatever else runs
 * @param topLogprobs how many of the likeliest tokens are reported with the log-probability of each token; -1 reports
 *     none
 */
public record Sampling(
        double temperature,
        double topP,
        int topK,
        double minP,
        double xtcProbability,
        double xtcThreshold,
        double repetitionPenalty,
        double presencePenalty,
        double frequencyPenalty,
        int penaltyWindow,
        Map<Integer, Double> logitBias,
        long seed,
        int topLogprobs) {

    /** What mlx-lm's penalties look back at when nothing else is said. */
    public static final int DEFAULT_PENALTY_WINDOW = 20;

    /** What {@code topLogprobs} is when log-probabilities are not reported. */
    public static final int NO_LOGPROBS = -1;

    /** The most likeliest tokens that are reported with each token. */
    public static final int TOP_LOGPROBS_MAX = 20;

    /** Takes the likeliest token each time. */
    public static final Sampling GREEDY =
            new Sampling(0, 0, 0, 0, 0, 0.1, 1, 0, 0, DEFAULT_PENALTY_WINDOW, Map.of(), 0, NO_LOGPROBS);

    /** Checks each value. */
    public Sampling {
        check("temperature", temperature, 0, 100);
        check("topP", topP, 0, 1);
        check("topK", topK, 0, Integer.MAX_VALUE);
        check("minP", minP, 0, 1);
        check("xtcProbability", xtcProbability, 0, 1);
        check("xtcThreshold", xtcThreshold, 0, 0.5);
        check("repetitionPenalty", repetitionPenalty, 1e-6, 1e6);
        check("presencePenalty", presencePenalty, -1e6, 1e6);
        check("frequencyPenalty", frequencyPenalty, -1e6, 1e6);
        check("penaltyWindow", penaltyWindow, 1, 1 << 16);
        check("topLogprobs", topLogprobs, NO_LOGPROBS, TOP_LOGPROBS_MAX);
        logitBias = Map.copyOf(logitBias);
    }

    private static void check(String name, double value, double least, double most) {
        if (!(value >= least && value <= most)) {
            throw new IllegalArgumentException(
                    name + " (" + value + ") must be from " + plain(least) + " to " + plain(most));
        }
    }

    private static void check(String name, int value, int least, int most) {
        if (value < least || value > most) {
            String rule =
                    most == Integer.MAX_VALUE ? " must be at least " + least : " must be from " + least + " to " + most;
            throw new IllegalArgumentException(name + " (" + value + ")" + rule);
        }
    }

    /** A bound as people write it: whole numbers without a fraction. */
    private static String plain(double bound) {
        return bound == Math.rint(bound) ? String.valueOf((long) bound) : String.valueOf(bound);
    }

    /** Whether what was said before changes what is drawn. */
    boolean penalises() {
        return repetitionPenalty != 1 || presencePenalty != 0 || frequencyPenalty != 0;
    }
}
