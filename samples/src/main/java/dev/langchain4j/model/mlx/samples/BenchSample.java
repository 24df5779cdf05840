package dev.langchain4j.model.mlx.samples;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.cache.CacheKey;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.cache.PromptCache;
import dev.langchain4j.model.mlx.generate.Engine;
import dev.langchain4j.model.mlx.generate.GenerationRequest;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import dev.langchain4j.model.mlx.generate.Sampling;
import dev.langchain4j.model.mlx.model.ModelLoader;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Prefill and decode of this engine and of mlx-lm on the same libmlx, taking turns in one run. Options:
 * {@code --model FOLDER} (see samples/bench/make_model.py), {@code --python PYTHON} with mlx-lm 0.32.2,
 * {@code --prefill 512,2048}, {@code --context 0,2048}, {@code --tokens 64}, {@code --rounds 5}, {@code --chunk 512},
 * {@code --blas wheel} to leave mlx-lm the BLAS of its wheel instead of giving it ours.
 */
public final class BenchSample implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** What one side took for a prompt and an answer, in seconds, and the tokens it gave. */
    private record Run(double first, double each, List<Integer> tokens) {}

    private final MlxThread thread;
    private final ModelLoader.Loaded loaded;
    private final Tokenizer tokenizer;
    private final PromptCache cache;
    private final Engine engine;
    private final Process reference;
    private final Writer ask;
    private final BufferedReader answers;

    private BenchSample(Path model, int chunk, Options options) throws IOException {
        thread = MlxThread.start("bench");
        loaded = thread.call(() -> ModelLoader.load(model, DType.FLOAT32));
        tokenizer = Tokenizer.fromFile(model.resolve("tokenizer.json"));
        cache = new PromptCache(new CacheLimits(0, 0, Duration.ZERO, 1024), thread, System::nanoTime);
        CacheKey key = CacheKey.of(model.toString(), "float32");
        engine = new Engine(thread, loaded.model(), tokenizer, cache, key, Set.of(), 1 << 16, chunk);
        if (!options.has("python")) {
            reference = null;
            ask = null;
            answers = null;
            return;
        }
        Path script = Path.of(System.getProperty("project.root", "."), "samples/bench/reference.py");
        ProcessBuilder builder = new ProcessBuilder(
                options.path("python", "").toString(), script.toString(), model.toString(), String.valueOf(chunk));
        if (!"wheel".equals(options.text("blas", "ours"))) {
            builder.environment().put("LD_PRELOAD", blas());
        }
        reference = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
        ask = reference.outputWriter(StandardCharsets.UTF_8);
        answers = reference.inputReader(StandardCharsets.UTF_8);
        answers.readLine();
    }

    /** The BLAS and LAPACK that stand in the native folder in place of those of the wheel. */
    private static String blas() throws IOException {
        try (Stream<Path> files = Files.list(Path.of(System.getProperty("langchain4j.mlx.native.path")))) {
            return files.map(Path::toString)
                    .filter(f -> f.contains("libblas") || f.contains("liblapack"))
                    .collect(Collectors.joining(" "));
        }
    }

    /** Prints a table and a line of JSON. */
    public static void main(String[] args) throws Exception {
        Options options = Options.of(args);
        int tokens = options.number("tokens", 64);
        int rounds = options.number("rounds", 5);
        System.out.printf(
                "%-22s %12s %12s %12s %12s %7s%n", "", "this, best", "median", "mlx-lm, best", "median", "ratio");
        try (BenchSample bench =
                new BenchSample(options.path("model", "target/bench/small"), options.number("chunk", 512), options)) {
            List<Map<String, Object>> all = new ArrayList<>();
            for (int length : options.numbers("prefill", "512,2048")) {
                all.add(bench.row("prefill", length, 1, rounds));
            }
            for (int context : options.numbers("context", "1,2048")) {
                all.add(bench.row("decode", context, tokens, rounds));
            }
            System.out.println(JSON.writeValueAsString(Map.of(
                    "java",
                    Runtime.version().toString(),
                    "processors",
                    Runtime.getRuntime().availableProcessors(),
                    "rows",
                    all)));
        }
    }

    private Map<String, Object> row(String what, int length, int tokens, int rounds) throws Exception {
        double[] ours = new double[rounds];
        double[] theirs = new double[rounds];
        boolean same = true;
        for (int i = -1; i < rounds; i++) {
            Run mine = ours(length, tokens);
            Run other = reference == null ? null : theirs(length, tokens);
            same &= other == null || mine.tokens().equals(other.tokens());
            if (i >= 0) {
                ours[i] = what.equals("prefill") ? length / mine.first() : 1 / mine.each();
                theirs[i] = other == null ? 0 : what.equals("prefill") ? length / other.first() : 1 / other.each();
            }
        }
        Arrays.sort(ours);
        Arrays.sort(theirs);
        int middle = rounds / 2;
        String name = what + " at " + length;
        System.out.printf(
                Locale.ROOT,
                "%-22s %12.1f %12.1f %12.1f %12.1f %7.2f  tokens/s%s%n",
                name,
                ours[rounds - 1],
                ours[middle],
                theirs[rounds - 1],
                theirs[middle],
                ours[middle] / theirs[middle],
                same ? "" : "  OTHER TOKENS");
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("what", what);
        row.put("length", length);
        row.put("best", ours[rounds - 1]);
        row.put("median", ours[middle]);
        row.put("mlxLmBest", theirs[rounds - 1]);
        row.put("mlxLmMedian", theirs[middle]);
        row.put("sameTokens", same);
        return row;
    }

    private Run ours(int length, int tokens) throws Exception {
        GenerationRequest request = new GenerationRequest(
                prompt(length), List.of(), null, Isolation.SHARED, Sampling.GREEDY, tokens, List.of());
        GenerationResult result = engine.submit(request, piece -> {}).result().get();
        GenerationResult.Timings t = result.timings();
        double each = (t.total() - t.timeToFirstToken()) / 1e9 / Math.max(1, tokens - 1);
        return new Run(
                t.timeToFirstToken() / 1e9,
                each,
                Arrays.stream(result.generated()).boxed().toList());
    }

    private Run theirs(int length, int tokens) throws IOException {
        ask.write("run " + length + " " + tokens + "\n");
        ask.flush();
        JsonNode answer = JSON.readTree(answers.readLine());
        List<Integer> ids = new ArrayList<>();
        answer.path("tokens").forEach(id -> ids.add(id.asInt()));
        return new Run(answer.path("first").asDouble(), answer.path("each").asDouble(), ids);
    }

    /** The same linear congruential sequence as in reference.py. */
    private int[] prompt(int length) {
        int vocabulary = loaded.model().vocabularySize();
        int[] ids = new int[length];
        long state = 12345;
        for (int i = 0; i < length; i++) {
            state = (state * 1103515245 + 12345) % (1L << 31);
            ids[i] = (int) (10 + (state >> 8) % (vocabulary - 10));
        }
        return ids;
    }

    @Override
    public void close() {
        if (reference != null) {
            reference.destroy();
        }
        thread.run(() -> {
            cache.close();
            loaded.weights().close();
        });
        thread.close();
        tokenizer.close();
    }
}
