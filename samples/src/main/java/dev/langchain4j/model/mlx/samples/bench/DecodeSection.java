package dev.langchain4j.model.mlx.samples.bench;

import dev.langchain4j.mlx.Device;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Greedy tokens behind a context that the prompt cache holds, through the whole engine. */
final class DecodeSection implements Bench.Section {
    /** Tokens after which Java has compiled what a token needs. */
    private static final int WARM_UP = 500;

    @Override
    public void run(Bench bench) {
        bench.report()
                .table("decode", "Decode, ms a token", "model", "context", "this", "mlx-lm", "ratio", "best ratio");
        for (Path model : bench.models("tiny-qwen3-fp32,small-qwen3-fp32,small-llama-fp32")) {
            try (Subject subject = new Subject(model)) {
                subject.generate(subject.uncached(), subject.tokens(16), bench.smoke() ? 2 : WARM_UP, null);
                for (int context : bench.sizes("contexts", "0,2048,8192", "64")) {
                    row(bench, subject, model, context, bench.rounds(5));
                }
            }
        }
        for (Path model : bench.models("small-qwen3-bf16,small-qwen3-q4,small-llama-q4")) {
            try (Subject subject = new Subject(model)) {
                row(bench, subject, model, bench.smoke() ? 8 : 0, bench.rounds(2));
            }
        }
        bench.report().end();
        if (Device.best() == Device.CPU) {
            quantized(bench);
        }
    }

    /** The same folder in single precision and in 4 bits, as it is and expanded as models are on the CPU: in turn. */
    private static void quantized(Bench bench) {
        bench.report()
                .table(
                        "quantized",
                        "Decode of quantized folders, ms a token",
                        "model",
                        "single precision",
                        "4 bits, expanded",
                        "4 bits",
                        "expanded, ratio to single precision");
        for (Path folder : bench.models("small-qwen3-q4,small-llama-q4")) {
            Path single = folder.resolveSibling(folder.getFileName().toString().replace("q4", "fp32"));
            if (!folder.toString().endsWith("q4") || !Files.exists(single)) {
                continue;
            }
            try (Subject plain = new Subject(single);
                    Subject expanded = new Subject(folder, true);
                    Subject packed = new Subject(folder)) {
                List<Subject> all = List.of(plain, expanded, packed);
                double[][] times = new double[all.size()][bench.rounds(5)];
                for (int round = -1; round < times[0].length; round++) {
                    for (int i = 0; i < times.length; i++) {
                        bench.pause();
                        times[i][Math.max(0, round)] = 1e3 * uncached(all.get(i));
                    }
                }
                Spread wanted = Spread.of(times[0]);
                Spread got = Spread.of(times[1]);
                bench.report()
                        .row(
                                folder.getFileName().toString(),
                                wanted,
                                got,
                                Spread.of(times[2]),
                                got.median() / wanted.median());
            }
        }
        bench.report().end();
    }

    private static double uncached(Subject subject) {
        return each(subject.generate(subject.uncached(), Tokens.of(1, subject.vocabulary(), 7), 32, null), 32);
    }

    private static void row(Bench bench, Subject subject, Path model, int context, int rounds) {
        boolean single = model.toString().endsWith("fp32");
        int tokens = bench.smoke() ? 4 : single ? 64 : 32;
        Object conversation = new Object();
        if (context > 0) {
            subject.pretend(subject.tokens(context), conversation);
        }
        int[] prompt = Tokens.concat(subject.tokens(context), Tokens.of(1, subject.vocabulary(), 7));
        Bench.Pair pair = bench.pair(
                rounds,
                () -> each(subject.generate(subject.engine(), prompt, tokens, conversation), tokens),
                () -> bench.reference().seconds("decode", "model", model, "context", context, "tokens", tokens));
        Spread theirs = pair.theirs() == null ? null : pair.theirs().times(1e3);
        bench.report()
                .row(
                        model.getFileName().toString(),
                        context,
                        pair.ours().times(1e3),
                        theirs,
                        pair.ratio(),
                        pair.bestRatio());
    }

    private static double each(GenerationResult result, int tokens) {
        GenerationResult.Timings t = result.timings();
        return (t.total() - t.timeToFirstToken()) / 1e9 / (tokens - 1);
    }
}
