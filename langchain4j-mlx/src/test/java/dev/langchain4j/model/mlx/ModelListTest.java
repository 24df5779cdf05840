package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.catalog.AbstractModelCatalogIT;
import dev.langchain4j.model.catalog.ModelCatalog;
import dev.langchain4j.model.catalog.ModelDescription;
import dev.langchain4j.model.catalog.ModelType;
import dev.langchain4j.model.mlx.hub.HuggingFaceHub;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The models of a cache in which all is found that programs and people leave there. */
class ModelListTest extends AbstractModelCatalogIT {
    private static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    @TempDir
    Path cache;

    @BeforeEach
    void someModels() throws IOException {
        copy(snapshot("acme", "Demo", "main"), DemoModel.folder());
        Path eight = snapshot("acme", "Demo-Eight", "v1.0");
        copy(eight, Goldens.own("models/qwen3-q8"));
        Files.copy(DemoModel.folder().resolve("tokenizer.json"), eight.resolve("tokenizer.json"));
    }

    private Path snapshot(String owner, String name, String ref) throws IOException {
        Path repository = cache.resolve("models--" + owner + "--" + name);
        if (ref != null) {
            Path file = repository.resolve("refs").resolve(ref);
            Files.createDirectories(file.getParent());
            Files.writeString(file, COMMIT);
        }
        return Files.createDirectories(repository.resolve("snapshots").resolve(COMMIT));
    }

    private static void copy(Path snapshot, Path model) throws IOException {
        try (Stream<Path> files = Files.list(model)) {
            for (Path file : files.toList()) {
                Files.copy(file, snapshot.resolve(file.getFileName()));
            }
        }
    }

    private HuggingFaceHub hub() {
        return HuggingFaceHub.builder().cacheFolder(cache).build();
    }

    private Map<String, MlxCachedModel> listed() {
        return MlxModel.list(hub()).stream().collect(Collectors.toMap(MlxCachedModel::name, Function.identity()));
    }

    @Override
    protected ModelCatalog createModelCatalog() {
        return new MlxModelCatalog(hub());
    }

    @Override
    protected ModelProvider expectedProvider() {
        return ModelProvider.OTHER;
    }

    @Test
    void whatCanBeLoadedIsListedWithWhatItIs() throws IOException {
        Map<String, MlxCachedModel> models = listed();
        assertThat(models).containsOnlyKeys("acme/Demo", "acme/Demo-Eight@v1.0");
        MlxCachedModel demo = models.get("acme/Demo");
        assertThat(demo)
                .extracting(
                        MlxCachedModel::type, MlxCachedModel::modelType, MlxCachedModel::fits, MlxCachedModel::problem)
                .containsExactly(ModelType.CHAT, "qwen3", true, "");
        long bytes = 0;
        try (Stream<Path> files = Files.list(DemoModel.folder())) {
            for (Path file : files.toList()) {
                bytes += Files.size(file);
            }
        }
        assertThat(demo.bytes()).isEqualTo(bytes);
        try (MlxModel mlx = MlxModel.builder()
                .modelName(demo.name())
                .hub(HuggingFaceHub.builder().cacheFolder(cache).offline(true).build())
                .build()) {
            assertThat(mlx.weightBytes()).isEqualTo(demo.weightBytes());
            assertThat(mlx.contextLength()).isEqualTo(demo.contextLength());
        }
        assertThat(models.get("acme/Demo-Eight@v1.0").quantization()).startsWith("affine 8 bits, groups of ");
    }

    @Test
    void whatIsBrokenHasAProblemAndHarmsNoOther() throws IOException {
        Files.writeString(snapshot("bad", "json", "main").resolve("config.json"), "{\"model_type\": ");
        Files.writeString(snapshot("bad", "shapeless", "main").resolve("config.json"), "[1, 2]");
        Path unknown = snapshot("bad", "unknown", "main");
        copy(unknown, DemoModel.folder());
        Files.delete(unknown.resolve("config.json"));
        Files.writeString(unknown.resolve("config.json"), "{\"model_type\": \"never_heard_of\"}");
        Path lost = snapshot("bad", "lost", "main");
        copy(lost, DemoModel.folder());
        Files.delete(lost.resolve("model.safetensors"));
        Files.createSymbolicLink(lost.resolve("model.safetensors"), cache.resolve("deleted"));
        Path lies = snapshot("bad", "weights", "main");
        copy(lies, DemoModel.folder());
        Files.delete(lies.resolve("model.safetensors"));
        Files.writeString(lies.resolve("model.safetensors"), "no tensors");
        snapshot("bad", "empty", "main");
        Files.writeString(
                Files.createDirectories(cache.resolve("models--bad--nothing/refs"))
                        .resolve("main"),
                COMMIT);
        Files.writeString(
                Files.createDirectories(cache.resolve("models--bad--ref/refs")).resolve("main"), "\0\0");
        copy(snapshot("some", "commit", null), DemoModel.folder());
        Files.createDirectories(cache.resolve("models--"));
        Files.createDirectories(cache.resolve("datasets--some--data"));
        Files.createDirectories(cache.resolve(".locks"));
        Files.writeString(cache.resolve("version.txt"), "1");

        Map<String, MlxCachedModel> models = listed();

        assertThat(models.values().stream().filter(model -> model.problem().isEmpty()))
                .extracting(MlxCachedModel::name)
                .containsExactlyInAnyOrder("acme/Demo", "acme/Demo-Eight@v1.0", "some/commit@" + COMMIT);
        assertThat(models.get("bad/json").problem()).contains("lacks", "tokenizer.json");
        assertThat(models.get("bad/unknown").problem()).contains("never_heard_of");
        assertThat(models.get("bad/lost").problem()).contains("lacks model.safetensors");
        assertThat(models.get("bad/weights").problem()).contains("model.safetensors");
        assertThat(models.get("bad/nothing").problem()).contains("no snapshot");
        assertThat(models.keySet()).contains("bad/shapeless", "bad/empty", "bad/ref");
        assertThat(models.values().stream().filter(model -> model.name().startsWith("bad/")))
                .allSatisfy(model -> assertThat(model)
                        .extracting(MlxCachedModel::type, MlxCachedModel::fits)
                        .containsExactly(ModelType.OTHER, false));
    }

    @Test
    void aCacheThatIsNotThereHoldsNothing() {
        assertThat(MlxModel.list(HuggingFaceHub.builder()
                        .cacheFolder(cache.resolve("none"))
                        .build()))
                .isEmpty();
    }

    @Test
    void theCatalogDescribesThem() {
        List<ModelDescription> all = createModelCatalog().listModels();
        assertThat(all)
                .extracting(
                        ModelDescription::name,
                        ModelDescription::displayName,
                        ModelDescription::owner,
                        ModelDescription::type)
                .containsExactlyInAnyOrder(
                        tuple("acme/Demo", "Demo", "acme", ModelType.CHAT),
                        tuple("acme/Demo-Eight@v1.0", "Demo-Eight@v1.0", "acme", ModelType.CHAT));
        assertThat(all).allSatisfy(model -> assertThat(model.createdAt()).isNotNull());
    }
}
