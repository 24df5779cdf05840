package dev.langchain4j.model.mlx.samples.bench;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A tool loop, cold and cached, by round; and what the new tokens of its last round cost alone. */
final class LoopSection implements Bench.Section {
    private static final int ANSWER = 16;

    @Override
    public void run(Bench bench) {
        int rounds = bench.smoke() ? 3 : 20;
        int step = bench.smoke() ? 24 : 400;
        Set<Integer> shown = bench.smoke() ? Set.of(1, 3) : Set.of(1, 5, 10, 15, 20);
        bench.report()
                .table(
                        "loop",
                        "Tool loop: ms to the first token, %d new tokens a round".formatted(step),
                        "model",
                        "round",
                        "prompt",
                        "cached",
                        "cold",
                        "mlx-lm, cold",
                        "with the prompt cache",
                        "mlx-lm's LRUPromptCache",
                        "new tokens alone",
                        "ratio to alone");
        for (Path model : bench.models("tiny-qwen3-fp32,small-qwen3-fp32")) {
            try (Subject subject = new Subject(model)) {
                run(bench, subject, model, rounds, step, shown);
            }
        }
        bench.report().end();
    }

    private static void run(Bench bench, Subject subject, Path model, int rounds, int step, Set<Integer> shown) {
        ToolLoop cold = new ToolLoop(subject.uncached(), subject.vocabulary(), step, ANSWER);
        // Twenty rounds of a model of this size take as long as everything else together.
        int times = model.toString().contains("tiny") ? bench.rounds(5) : 1;
        List<List<ToolLoop.Round>> warm = new ArrayList<>();
        List<JsonNode> theirs = new ArrayList<>();
        Map<Integer, List<Double>> alone = new HashMap<>();
        for (int i = 0; i < times; i++) {
            // Another conversation with the same tokens would find all of the last one's.
            subject.forget();
            bench.pause();
            List<ToolLoop.Round> run = new ToolLoop(subject.engine(), subject.vocabulary(), step, ANSWER).run(rounds);
            warm.add(run);
            for (int round : shown) {
                ToolLoop.Round at = run.get(round - 1);
                int[] tokens = subject.tokens(at.promptTokens() - at.cachedTokens());
                alone.computeIfAbsent(round, r -> new ArrayList<>()).add(subject.alone(at.cachedTokens(), tokens));
            }
            if (bench.reference() != null) {
                bench.pause();
                theirs.add(theirs(bench, model, rounds, step, shown, true));
            }
        }
        // Cold rounds cost what prefill costs; the last one of all is enough where that is long.
        Set<Integer> measured = model.toString().contains("tiny") || bench.smoke() ? shown : Set.of(1, 5);
        List<ToolLoop.Round> ours = cold.run(rounds, measured::contains);
        JsonNode cold0 = bench.reference() == null ? null : theirs(bench, model, rounds, step, measured, false);
        for (int round : shown.stream().sorted().toList()) {
            Spread seconds = Spread.of(warm.stream()
                    .mapToDouble(run -> run.get(round - 1).seconds())
                    .toArray());
            ToolLoop.Round at = warm.getFirst().get(round - 1);
            Spread newTokens = Spread.of(
                    alone.get(round).stream().mapToDouble(Double::doubleValue).toArray());
            bench.report()
                    .row(
                            model.getFileName().toString(),
                            round,
                            at.promptTokens(),
                            at.cachedTokens(),
                            ours.stream()
                                    .filter(r -> r.number() == round)
                                    .findFirst()
                                    .map(r -> r.seconds() * 1e3)
                                    .orElse(null),
                            cold0 == null ? null : seconds(cold0, round),
                            seconds.times(1e3),
                            theirs.isEmpty()
                                    ? null
                                    : Spread.of(theirs.stream()
                                            .mapToDouble(run -> seconds(run, round))
                                            .toArray()),
                            newTokens.times(1e3),
                            seconds.min() / newTokens.min());
        }
    }

    private static JsonNode theirs(
            Bench bench, Path model, int rounds, int step, Set<Integer> measured, boolean cached) {
        return bench.reference()
                .ask(
                        "loop",
                        "model",
                        model,
                        "rounds",
                        rounds,
                        "step",
                        step,
                        "answer",
                        ANSWER,
                        "cached",
                        cached,
                        "measured",
                        measured,
                        "chunk",
                        2048)
                .path("rounds");
    }

    /** Milliseconds of a round, or null if it was not measured. */
    private static Double seconds(JsonNode rounds, int number) {
        for (JsonNode round : rounds) {
            if (round.path("round").asInt() == number) {
                return round.path("seconds").asDouble() * 1e3;
            }
        }
        return null;
    }
}
