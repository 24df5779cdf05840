package dev.langchain4j.model.mlx.samples.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.mlx.Logits;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Random;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.mlx.text.DecodeStream;
import dev.langchain4j.mlx.text.Grammar;
import dev.langchain4j.mlx.text.GrammarCompiler;
import dev.langchain4j.mlx.text.GrammarMatcher;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.generate.GenerationRequest;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import dev.langchain4j.model.mlx.generate.Sampling;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What drawing a token costs at the sizes of real vocabularies: a very small model of so many logits generates with
 * each setting in turn, beside mlx-lm with the same. And what a grammar's mask and the detokenizer cost there.
 */
final class SamplingSection implements Bench.Section {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int TOP = 5;
    /**
     * Standard deviation of the logits: the likeliest of 150,000 tokens then have most of the probability, as they do
     * in use.
     */
    private static final int SPREAD = 3;
    /**
     * A tokenizer serves for a vocabulary that is so much larger at most: models have logits that no token belongs to.
     */
    private static final double TOKENS_LEAST = 0.9;

    private static final String SCHEMA = """
            {"type": "array", "minItems": 40, "items": {"type": "object", "additionalProperties": false,
              "required": ["name", "stars", "open"], "properties": {
                "name": {"type": "string", "maxLength": 12}, "stars": {"type": "integer"}, "open": {"type": "boolean"}}}}
            """;

    /** A setting; null for {@code sampler} where mlx-lm has none. */
    private record Setting(String name, Sampling sampling, boolean schema, Map<String, Object> sampler) {
        Map<String, Object> processors() {
            return sampling.repetitionPenalty() == 1
                    ? Map.of()
                    : Map.of(
                            "repetition_penalty", sampling.repetitionPenalty(),
                            "presence_penalty", sampling.presencePenalty(),
                            "frequency_penalty", sampling.frequencyPenalty());
        }
    }

    private static final List<Setting> SETTINGS = List.of(
            new Setting("greedy", Sampling.GREEDY, false, Map.of()),
            new Setting("temperature", drawn(0, 0, 0, false, Sampling.NO_LOGPROBS), false, Map.of("temp", 0.7)),
            new Setting(
                    "top_p 0.8",
                    drawn(0.8, 0, 0, false, Sampling.NO_LOGPROBS),
                    false,
                    Map.of("temp", 0.7, "top_p", 0.8)),
            new Setting(
                    "top_p 0.8, top_k 20",
                    drawn(0.8, 20, 0, false, Sampling.NO_LOGPROBS),
                    false,
                    Map.of("temp", 0.7, "top_p", 0.8, "top_k", 20)),
            new Setting(
                    "min_p 0.05",
                    drawn(0, 0, 0.05, false, Sampling.NO_LOGPROBS),
                    false,
                    Map.of("temp", 0.7, "min_p", 0.05)),
            new Setting(
                    "top_p 0.8, top_k 20, penalties",
                    drawn(0.8, 20, 0, true, Sampling.NO_LOGPROBS),
                    false,
                    Map.of("temp", 0.7, "top_p", 0.8, "top_k", 20)),
            new Setting(
                    "top_p 0.8, top_k 20, top_logprobs 5",
                    drawn(0.8, 20, 0, false, TOP),
                    false,
                    Map.of("temp", 0.7, "top_p", 0.8, "top_k", 20)),
            new Setting("JSON schema, greedy", Sampling.GREEDY, true, null),
            new Setting(
                    "JSON schema, top_p 0.8, top_k 20", drawn(0.8, 20, 0, false, Sampling.NO_LOGPROBS), true, null));

    private static Sampling drawn(double topP, int topK, double minP, boolean penalties, int topLogprobs) {
        return new Sampling(
                0.7,
                topP,
                topK,
                minP,
                0,
                0.1,
                penalties ? 1.1 : 1,
                penalties ? 0.5 : 0,
                penalties ? 0.2 : 0,
                Sampling.DEFAULT_PENALTY_WINDOW,
                Map.of(),
                1,
                topLogprobs);
    }

    @Override
    public void run(Bench bench) throws Exception {
        int[] sizes = bench.smoke() ? new int[] {0} : bench.sizes("vocabularies", "151936,262208", "0");
        Path folder = Files.createTempDirectory("sampling");
        try {
            Map<Path, String> models = new LinkedHashMap<>();
            for (int size : sizes) {
                models.put(model(bench, folder, size), "" + size);
            }
            tokens(bench, models.keySet());
            texts(bench, models.keySet());
        } finally {
            delete(folder);
        }
    }

    /** A model of so many logits, with a tokenizer of about that size; 0 stands for the demo model's own. */
    private static Path model(Bench bench, Path folder, int size) throws IOException {
        Path model = Files.createDirectory(folder.resolve(size + ""));
        if (size == 0) {
            RandomModel.make(model, bench.demo());
            return model;
        }
        for (String given : bench.names("tokenizer")) {
            try (Tokenizer tokenizer = Tokenizer.fromFile(Path.of(given, "tokenizer.json"))) {
                int tokens = tokenizer.vocabularySize();
                if (tokens <= size && tokens >= TOKENS_LEAST * size) {
                    RandomModel.make(model, Path.of(given), size, SPREAD);
                    return model;
                }
            }
        }
        Path made = Files.createDirectory(folder.resolve(size + "-tokenizer"));
        grow(bench.demo(), made, size);
        RandomModel.make(model, made, size, SPREAD);
        return model;
    }

    /** The demo model's tokenizer with words that no merge leads to: grammars and texts have them all the same. */
    private static void grow(Path from, Path to, int size) throws IOException {
        JsonNode root = JSON.readTree(from.resolve("tokenizer.json").toFile());
        ObjectNode vocabulary = (ObjectNode) root.path("model").path("vocab");
        int next = vocabulary.size() + root.path("added_tokens").size();
        for (int id = next; id < size; id++) {
            vocabulary.put("\u0120" + Integer.toString(id, 36) + "s", id);
        }
        JSON.writeValue(to.resolve("tokenizer.json").toFile(), root);
        Files.copy(from.resolve("tokenizer_config.json"), to.resolve("tokenizer_config.json"));
    }

    private static void tokens(Bench bench, Iterable<Path> models) {
        bench.report()
                .table(
                        "sampling",
                        "A token by how it is drawn, ms, with a model of two layers",
                        "logits",
                        "setting",
                        "this",
                        "of a greedy one",
                        "best of best",
                        "mlx-lm",
                        "ratio");
        for (Path model : models) {
            try (Subject subject = new Subject(model);
                    GrammarCompiler compiler = compiler(subject);
                    GrammarMatcher schema = compiler.compile(Grammar.jsonSchema(SCHEMA))) {
                rows(bench, subject, schema, model);
            }
        }
        bench.report().end();
    }

    /** Any token that is no text may end an answer: these do not end. */
    private static GrammarCompiler compiler(Subject subject) {
        Tokenizer tokenizer = subject.tokenizer();
        return tokenizer.grammarCompiler(subject.vocabulary(), tokenizer.addedTokens()[0]);
    }

    private static void rows(Bench bench, Subject subject, GrammarMatcher schema, Path model) {
        int rounds = bench.rounds(7);
        int tokens = bench.smoke() ? 8 : 48;
        double[][] ours = new double[SETTINGS.size()][rounds];
        double[][] theirs = new double[SETTINGS.size()][rounds];
        for (int round = bench.smoke() ? 0 : -1; round < rounds; round++) {
            for (int i = 0; i < SETTINGS.size(); i++) {
                Setting setting = SETTINGS.get(i);
                bench.pause();
                double own = generate(subject, setting, schema, tokens);
                bench.pause();
                double other = bench.reference() == null || setting.sampler == null
                        ? 0
                        : bench.reference()
                                .seconds(
                                        "sampling",
                                        "model",
                                        model,
                                        "tokens",
                                        tokens,
                                        "sampler",
                                        setting.sampler,
                                        "processors",
                                        setting.processors(),
                                        "top",
                                        setting.sampling.topLogprobs());
                if (round >= 0) {
                    ours[i][round] = own;
                    theirs[i][round] = other;
                }
            }
        }
        Spread greedy = Spread.of(ours[0]);
        for (int i = 0; i < SETTINGS.size(); i++) {
            Spread own = Spread.of(ours[i]);
            Spread other = theirs[i][0] == 0 ? null : Spread.of(theirs[i]);
            bench.report()
                    .row(
                            subject.vocabulary(),
                            SETTINGS.get(i).name,
                            own.times(1e3),
                            own.median() / greedy.median(),
                            own.min() / greedy.min(),
                            other == null ? null : other.times(1e3),
                            other == null ? null : own.median() / other.median());
        }
    }

    /** Seconds for a token behind the first. */
    private static double generate(Subject subject, Setting setting, GrammarMatcher schema, int tokens) {
        GenerationRequest request = new GenerationRequest(
                subject.tokens(1), List.of(), null, Isolation.SHARED, setting.sampling, tokens, List.of());
        GenerationResult result =
                subject.generate(subject.uncached(), setting.schema ? request.withGrammar(schema.copy()) : request);
        GenerationResult.Timings times = result.timings();
        return (times.total() - times.timeToFirstToken()) / 1e9 / (result.generated().length - 1);
    }

    private static void texts(Bench bench, Iterable<Path> models) {
        bench.report()
                .table(
                        "tokens",
                        "What else depends on the vocabulary, us a token",
                        "logits",
                        "tokens",
                        "mask of a grammar",
                        "mask on logits",
                        "detokenizer",
                        "encoding a word");
        for (Path model : models) {
            try (Subject subject = new Subject(model)) {
                row(bench, subject);
            }
        }
        bench.report().end();
    }

    private static void row(Bench bench, Subject subject) {
        int rounds = bench.smoke() ? 2 : 400;
        int vocabulary = subject.vocabulary();
        double[] masks = new double[rounds];
        double[] applied = new double[rounds];
        double[] decoded = new double[rounds];
        double[] encoded = new double[rounds];
        Tokenizer tokenizer = subject.tokenizer();
        int[] ids = Tokens.of(rounds, tokenizer.vocabularySize(), Tokens.SEED);
        try (GrammarCompiler compiler = compiler(subject);
                GrammarMatcher start = compiler.compile(Grammar.jsonSchema(SCHEMA));
                DecodeStream stream = tokenizer.decodeStream(false)) {
            int[] words = new int[start.maskWords()];
            GrammarMatcher matcher = start.copy();
            java.util.Random random = new java.util.Random(1);
            for (int i = 0; i < rounds; i++) {
                long begun = System.nanoTime();
                matcher.mask(words);
                masks[i] = (System.nanoTime() - begun) / 1e3;
                applied[i] = subject.thread().call(() -> apply(vocabulary, words));
                matcher.commit(any(words, random));
                if (matcher.isStopped()) {
                    matcher.reset();
                }
                begun = System.nanoTime();
                stream.step(ids[i]);
                decoded[i] = (System.nanoTime() - begun) / 1e3;
                begun = System.nanoTime();
                tokenizer.encode("tokenizer " + i, false);
                encoded[i] = (System.nanoTime() - begun) / 1e3;
            }
            matcher.close();
        }
        bench.report()
                .row(
                        vocabulary,
                        tokenizer.vocabularySize(),
                        Spread.of(masks),
                        Spread.of(applied),
                        Spread.of(decoded),
                        Spread.of(encoded));
    }

    /** Microseconds to exclude what a mask excludes. */
    private static double apply(int vocabulary, int[] words) {
        try (Scope scope = Scope.open()) {
            MlxArray logits = Random.normal(Random.key(1), 1, vocabulary).eval();
            long begun = System.nanoTime();
            Logits.masked(logits, words).eval();
            return (System.nanoTime() - begun) / 1e3;
        }
    }

    private static int any(int[] words, java.util.Random random) {
        int count = 0;
        for (int word : words) {
            count += Integer.bitCount(word);
        }
        int wanted = random.nextInt(count);
        for (int i = 0; ; i++) {
            int bits = Integer.bitCount(words[i]);
            if (wanted < bits) {
                int word = words[i];
                for (; wanted > 0; wanted--) {
                    word &= word - 1;
                }
                return i * Integer.SIZE + Integer.numberOfTrailingZeros(word);
            }
            wanted -= bits;
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            files.sorted((a, b) -> b.getNameCount() - a.getNameCount()).forEach(file -> {
                try {
                    Files.delete(file);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }
    }
}
