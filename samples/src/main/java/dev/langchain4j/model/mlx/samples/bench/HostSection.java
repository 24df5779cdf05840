package dev.langchain4j.model.mlx.samples.bench;

import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.model.LanguageModel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * The host's share of a token: building the graph of a greedy step. Each step is computed before the next one is built,
 * so that nothing else runs while it is timed.
 */
final class HostSection implements Bench.Section {
    private static final int PROMPT = 64;

    @Override
    public void run(Bench bench) {
        int tokens = bench.smoke() ? 8 : 128;
        bench.report()
                .table(
                        "host",
                        "Host time to build a token's graph, ms",
                        "model",
                        "this",
                        "mlx-lm",
                        "ratio",
                        "best ratio");
        for (Path model : bench.models("tiny-qwen3-fp32,small-qwen3-fp32,small-llama-fp32")) {
            try (Subject subject = new Subject(model)) {
                Bench.Pair pair = bench.pair(
                        bench.rounds(7),
                        () -> middle(build(subject, tokens)),
                        () -> middle(Reference.numbers(bench.reference()
                                .ask("host", "model", model, "tokens", tokens)
                                .path("seconds"))));
                Spread theirs = pair.theirs() == null ? null : pair.theirs().times(1e3);
                bench.report()
                        .row(
                                model.getFileName().toString(),
                                pair.ours().times(1e3),
                                theirs,
                                pair.ratio(),
                                pair.bestRatio());
            }
        }
        bench.report().end();
    }

    private static double middle(double[] seconds) {
        return Spread.of(seconds).median();
    }

    private static double[] build(Subject subject, int tokens) {
        return build(subject.thread(), subject.model(), subject.tokens(PROMPT), tokens);
    }

    /** Seconds to build the graph of each of so many greedy tokens behind a prompt. */
    static double[] build(MlxThread thread, LanguageModel model, int[] prompt, int tokens) {
        return thread.call(() -> {
            List<LayerCache> layers = model.newLayers();
            double[] seconds = new double[tokens];
            MlxArray token = null;
            try {
                try (Scope scope = Scope.open()) {
                    int[] head = Arrays.copyOf(prompt, prompt.length - 1);
                    model.forward(MlxArray.of(head, 1, head.length), layers);
                    token = MlxArray.of(new int[] {prompt[prompt.length - 1]}, 1, 1)
                            .detach();
                }
                Eval.eval(Subject.buffers(layers));
                for (int i = 0; i < tokens; i++) {
                    long begun = System.nanoTime();
                    MlxArray next = Subject.step(model, token, layers);
                    seconds[i] = (System.nanoTime() - begun) / 1e9;
                    token.close();
                    token = next;
                    token.eval();
                }
                return seconds;
            } finally {
                if (token != null) {
                    token.close();
                }
                layers.forEach(LayerCache::close);
            }
        });
    }
}
