package dev.langchain4j.model.mlx.arch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Safetensors;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.kv.KvFormat;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.model.Part;
import dev.langchain4j.model.mlx.model.Shard;
import dev.langchain4j.model.mlx.model.Stage;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.testing.RandomModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A rank reads of a folder's files what it has of the model, and not the rest. */
@EnabledOnOs(OS.LINUX)
class ShareReadingTest {
    private static final int HIDDEN = 384;
    private static final int INNER = HIDDEN;

    @TempDir
    Path folder;

    private Path model;
    private long fileBytes;

    @BeforeEach
    void writeModel() {
        model = RandomModel.write(folder.resolve("model"), "", List.of(), 7, HIDDEN, 4);
        fileBytes = ModelFolder.weightBytes(model, null);
        assertThat(bytesReadBy(() -> load(Shard.WHOLE, DType.FLOAT32)))
                .as("the whole model, and the classes that load it")
                .isGreaterThanOrEqualTo(fileBytes);
    }

    @Test
    void eachOfTwoRanksReadsAboutHalfOfTheBytes() {
        assertThat(bytesReadBy(() -> load(Shard.WHOLE, DType.FLOAT32)))
                .as("the whole model")
                .isGreaterThanOrEqualTo(fileBytes);
        for (int rank = 0; rank < 2; rank++) {
            Shard shard = shard(rank, 2);
            assertThat((double) bytesReadBy(() -> load(shard, DType.FLOAT32)) / fileBytes)
                    .as("rank " + rank)
                    .isBetween(0.5, 0.6);
        }
    }

    @Test
    void eachOfTwoRanksOfAPipelineReadsItsLayersOnly() {
        long sum = 0;
        for (int rank = 0; rank < 2; rank++) {
            Stage stage = new Stage(rank, 2, x -> x, (type, shape) -> null);
            long read = bytesReadBy(
                    () -> ModelLoader.loadStage(model, config(), DType.FLOAT32, false, null, KvFormat.PLAIN, stage));
            assertThat((double) read / fileBytes).as("rank " + rank).isBetween(0.4, 0.6);
            sum += read;
        }
        assertThat((double) sum / fileBytes).isBetween(1.0, 1.1);
    }

    @Test
    void partsThatAreReadAreThoseOfTheWholeTensor() {
        for (DType type : List.of(DType.FLOAT32, DType.FLOAT16)) {
            try (MlxThread thread = MlxThread.start("parts")) {
                thread.run(() -> {
                    try (Scope scope = Scope.open()) {
                        compareParts(type);
                    }
                });
            }
        }
    }

    private void compareParts(DType type) {
        Map<String, MlxArray> whole = Safetensors.load(model.resolve("model.safetensors"));
        String mlp = "model.layers.2.mlp.";
        MlxArray up = Ops.astype(whole.get(mlp + "up_proj.weight"), type);
        MlxArray down = Ops.astype(whole.get(mlp + "down_proj.weight"), type);
        for (int rank = 0; rank < 3; rank++) {
            try (Weights share = load(shard(rank, 3), type).weights()) {
                Part own = new Part(INNER, rank * INNER / 3, (rank + 1) * INNER / 3);
                MlxArray rows = share.get(mlp + "up_proj.weight", own.length(), HIDDEN);
                MlxArray columns = share.get(mlp + "down_proj.weight", HIDDEN, own.length());
                assertThat(rows.dtype()).isEqualTo(type);
                assertThat(rows.toFloats()).isEqualTo(own.of(up, 0).toFloats());
                assertThat(columns.toFloats()).isEqualTo(own.of(down, 1).toFloats());
            }
        }
    }

    /**
     * Whatever a folder keeps otherwise than layers ask for it: each of two ranks reads its half, and has what it reads
     * of a folder where nothing is rearranged.
     */
    @ParameterizedTest
    @MethodSource("dev.langchain4j.model.mlx.arch.RawModels#names")
    void halfOfARawFolderIsReadToo(String name) {
        model = RawModels.write(folder.resolve("raw"), name);
        fileBytes = ModelFolder.weightBytes(model, null);
        for (int rank = 0; rank < 2; rank++) {
            Shard shard = shard(rank, 2);
            assertThat((double) bytesReadBy(() -> load(shard, DType.FLOAT32)) / fileBytes)
                    .as(name + ", rank " + rank)
                    .isBetween(0.5, 0.6);
        }
        Path converted = RawModels.convert(model, folder.resolve("converted"));
        for (int ranks = 2; ranks <= 3; ranks++) {
            for (int rank = 0; rank < ranks; rank++) {
                Shard shard = shard(rank, ranks);
                assertThat(logits(model, shard)).as(name + ", " + shard).isEqualTo(logits(converted, shard));
            }
        }
    }

    /** Quantized matrices that are to become plain ones: three ranks part groups of columns. */
    @Test
    void halfOfWhatIsExpandedIsRead() {
        model = RawModels.write(folder.resolve("raw"), "qwen3_moe-q4");
        fileBytes = ModelFolder.weightBytes(model, null);
        for (int rank = 0; rank < 2; rank++) {
            Shard shard = shard(rank, 2);
            assertThat((double) bytesReadBy(() -> loadExpanded(shard)) / fileBytes)
                    .as("rank " + rank)
                    .isBetween(0.5, 0.65);
        }
        try (MlxThread thread = MlxThread.start("parts")) {
            thread.run(() -> {
                for (int rank = 0; rank < 3; rank++) {
                    try (Scope scope = Scope.open();
                            Weights whole = loadExpanded(Shard.WHOLE).weights();
                            Weights share = loadExpanded(shard(rank, 3)).weights()) {
                        String down = "model.layers.2.mlp.switch_mlp.down_proj.weight";
                        Part own = shard(rank, 3).of(2048, 1);
                        assertThat(share.get(down, 6, 256, own.length()).toFloats())
                                .isEqualTo(
                                        own.of(whole.get(down, 6, 256, 2048), 2).toFloats());
                    }
                }
            });
        }
    }

    private ModelLoader.Loaded loadExpanded(Shard shard) {
        return ModelLoader.loadShare(model, config(), DType.FLOAT32, true, null, shard);
    }

    private static float[] logits(Path model, Shard shard) {
        try (MlxThread thread = MlxThread.start("share")) {
            return thread.call(() -> {
                ModelLoader.Loaded share =
                        ModelLoader.loadShare(model, ModelFolder.config(model), DType.FLOAT32, false, null, shard);
                List<LayerCache> layers = share.model().newLayers();
                try (Weights weights = share.weights();
                        Scope scope = Scope.open()) {
                    float[] all = share.model()
                            .logits(share.model().forward(RawModels.tokens(), layers))
                            .toFloats();
                    layers.forEach(LayerCache::close);
                    assertThat(all).isNotEmpty().doesNotContain(Float.NaN);
                    return all;
                }
            });
        }
    }

    /** What this process asks the system to read while something is loaded. */
    private static long bytesReadBy(Supplier<ModelLoader.Loaded> loading) {
        try (MlxThread thread = MlxThread.start("share")) {
            return thread.call(() -> {
                long before = bytesRead();
                ModelLoader.Loaded loaded = loading.get();
                long after = bytesRead();
                loaded.weights().close();
                return after - before;
            });
        }
    }

    private ModelLoader.Loaded load(Shard shard, DType type) {
        return ModelLoader.loadShare(model, config(), type, false, null, shard);
    }

    private ModelConfig config() {
        return ModelFolder.config(model);
    }

    /** A share of a model whose sums nobody computes. */
    private static Shard shard(int rank, int ranks) {
        return new Shard(rank, ranks, x -> x);
    }

    private static long bytesRead() {
        try {
            return Files.readAllLines(Path.of("/proc/self/io")).stream()
                    .filter(line -> line.startsWith("rchar: "))
                    .mapToLong(line -> Long.parseLong(line.substring("rchar: ".length())))
                    .findFirst()
                    .orElseThrow();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
