package dev.langchain4j.model.mlx.samples.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** llama.cpp beside this engine: a released model in single precision, the same numbers on both sides, in turn. */
final class LlamaCppSection implements Bench.Section {
    private static final String MODEL = "SmolLM2-135M-Instruct";
    private static final int TOKENS = 64;

    @Override
    public void run(Bench bench) throws IOException, InterruptedException {
        if (bench.smoke()) {
            return;
        }
        Path python;
        try {
            python = Path.of(bench.output(List.of(
                    "bash",
                    bench.script("prepare_llamacpp.sh").toString(),
                    bench.folder().toString())));
        } catch (IOException e) {
            bench.report().say("llama.cpp cannot be built here: the section llamacpp is left out");
            return;
        }
        Path model = bench.real(MODEL);
        Path gguf = bench.real(MODEL + ".gguf");
        String threads = String.valueOf(Runtime.getRuntime().availableProcessors());
        try (Reference llama = new Reference(
                        List.of(python.toString(), bench.script("llamacpp.py").toString(), gguf.toString(), threads),
                        "");
                Subject subject = new Subject(model)) {
            bench.report()
                    .table(
                            "llamacpp",
                            "Beside llama.cpp (llama-cpp-python "
                                    + llama.versions().path("llama-cpp-python").asText() + "), float32, tokens/s",
                            "model",
                            "prompt",
                            "prefill",
                            "llama.cpp's",
                            "ratio",
                            "decode",
                            "llama.cpp's ",
                            "ratio of decode");
            for (int length : bench.sizes("prompts", "32,512,2048", "32")) {
                row(bench, subject, llama, length);
            }
            bench.report().end();
        }
    }

    private static void row(Bench bench, Subject subject, Reference llama, int length) {
        int rounds = bench.rounds(5);
        int[] prompt = subject.tokens(length);
        double[][] ours = new double[2][rounds];
        double[][] theirs = new double[2][rounds];
        for (int i = -2; i < rounds; i++) {
            int at = Math.max(0, i);
            bench.pause();
            GenerationResult.Timings t =
                    subject.generate(subject.uncached(), prompt, TOKENS, null).timings();
            ours[0][at] = t.timeToFirstToken() / 1e9;
            ours[1][at] = (t.total() - t.timeToFirstToken()) / 1e9 / (TOKENS - 1);
            bench.pause();
            JsonNode answer = llama.ask("generate", "prompt", prompt, "tokens", TOKENS);
            theirs[0][at] = answer.path("first").asDouble();
            theirs[1][at] = answer.path("each").asDouble();
        }
        Spread prefill = Spread.of(ours[0]).rateOf(length);
        Spread theirPrefill = Spread.of(theirs[0]).rateOf(length);
        Spread decode = Spread.of(ours[1]).rateOf(1);
        Spread theirDecode = Spread.of(theirs[1]).rateOf(1);
        bench.report()
                .row(
                        MODEL,
                        length,
                        prefill,
                        theirPrefill,
                        prefill.median() / theirPrefill.median(),
                        decode,
                        theirDecode,
                        decode.median() / theirDecode.median());
    }
}
