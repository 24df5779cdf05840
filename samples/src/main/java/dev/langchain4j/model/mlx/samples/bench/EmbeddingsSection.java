package dev.langchain4j.model.mlx.samples.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import dev.langchain4j.data.document.Document;
import dev.langchain4j.data.document.splitter.DocumentSplitters;
import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.onnx.allminilml6v2.AllMiniLmL6V2EmbeddingModel;
import dev.langchain4j.model.mlx.MlxEmbeddingModel;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Vectors of sentences one by one, of this project's pages and of many short texts with all-MiniLM-L6-v2, in turn with
 * LangChain4j's ONNX model of it.
 */
final class EmbeddingsSection implements Bench.Section {
    private static final String MODEL = "all-MiniLM-L6-v2";
    private static final int SEGMENT_CHARACTERS = 500;
    private static final int OVERLAP_CHARACTERS = 50;
    private static final double TOLERANCE = 1e-4;

    /** Where LangChain4j's model cuts a text; the folder says 256 tokens. */
    private static final int TOKENS_MAX = 128;

    /** Of which RealEmbeddingTest compares vectors with what ONNX gave for them. */
    private static final List<String> RECORDED = List.of(
            "Trains to Lisbon leave at noon.",
            "a",
            "The quick brown fox jumps over the lazy dog; nobody knows why it always does.",
            "Où est la gare? 東京タワー, naïve café — 3.14159",
            "public static void main(String[] args) { System.out.println(\"Hello\"); }",
            "| name | value |\n|---|---|\n| size | 12 |");

    private record Work(String name, List<String> texts, boolean oneByOne) {
        List<Embedding> of(EmbeddingModel model) {
            if (oneByOne) {
                return texts.stream().map(text -> model.embed(text).content()).toList();
            }
            return model.embedAll(texts.stream().map(TextSegment::from).toList())
                    .content();
        }
    }

    /** Wall-clock seconds and seconds of all processors, of each round. */
    private record Times(double[] wall, double[] busy) {
        Times(int rounds) {
            this(new double[rounds], new double[rounds]);
        }

        List<Embedding> measure(int round, Work work, EmbeddingModel model) {
            long begun = System.nanoTime();
            long used = processorNanos();
            List<Embedding> vectors = work.of(model);
            busy[Math.max(0, round)] = (processorNanos() - used) / 1e9;
            wall[Math.max(0, round)] = (System.nanoTime() - begun) / 1e9;
            return vectors;
        }
    }

    @Override
    public void run(Bench bench) throws Exception {
        EmbeddingModel onnx = bench.smoke() ? null : new AllMiniLmL6V2EmbeddingModel();
        Path record = bench.path("record", null);
        if (record != null) {
            record(record, onnx);
            return;
        }
        MlxEmbeddingModel.Builder builder =
                MlxEmbeddingModel.builder().modelPath(folder(bench)).maxLength(bench.smoke() ? null : TOKENS_MAX);
        if (bench.text("batch", null) != null) {
            builder.maxSegmentsPerBatch(bench.sizes("batch", "32", "4")[0]);
        }
        try (MlxEmbeddingModel model = builder.build()) {
            bench.report()
                    .table(
                            "embeddings",
                            "Vectors of texts with all-MiniLM-L6-v2, seconds, and seconds of all processors",
                            "work",
                            "texts",
                            "tokens",
                            "this",
                            "ONNX",
                            "ratio",
                            "best ratio",
                            "this, processors",
                            "ONNX, processors",
                            "ratio of processors",
                            "furthest apart");
            for (Work work : works(bench)) {
                compare(bench, work, model, onnx);
            }
            bench.report().end();
        }
    }

    private static Path folder(Bench bench) throws IOException, InterruptedException {
        if (bench.smoke()) {
            return bench.script("../../langchain4j-mlx/src/test/resources/goldens/embeddings/bert-mean");
        }
        Path given = bench.path("embedding-model", null);
        return given == null ? bench.real(MODEL) : given;
    }

    private static void compare(Bench bench, Work work, MlxEmbeddingModel model, EmbeddingModel onnx) {
        int rounds = bench.rounds(3);
        Times ours = new Times(rounds);
        Times theirs = new Times(rounds);
        Double apart = null;
        for (int i = -1; i < rounds; i++) {
            List<Embedding> vectors = ours.measure(i, work, model);
            if (onnx != null) {
                apart = apart(vectors, theirs.measure(i, work, onnx));
            }
        }
        if (apart != null && apart > TOLERANCE) {
            throw new IllegalStateException("vectors are " + apart + " apart");
        }
        Bench.Pair wall = new Bench.Pair(Spread.of(ours.wall), onnx == null ? null : Spread.of(theirs.wall));
        Bench.Pair busy = new Bench.Pair(Spread.of(ours.busy), onnx == null ? null : Spread.of(theirs.busy));
        int tokens = model.embedAll(work.texts.stream().map(TextSegment::from).toList())
                .tokenUsage()
                .inputTokenCount();
        bench.report()
                .row(
                        work.name,
                        work.texts.size(),
                        tokens,
                        wall.ours(),
                        wall.theirs(),
                        wall.ratio(),
                        wall.bestRatio(),
                        busy.ours(),
                        busy.theirs(),
                        busy.ratio(),
                        apart);
    }

    /** The largest difference of two numbers at the same place. */
    private static double apart(List<Embedding> ours, List<Embedding> theirs) {
        double most = 0;
        for (int i = 0; i < ours.size(); i++) {
            float[] a = ours.get(i).vector();
            float[] b = theirs.get(i).vector();
            for (int j = 0; j < a.length; j++) {
                most = Math.max(most, Math.abs(a[j] - b[j]));
            }
        }
        return most;
    }

    private static long processorNanos() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    private static List<Work> works(Bench bench) throws IOException {
        List<String> segments = new ArrayList<>();
        List<String> words = new ArrayList<>();
        Path docs = Path.of(System.getProperty("project.root", "."), "docs");
        try (Stream<Path> pages = Files.list(docs)) {
            for (Path page :
                    pages.filter(p -> p.toString().endsWith(".md")).sorted().toList()) {
                String text = Files.readString(page);
                DocumentSplitters.recursive(SEGMENT_CHARACTERS, OVERLAP_CHARACTERS)
                        .split(Document.from(text))
                        .forEach(segment -> segments.add(segment.text()));
                words.addAll(Arrays.stream(text.split("\\s+"))
                        .filter(word -> word.matches("[A-Za-z]+[.,;:?]?"))
                        .toList());
            }
        }
        int sentences = bench.sizes("sentences", "100", "3")[0];
        int most = bench.sizes("segments", "303", "8")[0];
        int many = bench.sizes("texts", "10000", "20")[0];
        return List.of(
                new Work("sentences, one by one", shortTexts(words, sentences, 10, 10), true),
                new Work("segments of pages", segments.subList(0, Math.min(most, segments.size())), false),
                new Work("short texts", shortTexts(words, many, 3, 12), false));
    }

    /** Runs of words, of so many words at least and of up to so many different lengths. */
    private static List<String> shortTexts(List<String> words, int count, int least, int lengths) {
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int from = i * 5 % (words.size() - least - lengths);
            texts.add(String.join(" ", words.subList(from, from + least + i % lengths)));
        }
        return texts;
    }

    private static void record(Path file, EmbeddingModel onnx) throws IOException {
        List<float[]> vectors = RECORDED.stream()
                .map(text -> onnx.embed(text).content().vector())
                .toList();
        Files.writeString(
                file,
                new ObjectMapper()
                                .writeValueAsString(new TreeMap<>(Map.of(
                                        "source",
                                        "samples/run bench --alone --only embeddings --record FILE: LangChain4j's"
                                                + " AllMiniLmL6V2EmbeddingModel",
                                        "texts",
                                        RECORDED,
                                        "vectors",
                                        vectors)))
                        + "\n");
    }
}
