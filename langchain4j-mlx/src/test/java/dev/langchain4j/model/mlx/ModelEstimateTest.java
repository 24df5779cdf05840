package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.kv.KvFormat;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is said of a model before it is loaded is what it takes when it is. */
class ModelEstimateTest {
    private static final int TOKENS = 700;

    static Stream<String> folders() throws Exception {
        return Goldens.modelsByLayers().stream();
    }

    @ParameterizedTest
    @MethodSource("folders")
    void layersTakeWhatWasSaid(String name) {
        long handles = LiveHandles.count();
        Path folder = Goldens.folder("models").resolve(name);
        try (MlxThread thread = MlxThread.start("estimate")) {
            thread.run(() -> {
                long active = MlxMemory.activeBytes();
                MlxMemory.resetPeak();
                ModelLoader.Memory said = ModelLoader.measure(folder, ModelFolder.config(folder), null, KvFormat.PLAIN);
                assertThat(MlxMemory.peakBytes() - active).as("bytes to say it").isLessThan(1 << 20);
                try (Scope scope = Scope.open()) {
                    ModelLoader.Loaded loaded = ModelLoader.load(folder, null);
                    assertThat(said.weightBytes()).isEqualTo(loaded.weights().bytes());
                    List<LayerCache> layers = loaded.model().newLayers();
                    layers.forEach(layer -> layer.reserve(TOKENS));
                    for (int at = 0; at < TOKENS; at += 100) {
                        Eval.eval(loaded.model().forward(MlxArray.of(new int[100], 1, 100), layers));
                    }
                    long bytes = layers.stream().mapToLong(LayerCache::bytes).sum();
                    long whole = said.fixedBytes() + said.bytesPerToken() * 768;
                    assertThat(bytes).isPositive().isLessThanOrEqualTo(whole);
                    if (said.fixedBytes() == 0) {
                        assertThat(bytes).isEqualTo(whole);
                    }
                    layers.forEach(LayerCache::close);
                    loaded.weights().close();
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    @Test
    void aBuildersSettingsCount() {
        MlxModel.Builder builder = MlxModel.builder().modelPath(DemoModel.folder());
        MlxModelEstimate plain = builder.estimate();
        MlxModelEstimate packed = MlxModel.builder()
                .modelPath(DemoModel.folder())
                .kvBits(4)
                .kvGroupSize(32)
                .contextLength(1000)
                .name("small")
                .estimate();
        try (MlxModel mlx = builder.build()) {
            assertThat(plain.weightBytes()).isEqualTo(mlx.weightBytes());
            assertThat(plain.contextLength()).isEqualTo(mlx.contextLength());
            assertThat(plain.name()).isEqualTo(mlx.name());
        }
        assertThat(packed.kvBytesPerToken()).isLessThan(plain.kvBytesPerToken() / 4);
        assertThat(packed.name()).isEqualTo("small");
        assertThat(packed.contextLength()).isEqualTo(1000);
        assertThat(plain.kvBytes(1000)).isEqualTo(1000 * plain.kvBytesPerToken());
        assertThat(plain.toString()).contains("weights", "a token", "it fits, and so does its context");
        assertThatThrownBy(
                        () -> MlxModel.builder().modelPath(Path.of("nowhere")).estimate())
                .isInstanceOf(ModelNotFoundException.class);
    }

    @Test
    void aFolderThatContradictsItselfIsRefusedAndLeavesNothing(@TempDir Path broken) throws IOException {
        long handles = LiveHandles.count();
        try (Stream<Path> files = Files.list(DemoModel.folder())) {
            for (Path file : files.toList()) {
                Files.copy(file, broken.resolve(file.getFileName()));
            }
        }
        Path config = broken.resolve("config.json");
        Files.writeString(
                config,
                Files.readString(config).replaceFirst("\"num_hidden_layers\": *\\d+", "\"num_hidden_layers\": 99"));
        assertThatThrownBy(() -> MlxModel.builder().modelPath(broken).estimate())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("have no tensor");
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    @Test
    void numbersFollowFromOneAnother() {
        MlxModelEstimate tight = new MlxModelEstimate("m", 900 << 20, 1 << 20, 10 << 20, 4096, 2L << 30, 512L << 20);
        assertThat(tight.fits()).isTrue();
        assertThat(tight.tokensThatFit()).isEqualTo((2048 - 512 - 900) / 2 - 10);
        assertThat(tight)
                .hasToString("m: weights 900 MiB; KV cache 1.00 MiB a token and 10.0 MiB for windows and states, "
                        + "4.01 GiB for all 4,096 tokens of the context; MLX may use at most 2.00 GiB here, of which other models"
                        + " take 512 MiB: it fits, with conversations of 308 tokens together");
        MlxModelEstimate none = new MlxModelEstimate("m", 3L << 30, 1 << 20, 0, 4096, 2L << 30, 0);
        assertThat(none.fits()).isFalse();
        assertThat(none.tokensThatFit()).isZero();
        assertThat(none.toString()).endsWith("it does not fit");
        MlxModelEstimate free = new MlxModelEstimate("m", 3L << 30, 0, 0, 4096, 0, 0);
        assertThat(free.fits()).isTrue();
        assertThat(free.tokensThatFit()).isEqualTo(Integer.MAX_VALUE);
    }

    @Test
    void aModelThatDoesNotFitIsRefusedWithItsNumbers() {
        long before = MlxMemory.setLimit(MlxMemory.weightBytes() + (1 << 20));
        try {
            assertThatThrownBy(() -> MlxModel.load(DemoModel.folder()))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContainingAll(
                            "cannot load model: weights", "a token", "does not fit", "MlxMemory.setLimit");
        } finally {
            MlxMemory.setLimit(before);
        }
    }
}
