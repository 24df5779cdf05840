package dev.langchain4j.model.mlx.samples.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.cache.TrieCache;
import dev.langchain4j.model.mlx.generate.Engine;
import dev.langchain4j.model.mlx.generate.EngineLimits;
import dev.langchain4j.model.mlx.generate.GenerationListener;
import dev.langchain4j.model.mlx.generate.GenerationRequest;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import dev.langchain4j.model.mlx.generate.Sampling;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;

/**
 * Conversations decode while a long prompt is prefilled and a short round of a tool loop arrives: how long the round
 * waits for its first token and the conversations for their next, beside what each costs alone, and beside mlx-lm.
 */
final class FairnessSection implements Bench.Section {
    private static final long ENDLESS_SEED = 1;
    private static final int TOKENS_MAX = 20_000;

    /** What is played. */
    private record Play(int rows, int context, int prompt, int round, int steps) {}

    /** Seconds. */
    private record Times(
            double round, double roundAlone, double gap, double stepAlone, double prompt, double promptAlone) {}

    @Override
    public void run(Bench bench) throws Exception {
        double stall = EngineLimits.DEFAULT.stallTarget().toNanos() / 1e9;
        int prompt = bench.sizes("prompts", "8000", "200")[0];
        Play play = bench.smoke() ? new Play(2, 32, prompt, 40, 4) : new Play(7, 512, prompt, 200, 24);
        bench.report()
                .table(
                        "fairness-table",
                        "%d conversations decode, a prompt of %d tokens and a round of %d arrive, seconds"
                                .formatted(play.rows, play.prompt, play.round),
                        "model",
                        "side",
                        "round's first token",
                        "alone",
                        "of twice alone and the stall target",
                        "longest gap",
                        "step alone",
                        "of the stall target",
                        "prompt's first token",
                        "alone ");
        List<Map<String, Object>> lines = new ArrayList<>();
        List<Path> models = new ArrayList<>(bench.models("small-qwen3-fp32"));
        bench.names("real").forEach(folder -> models.add(Path.of(folder)));
        for (Path model : models) {
            String name = model.getFileName().toString();
            try (Subject subject = new Subject(model)) {
                Map<String, Object> line = new LinkedHashMap<>();
                line.put("section", "fairness");
                line.put("model", name);
                line.put("stallTarget", stall);
                line.put("ours", row(bench, name, "this", ours(subject, play), stall));
                bench.pause();
                if (bench.reference() != null) {
                    line.put("mlxlm", row(bench, name, "mlx-lm", theirs(bench, model, play), stall));
                }
                lines.add(line);
            }
        }
        bench.report().end();
        lines.forEach(bench.report()::json);
    }

    private static Map<String, Object> row(Bench bench, String model, String side, Times t, double stall) {
        double roundRatio = t.round / (2 * t.roundAlone + stall);
        double gapRatio = t.gap / stall;
        bench.report()
                .row(
                        model,
                        side,
                        t.round,
                        t.roundAlone,
                        roundRatio,
                        t.gap,
                        t.stepAlone,
                        gapRatio,
                        t.prompt,
                        t.promptAlone);
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("round", t.round);
        line.put("roundAlone", t.roundAlone);
        line.put("roundOfBound", roundRatio);
        line.put("gap", t.gap);
        line.put("stepAlone", t.stepAlone);
        line.put("gapOfStallTarget", gapRatio);
        line.put("gapOfStepAlone", t.gap / t.stepAlone);
        line.put("prompt", t.prompt);
        line.put("promptAlone", t.promptAlone);
        line.put("promptOfAlone", t.prompt / t.promptAlone);
        return line;
    }

    private static Times theirs(Bench bench, Path model, Play play) {
        JsonNode answer = bench.reference()
                .ask(
                        "fairness",
                        "model",
                        model,
                        "rows",
                        play.rows,
                        "context",
                        play.context,
                        "prompt",
                        play.prompt,
                        "round",
                        play.round,
                        "steps",
                        play.steps,
                        "chunk",
                        2048);
        return new Times(
                answer.path("round").asDouble(),
                answer.path("roundAlone").asDouble(),
                answer.path("gap").asDouble(),
                answer.path("stepAlone").asDouble(),
                answer.path("prompt").asDouble(),
                answer.path("promptAlone").asDouble());
    }

    private static Times ours(Subject subject, Play play) throws InterruptedException, ExecutionException {
        int[] prompt = Tokens.of(play.prompt, subject.vocabulary(), 3);
        int[] round = Tokens.concat(
                Tokens.of(play.context, subject.vocabulary(), 2000), Tokens.of(play.round, subject.vocabulary(), 4));
        double promptAlone = firstToken(subject.generate(subject.uncached(), prompt, 1, null));
        TrieCache held = new TrieCache(CacheLimits.ofBytes(4L << 30), System::nanoTime);
        try (Engine engine = subject.engine(held, play.rows + 2)) {
            double roundAlone = Double.MAX_VALUE;
            for (int i = 0; i < 3; i++) {
                int[] context = Tokens.of(play.context, subject.vocabulary(), 3000 + i);
                subject.pretend(held, context, "alone" + i);
                int[] asked = Tokens.concat(context, Tokens.of(play.round, subject.vocabulary(), 4));
                roundAlone = Math.min(roundAlone, firstToken(subject.generate(engine, asked, 1, "alone" + i)));
            }
            List<Decoding> rows = new ArrayList<>();
            for (int i = 0; i < play.rows; i++) {
                int[] context = Tokens.of(play.context, subject.vocabulary(), 1000 + i);
                subject.pretend(held, context, i);
                rows.add(new Decoding(play.steps));
            }
            subject.pretend(held, Arrays.copyOf(round, play.context), "round");
            for (int i = 0; i < play.rows; i++) {
                int[] context = Tokens.of(play.context, subject.vocabulary(), 1000 + i);
                int[] asked = Tokens.concat(context, Tokens.of(16, subject.vocabulary(), 100 + i));
                rows.get(i).handle = engine.submit(endless(subject, asked, i), rows.get(i));
            }
            for (Decoding row : rows) {
                row.steady.await();
            }
            double step = rows.stream().mapToDouble(Decoding::step).max().orElseThrow();
            rows.forEach(Decoding::forget);
            Begun begun = new Begun();
            Engine.Handle first = engine.submit(request(prompt, "prompt", false), begun);
            begun.chunk.await();
            Engine.Handle second = engine.submit(request(round, "round", true), piece -> {});
            double roundTime = firstToken(second.result().get());
            double promptTime = firstToken(first.result().get());
            double gap = rows.stream().mapToDouble(Decoding::longest).max().orElseThrow();
            for (Decoding row : rows) {
                row.handle.cancel();
                row.handle.result().get();
            }
            return new Times(roundTime, roundAlone, gap, step, promptTime, promptAlone);
        } finally {
            subject.thread().run(held::close);
        }
    }

    /** From its submission on. */
    private static double firstToken(GenerationResult result) {
        return (result.timings().queued() + result.timings().timeToFirstToken()) / 1e9;
    }

    private static GenerationRequest request(int[] prompt, Object conversation, boolean toolRound) {
        return new GenerationRequest(
                prompt,
                List.of(),
                conversation,
                Isolation.SHARED,
                Sampling.GREEDY,
                2,
                List.of(),
                null,
                toolRound,
                null);
    }

    /** An answer of one letter after the other, so that each token is a piece of text. */
    private static GenerationRequest endless(Subject subject, int[] prompt, Object conversation) {
        int letter = subject.tokenizer().encode("a", false)[0];
        Sampling always = new Sampling(
                0,
                0,
                0,
                0,
                0,
                0.1,
                1,
                0,
                0,
                Sampling.DEFAULT_PENALTY_WINDOW,
                Map.of(letter, 1e6),
                ENDLESS_SEED,
                Sampling.NO_LOGPROBS);
        return new GenerationRequest(prompt, List.of(), conversation, Isolation.SHARED, always, TOKENS_MAX, List.of());
    }

    /** Sees a long prompt begin. */
    private static final class Begun implements GenerationListener {
        final CountDownLatch chunk = new CountDownLatch(1);

        @Override
        public void onPrefill(int done, int all) {
            if (done > 0) {
                chunk.countDown();
            }
        }

        @Override
        public void onText(String piece) {
            // Only its beginning counts.
        }
    }

    /** When the tokens of a conversation came. On the model's thread, but for what is read when it is at rest. */
    private static final class Decoding implements GenerationListener {
        final CountDownLatch steady;
        final int steps;
        Engine.Handle handle;
        private final List<Double> gaps = new ArrayList<>();
        private long last;

        Decoding(int steps) {
            this.steps = steps;
            steady = new CountDownLatch(2 * steps);
        }

        @Override
        public synchronized void onText(String piece) {
            long now = System.nanoTime();
            if (last != 0) {
                gaps.add((now - last) / 1e9);
            }
            last = now;
            steady.countDown();
        }

        /** The middle gap of the last steps. */
        synchronized double step() {
            List<Double> recent = new ArrayList<>(gaps.subList(Math.max(0, gaps.size() - steps), gaps.size()));
            recent.sort(null);
            return recent.get(recent.size() / 2);
        }

        synchronized void forget() {
            gaps.clear();
        }

        /** Also the gap that has not ended. */
        synchronized double longest() {
            double open = (System.nanoTime() - last) / 1e9;
            return gaps.stream().mapToDouble(d -> d).max().orElse(open);
        }
    }
}
