package dev.langchain4j.model.mlx.samples.bench;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Device;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.cache.CacheKey;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.cache.TrieCache;
import dev.langchain4j.model.mlx.generate.Engine;
import dev.langchain4j.model.mlx.generate.GenerationRequest;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import dev.langchain4j.model.mlx.generate.Sampling;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;

/** A small model of each architecture: host time and decode of a token, and prefill of a prompt, beside mlx-lm. */
final class ArchitecturesSection implements Bench.Section {
    private static final int CONTEXT = 4096;
    private static final int PROMPT = 128;
    private static final int TOKENS = 32;

    @Override
    public void run(Bench bench) throws Exception {
        if (bench.reference() == null) {
            bench.report().say("the section architectures needs mlx-lm, which makes the models: it is left out");
            return;
        }
        Path folder = bench.folder().resolve("architectures");
        List<String> names = bench.make("make_architectures.py", folder, bench.names("architectures"));
        bench.report()
                .table(
                        "architectures",
                        "A small model of each architecture",
                        "model",
                        "host, ms",
                        "mlx-lm",
                        "ratio",
                        "decode, ms a token",
                        "mlx-lm ",
                        "ratio ",
                        "prefill, ms a token",
                        "mlx-lm  ",
                        "ratio  ");
        for (String name : names) {
            try (Small model = new Small(folder.resolve(name), bench.demo())) {
                row(bench, model, name, folder.resolve(name));
            }
        }
        bench.report().end();
    }

    private static void row(Bench bench, Small model, String name, Path folder) {
        int rounds = bench.rounds(5);
        int[] prompt = Tokens.of(PROMPT, model.loaded.model().vocabularySize(), Tokens.SEED);
        int[] one = Tokens.of(1, model.loaded.model().vocabularySize(), Tokens.SEED);
        Bench.Pair host = bench.pair(
                rounds,
                () -> Spread.of(HostSection.build(model.thread, model.loaded.model(), prompt, TOKENS))
                        .median(),
                () -> Spread.of(Reference.numbers(bench.reference()
                                .ask("host", "model", folder, "tokens", TOKENS)
                                .path("seconds")))
                        .median());
        Bench.Pair decode = bench.pair(rounds, () -> model.decode(one), () -> bench.reference()
                .seconds("decode", "model", folder, "context", 0, "tokens", TOKENS));
        Bench.Pair prefill = bench.pair(
                rounds,
                () -> model.prefill(prompt) / PROMPT,
                () -> bench.reference().seconds("prefill", "model", folder, "length", PROMPT, "chunk", 2048) / PROMPT);
        bench.report()
                .row(
                        name,
                        host.ours().times(1e3),
                        host.theirs().times(1e3),
                        host.bestRatio(),
                        decode.ours().times(1e3),
                        decode.theirs().times(1e3),
                        decode.bestRatio(),
                        prefill.ours().times(1e3),
                        prefill.theirs().times(1e3),
                        prefill.bestRatio());
    }

    /** A model with the demo model's tokenizer, which serves to run the engine. */
    private static final class Small implements AutoCloseable {
        private final MlxThread thread = MlxThread.start("architecture");
        private final ModelLoader.Loaded loaded;
        private final Tokenizer tokenizer;
        private final TrieCache cache;
        private final Engine engine;

        Small(Path folder, Path demo) throws IOException {
            DType type = thread.device() == Device.CPU ? DType.FLOAT32 : null;
            loaded = thread.call(() -> ModelLoader.load(folder, type));
            tokenizer = Tokenizer.fromFile(demo.resolve("tokenizer.json"));
            cache = new TrieCache(new CacheLimits(0, 0, Duration.ZERO, 1024), System::nanoTime);
            CacheKey key = CacheKey.of(folder.toString(), "bench");
            engine = new Engine(thread, loaded.model(), tokenizer, cache, key, Set.of(), CONTEXT, 512);
        }

        /** Seconds for a token behind the first. */
        double decode(int[] prompt) {
            GenerationResult.Timings t = generate(prompt, TOKENS);
            return (t.total() - t.timeToFirstToken()) / 1e9 / (TOKENS - 1);
        }

        /** Seconds to the first token. */
        double prefill(int[] prompt) {
            return generate(prompt, 1).timeToFirstToken() / 1e9;
        }

        private GenerationResult.Timings generate(int[] prompt, int tokens) {
            GenerationRequest request = new GenerationRequest(
                    prompt, List.of(), null, Isolation.SHARED, Sampling.GREEDY, tokens, List.of());
            try {
                return engine.submit(request, piece -> {}).result().get().timings();
            } catch (InterruptedException | ExecutionException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public void close() {
            thread.run(() -> {
                cache.close();
                loaded.weights().close();
            });
            thread.close();
            tokenizer.close();
        }
    }
}
