package dev.langchain4j.model.mlx.samples.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.mlx.MlxMemory;
import java.io.IOException;
import java.nio.file.Path;

/** Time to the first token of a prompt that nothing is known of, and the memory at the peak. */
final class PrefillSection implements Bench.Section {
    /** mlx-lm's own size of a prefill step. */
    private static final int THEIR_CHUNK = 2048;

    private static final int LONGEST_WITH_WHEEL = 2048;

    private long peak;
    private double theirPeak;

    @Override
    public void run(Bench bench) throws IOException {
        bench.report()
                .table(
                        "prefill",
                        "Prefill, seconds to the first token",
                        "model",
                        "prompt",
                        "this",
                        "mlx-lm",
                        "ratio",
                        "best ratio",
                        "mlx-lm in our chunks",
                        "mlx-lm, unmodified wheel",
                        "times faster",
                        "peak, MB",
                        "mlx-lm's peak, MB");
        try (Reference wheel = bench.wheel()) {
            for (Path model : bench.models("small-qwen3-fp32,small-llama-fp32")) {
                try (Subject subject = new Subject(model)) {
                    for (int length : bench.sizes("prompts", "512,2048,8192", "40")) {
                        row(bench, subject, model, length, wheel);
                    }
                }
            }
        }
        bench.report().end();
    }

    private void row(Bench bench, Subject subject, Path model, int length, Reference wheel) {
        int[] prompt = subject.tokens(length);
        Bench.Pair pair = bench.pair(
                bench.rounds(length <= 1024 ? 5 : length <= 4096 ? 3 : 1),
                () -> {
                    MlxMemory.resetPeak();
                    double seconds = subject.generate(subject.uncached(), prompt, 1, null)
                                    .timings()
                                    .timeToFirstToken()
                            / 1e9;
                    peak = MlxMemory.peakBytes();
                    return seconds;
                },
                () -> {
                    JsonNode answer = prefill(bench.reference(), model, length, THEIR_CHUNK);
                    theirPeak = answer.path("peak").asDouble();
                    return answer.path("seconds").asDouble();
                });
        Double chunked = bench.reference() == null || length > LONGEST_WITH_WHEEL
                ? null
                : prefill(bench.reference(), model, length, subject.chunkTokens())
                        .path("seconds")
                        .asDouble();
        Double plain = wheel == null || length > LONGEST_WITH_WHEEL
                ? null
                : prefill(wheel, model, length, THEIR_CHUNK).path("seconds").asDouble();
        bench.report()
                .row(
                        model.getFileName().toString(),
                        length,
                        pair.ours(),
                        pair.theirs(),
                        pair.ratio(),
                        pair.bestRatio(),
                        chunked,
                        plain,
                        plain == null ? null : plain / pair.ours().median(),
                        peak / 1e6,
                        bench.reference() == null ? null : theirPeak / 1e6);
    }

    private static JsonNode prefill(Reference reference, Path model, int length, int chunk) {
        return reference.ask("prefill", "model", model, "length", length, "chunk", chunk);
    }
}
