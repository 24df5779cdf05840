package dev.langchain4j.model.mlx.samples.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.model.mlx.cache.Boundary;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.cache.Tier;
import dev.langchain4j.model.mlx.generate.Engine;
import dev.langchain4j.model.mlx.generate.GenerationRequest;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import dev.langchain4j.model.mlx.generate.Sampling;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

/**
 * Tool loops of several agents behind one system prompt, which is in the prompt cache or not: all at once, the same one
 * after the other, and as mlx-lm's server runs them. Each must find as many tokens cached at once as alone; of those
 * that begin without the system prompt one has to compute it, whichever that is.
 */
final class AgentsSection implements Bench.Section {
    /** What the agents' loops took and found. */
    private record Run(double seconds, List<Integer> cached) {
        /** What each round of each agent found; of the first rounds of a cold start, in any order. */
        List<Integer> comparable(Work work) {
            if (work.warm) {
                return cached;
            }
            List<Integer> firsts = new ArrayList<>();
            List<Integer> others = new ArrayList<>();
            for (int i = 0; i < cached.size(); i++) {
                (i % work.rounds == 0 ? firsts : others).add(cached.get(i));
            }
            firsts.sort(null);
            firsts.addAll(others);
            return firsts;
        }

        int allCached() {
            return cached.stream().mapToInt(Integer::intValue).sum();
        }
    }

    /** How much work it is. */
    private record Work(int agents, int rounds, int system, int step, int answer, boolean warm) {
        int lastPrompt() {
            return system + rounds * step + (rounds - 1) * answer;
        }
    }

    @Override
    public void run(Bench bench) {
        Work work = bench.smoke() ? new Work(3, 3, 64, 16, 4, true) : new Work(8, 20, 400, 40, 24, true);
        Work cold = new Work(work.agents, work.rounds, work.system, work.step, work.answer, false);
        bench.report()
                .table(
                        "agents-table",
                        "%d agents with %d tool rounds each behind one system prompt, seconds"
                                .formatted(work.agents, work.rounds),
                        "model",
                        "start",
                        "last prompt",
                        "cached",
                        "one after the other",
                        "at once",
                        "times faster",
                        "mlx-lm, at once",
                        "its cached",
                        "ratio");
        List<Map<String, Object>> lines = new ArrayList<>();
        for (Path model : bench.models("small-qwen3-fp32")) {
            try (Subject subject = new Subject(model)) {
                lines.add(row(bench, subject, model, work));
                lines.add(row(bench, subject, model, cold));
            }
        }
        bench.report().end();
        lines.forEach(bench.report()::json);
    }

    private static Map<String, Object> row(Bench bench, Subject subject, Path model, Work work) {
        // once unmeasured, so that neither side pays for what the first requests load and compile
        Work little = new Work(2, 2, work.system, work.step, work.answer, work.warm);
        subject.several(2, engine -> run(engine, subject.vocabulary(), little, 2));
        bench.pause();
        Run alone = subject.several(1, engine -> run(engine, subject.vocabulary(), work, 1));
        bench.pause();
        Run together = subject.several(work.agents, engine -> run(engine, subject.vocabulary(), work, work.agents));
        if (!together.comparable(work).equals(alone.comparable(work))) {
            throw new IllegalStateException(
                    "at once other tokens were cached (" + together.cached + ") than alone (" + alone.cached + ")");
        }
        JsonNode theirs = bench.reference() == null ? null : theirs(bench, model, work);
        Double seconds = theirs == null ? null : theirs.path("seconds").asDouble();
        Double ratio = seconds == null ? null : together.seconds / seconds;
        String name = model.getFileName().toString();
        bench.report()
                .row(
                        name,
                        work.warm ? "warm" : "cold",
                        work.lastPrompt(),
                        together.allCached(),
                        alone.seconds,
                        together.seconds,
                        alone.seconds / together.seconds,
                        seconds,
                        theirs == null ? null : theirs.path("cached").asInt(),
                        ratio);
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("section", "agents");
        line.put("model", name);
        line.put("warm", work.warm);
        line.put("agents", work.agents);
        line.put("rounds", work.rounds);
        line.put("cached", together.allCached());
        line.put("cachedAlone", alone.allCached());
        line.put("alone", alone.seconds);
        line.put("ours", together.seconds);
        line.put("mlxlm", seconds);
        line.put("ratio", ratio);
        return line;
    }

    private static JsonNode theirs(Bench bench, Path model, Work work) {
        bench.pause();
        return bench.reference()
                .ask(
                        "agents",
                        "model",
                        model,
                        "agents",
                        work.agents,
                        "rounds",
                        work.rounds,
                        "system",
                        work.system,
                        "step",
                        work.step,
                        "answer",
                        work.answer,
                        "warm",
                        work.warm);
    }

    /** All agents' loops, so many at a time. */
    private static Run run(Engine engine, int vocabulary, Work work, int atOnce) {
        int[] system = Tokens.of(work.system, vocabulary, 1);
        if (work.warm) {
            generate(engine, Tokens.concat(system, new int[] {1}), work.system, "warm", false, 1);
        }
        try (ExecutorService agents = Executors.newFixedThreadPool(atOnce)) {
            long begun = System.nanoTime();
            List<Future<List<Integer>>> loops = IntStream.range(0, work.agents)
                    .mapToObj(agent -> agents.submit(() -> loop(engine, vocabulary, system, agent, work)))
                    .toList();
            List<Integer> cached = new ArrayList<>();
            for (Future<List<Integer>> loop : loops) {
                cached.addAll(loop.get());
            }
            return new Run((System.nanoTime() - begun) / 1e9, cached);
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The cached tokens of each round. */
    private static List<Integer> loop(Engine engine, int vocabulary, int[] system, int agent, Work work) {
        List<Integer> cached = new ArrayList<>();
        long seed = 1000L * (agent + 1);
        int[] prompt = Tokens.concat(system, Tokens.of(work.step, vocabulary, seed));
        for (int round = 1; round <= work.rounds; round++) {
            GenerationResult result = generate(engine, prompt, work.system, "agent " + agent, round > 1, work.answer);
            cached.add(result.cachedTokens());
            prompt = Tokens.concat(prompt, result.generated(), Tokens.of(work.step, vocabulary, seed + round));
        }
        return cached;
    }

    private static GenerationResult generate(
            Engine engine, int[] prompt, int system, String conversation, boolean toolRound, int tokens) {
        List<Boundary> boundaries = List.of(new Boundary(system, Tier.SYSTEM));
        GenerationRequest request = new GenerationRequest(
                prompt,
                boundaries,
                conversation,
                Isolation.SHARED,
                Sampling.GREEDY,
                tokens,
                List.of(),
                null,
                toolRound,
                null);
        try {
            return engine.submit(request, piece -> {}).result().get();
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }
}
