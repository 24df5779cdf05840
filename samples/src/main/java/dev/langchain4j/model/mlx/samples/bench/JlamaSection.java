package dev.langchain4j.model.mlx.samples.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Jlama, a language model engine in pure Java and its Vector API, beside this one on the same weights. */
final class JlamaSection implements Bench.Section {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int PROMPT = 360;
    private static final int TOKENS = 64;

    @Override
    public void run(Bench bench) throws IOException, InterruptedException {
        boolean linux = System.getProperty("os.name").equals("Linux")
                && System.getProperty("os.arch").equals("amd64");
        if (bench.smoke() || bench.reference() == null || !linux) {
            return;
        }
        bench.report()
                .table(
                        "jlama",
                        "Beside Jlama 0.8.4, prompt of 360 tokens, tokens/s",
                        "model",
                        "prefill",
                        "Jlama's",
                        "ratio",
                        "decode",
                        "Jlama's",
                        "ratio of decode");
        for (Path model : bench.models("small-llama-fp32")) {
            row(bench, model, bench.rounds(5));
        }
        bench.report().end();
    }

    private static void row(Bench bench, Path model, int rounds) throws IOException, InterruptedException {
        double[][] ours = new double[2][rounds];
        double[][] theirs = new double[2][rounds];
        Process jlama = start(bench, model);
        Runtime.getRuntime().addShutdownHook(new Thread(jlama::destroyForcibly));
        try (Subject subject = new Subject(model);
                Writer asks = jlama.outputWriter(StandardCharsets.UTF_8);
                BufferedReader answers = jlama.inputReader(StandardCharsets.UTF_8)) {
            // The first rounds are for Jlama's compiler.
            for (int i = -3; i < rounds; i++) {
                int at = Math.max(0, i);
                GenerationResult.Timings t = subject.generate(subject.uncached(), subject.tokens(PROMPT), TOKENS, null)
                        .timings();
                ours[0][at] = t.timeToFirstToken() / 1e9;
                ours[1][at] = (t.total() - t.timeToFirstToken()) / 1e9;
                asks.write("again\n");
                asks.flush();
                String line = answers.readLine();
                if (line == null) {
                    throw new IOException("Jlama ended; its output is above");
                }
                JsonNode answer = JSON.readTree(line);
                theirs[0][at] = answer.path("promptMs").asDouble()
                        / 1e3
                        * PROMPT
                        / answer.path("promptTokens").asDouble();
                theirs[1][at] = answer.path("generateMs").asDouble()
                        / 1e3
                        * (TOKENS - 1)
                        / (answer.path("tokens").asDouble() - 1);
            }
        } finally {
            jlama.destroy();
        }
        Spread prefill = Spread.of(ours[0]).rateOf(PROMPT);
        Spread theirPrefill = Spread.of(theirs[0]).rateOf(PROMPT);
        Spread decode = Spread.of(ours[1]).rateOf(TOKENS - 1);
        Spread theirDecode = Spread.of(theirs[1]).rateOf(TOKENS - 1);
        bench.report()
                .row(
                        model.getFileName().toString(),
                        prefill,
                        theirPrefill,
                        prefill.median() / theirPrefill.median(),
                        decode,
                        theirDecode,
                        decode.median() / theirDecode.median());
    }

    /** Jlama in a process of its own, with what Maven brings. */
    private static Process start(Bench bench, Path model) throws IOException, InterruptedException {
        Path folder = bench.script("jlama");
        Path classpath = bench.folder().resolve("jlama.classpath");
        if (!Files.exists(classpath)) {
            int status = new ProcessBuilder(
                            "mvn",
                            "-q",
                            "-B",
                            "-f",
                            folder.resolve("pom.xml").toString(),
                            "dependency:build-classpath",
                            "-Dmdep.outputFile=" + classpath)
                    .inheritIO()
                    .start()
                    .waitFor();
            if (status != 0) {
                throw new IOException("Maven cannot resolve Jlama; its output is above");
            }
        }
        String java = ProcessHandle.current().info().command().orElse("java");
        return new ProcessBuilder(Arrays.asList(
                        java,
                        "--add-modules",
                        "jdk.incubator.vector",
                        "--enable-native-access=ALL-UNNAMED",
                        "--sun-misc-unsafe-memory-access=allow",
                        "-cp",
                        Files.readString(classpath).strip(),
                        folder.resolve("JlamaBench.java").toString(),
                        model.toString(),
                        String.valueOf(PROMPT),
                        String.valueOf(TOKENS)))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }
}
