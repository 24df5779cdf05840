package dev.langchain4j.model.mlx;

import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.decision.request.ChoiceQuestion;
import dev.langchain4j.model.decision.request.Question;
import dev.langchain4j.model.decision.request.ScaleQuestion;
import dev.langchain4j.model.decision.request.YesNoQuestion;
import dev.langchain4j.model.decision.response.ChoiceAnswer;
import dev.langchain4j.model.decision.response.DecisionAnswer;
import dev.langchain4j.model.decision.response.ScaleAnswer;
import dev.langchain4j.model.decision.response.YesNoAnswer;
import dev.langchain4j.model.mlx.generate.Sampling;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;

/**
 * A question as a model is asked it, with the tokens that stand for its answers.
 *
 * @param text the question and how to answer it
 * @param labels the tokens of each answer, in the order of the answers
 * @param toAnswer what the probabilities of the answers, in their order, are in LangChain4j
 */
record ClosedQuestion(String text, List<Set<Integer>> labels, Function<List<Double>, DecisionAnswer> toAnswer) {
    /** As many log-probabilities as a step reports. */
    static final int ANSWERS_MAX = Sampling.TOP_LOGPROBS_MAX;

    /**
     * Puts a question into words.
     *
     * @throws IllegalArgumentException if there are too many answers
     */
    static ClosedQuestion of(Question question, Tokenizer tokenizer) {
        return switch (question) {
            case YesNoQuestion yesNo -> yesNo(yesNo, tokenizer);
            case ChoiceQuestion choice -> {
                List<String> names = List.copyOf(choice.options().keySet());
                yield lettered(
                        choice.text(),
                        "options",
                        names,
                        new ArrayList<>(choice.options().values()),
                        tokenizer,
                        likely -> choice(names, likely));
            }
            case ScaleQuestion scale ->
                lettered(
                        scale.text() + "\nThe levels, from the lowest to the highest:",
                        "levels",
                        scale.levels(),
                        scale.levelDescriptions(),
                        tokenizer,
                        ClosedQuestion::scale);
            default ->
                throw new UnsupportedFeatureException("question ("
                        + question.getClass().getName() + ") is not supported: yes/no, choice and scale are");
        };
    }

    private static ClosedQuestion yesNo(YesNoQuestion question, Tokenizer tokenizer) {
        String when = (question.yesWhen() == null ? "" : "\nyes: " + question.yesWhen())
                + (question.noWhen() == null ? "" : "\nno: " + question.noWhen());
        return new ClosedQuestion(
                question.text() + when + "\nAnswer with yes or no.",
                List.of(first(tokenizer, "yes", "Yes"), first(tokenizer, "no", "No")),
                likely -> YesNoAnswer.from(Math.min(1, likely.getFirst())));
    }

    private static ClosedQuestion lettered(
            String text,
            String setting,
            List<String> names,
            List<String> descriptions,
            Tokenizer tokenizer,
            Function<List<Double>, DecisionAnswer> toAnswer) {
        if (names.size() > ANSWERS_MAX) {
            throw new IllegalArgumentException(setting + " (" + names.size() + ") must be at most " + ANSWERS_MAX);
        }
        StringBuilder all = new StringBuilder(text);
        List<Set<Integer>> labels = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            String letter = String.valueOf((char) ('A' + i));
            String description = i < descriptions.size() ? descriptions.get(i) : null;
            all.append('\n').append(letter).append(": ").append(names.get(i));
            all.append(description == null ? "" : " (" + description + ")");
            labels.add(first(tokenizer, letter));
        }
        return new ClosedQuestion(all + "\nAnswer with the letter alone.", labels, toAnswer);
    }

    /** The first token of each word; a space that a tokenizer puts before words is none. */
    private static Set<Integer> first(Tokenizer tokenizer, String... words) {
        Set<Integer> tokens = new TreeSet<>();
        for (String word : words) {
            int[] encoded = tokenizer.encode(word, false);
            int at = 0;
            while (at < encoded.length - 1
                    && tokenizer.decode(new int[] {encoded[at]}, false).isBlank()) {
                at++;
            }
            tokens.add(encoded[at]);
        }
        return tokens;
    }

    private static DecisionAnswer choice(List<String> names, List<Double> likely) {
        Map<String, Double> byName = new LinkedHashMap<>();
        int best = 0;
        for (int i = 0; i < likely.size(); i++) {
            byName.put(names.get(i), likely.get(i));
            best = likely.get(i) > likely.get(best) ? i : best;
        }
        return ChoiceAnswer.builder()
                .value(names.get(best))
                .probabilities(byName)
                .build();
    }

    private static DecisionAnswer scale(List<Double> likely) {
        double mean = 0;
        for (int i = 0; i < likely.size(); i++) {
            mean += i * likely.get(i);
        }
        return ScaleAnswer.builder().mean(mean).probabilities(likely).build();
    }

    /** The tokens of all answers. */
    Set<Integer> tokens() {
        Set<Integer> all = new TreeSet<>();
        labels.forEach(all::addAll);
        return all;
    }

    /** The answer that follows from the probabilities of its tokens, which are scaled to sum to 1. */
    DecisionAnswer answer(Map<Integer, Double> probabilities) {
        double sum = tokens().stream()
                .mapToDouble(token -> share(probabilities, token))
                .sum();
        return toAnswer.apply(labels.stream()
                .map(label -> label.stream()
                                .mapToDouble(token -> share(probabilities, token))
                                .sum()
                        / sum)
                .toList());
    }

    private static double share(Map<Integer, Double> probabilities, int token) {
        return probabilities.getOrDefault(token, 0.0);
    }
}
