package dev.langchain4j.model.mlx.samples.bench;

import com.sun.management.OperatingSystemMXBean;
import dev.langchain4j.data.document.Document;
import dev.langchain4j.data.document.splitter.DocumentSplitters;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.onnx.allminilml6v2.AllMiniLmL6V2EmbeddingModel;
import dev.langchain4j.model.mlx.MlxEmbeddingModel;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Ingesting this project's pages with all-MiniLM-L6-v2, beside LangChain4j's ONNX model of it. */
final class EmbeddingsSection implements Bench.Section {
    private static final String MODEL = "sentence-transformers/all-MiniLM-L6-v2";
    private static final int SEGMENTS = 303;
    private static final int SEGMENT_CHARACTERS = 500;
    private static final int OVERLAP_CHARACTERS = 50;

    @Override
    public void run(Bench bench) throws IOException {
        List<TextSegment> segments = segments(bench.smoke() ? 8 : bench.sizes("segments", "" + SEGMENTS, "8")[0]);
        int characters = segments.stream().mapToInt(s -> s.text().length()).sum();
        bench.report()
                .table(
                        "embeddings",
                        segments.size() + " segments of " + characters + " characters",
                        "model",
                        "texts at once",
                        "seconds",
                        "seconds of all processors",
                        "tokens");
        for (int batch : bench.sizes("batches", "1,8,32", "4")) {
            MlxEmbeddingModel.Builder builder = MlxEmbeddingModel.builder().batchSize(batch);
            if (bench.smoke()) {
                builder.modelPath(
                        bench.script("../../langchain4j-mlx/src/test/resources/goldens/embeddings/bert-mean"));
            } else {
                builder.modelName(bench.text("embedding-model", MODEL));
            }
            try (MlxEmbeddingModel model = builder.build()) {
                row(bench, "MlxEmbeddingModel", batch, model, segments);
            }
        }
        if (!bench.smoke()) {
            row(bench, "ONNX", null, new AllMiniLmL6V2EmbeddingModel(), segments);
        }
        bench.report().end();
    }

    private static void row(Bench bench, String name, Integer batch, EmbeddingModel model, List<TextSegment> segments) {
        int rounds = bench.rounds(3);
        double[] seconds = new double[rounds];
        double[] busy = new double[rounds];
        int tokens = 0;
        for (int i = -1; i < rounds; i++) {
            long begun = System.nanoTime();
            long used = processorNanos();
            tokens = model.embedAll(segments).tokenUsage().inputTokenCount();
            busy[Math.max(0, i)] = (processorNanos() - used) / 1e9;
            seconds[Math.max(0, i)] = (System.nanoTime() - begun) / 1e9;
        }
        bench.report().row(name, batch, Spread.of(seconds), Spread.of(busy), tokens);
    }

    private static long processorNanos() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    private static List<TextSegment> segments(int most) throws IOException {
        Path docs = Path.of(System.getProperty("project.root", "."), "docs");
        List<TextSegment> all = new ArrayList<>();
        try (Stream<Path> pages = Files.list(docs)) {
            for (Path page :
                    pages.filter(p -> p.toString().endsWith(".md")).sorted().toList()) {
                all.addAll(DocumentSplitters.recursive(SEGMENT_CHARACTERS, OVERLAP_CHARACTERS)
                        .split(Document.from(Files.readString(page))));
            }
        }
        return all.subList(0, Math.min(most, all.size()));
    }
}
