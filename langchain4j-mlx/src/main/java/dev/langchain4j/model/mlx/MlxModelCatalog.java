package dev.langchain4j.model.mlx;

import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.catalog.ModelCatalog;
import dev.langchain4j.model.catalog.ModelDescription;
import dev.langchain4j.model.mlx.hub.HuggingFaceHub;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;

/**
 * The models of the Hugging Face cache for LangChain4j: those of {@link MlxModel#list()} that have no problem, whether
 * they fit into memory or not. The creation time is that of the download. Thread-safe.
 */
public final class MlxModelCatalog implements ModelCatalog {
    private final HuggingFaceHub hub;

    /** Of the cache that huggingface_hub's environment variables name. */
    public MlxModelCatalog() {
        this(HuggingFaceHub.fromEnvironment());
    }

    /** Of the cache of a hub. */
    public MlxModelCatalog(HuggingFaceHub hub) {
        this.hub = hub;
    }

    @Override
    public List<ModelDescription> listModels() {
        return MlxModel.list(hub).stream()
                .filter(model -> model.problem().isEmpty())
                .map(MlxModelCatalog::description)
                .toList();
    }

    private static ModelDescription description(MlxCachedModel model) {
        int slash = model.name().indexOf('/');
        return ModelDescription.builder()
                .name(model.name())
                .displayName(model.name().substring(slash + 1))
                .owner(slash < 0 ? null : model.name().substring(0, slash))
                .description("%s, %s, %,d MB%s"
                        .formatted(
                                model.modelType(),
                                model.quantization(),
                                model.bytes() / 1_000_000,
                                model.fits() ? "" : ", does not fit into memory"))
                .provider(ModelProvider.OTHER)
                .type(model.type())
                .maxInputTokens(model.contextLength() > 0 ? model.contextLength() : null)
                .createdAt(created(model.folder()))
                .build();
    }

    private static Instant created(Path folder) {
        try {
            return Files.getLastModifiedTime(folder).toInstant();
        } catch (IOException unknown) {
            return null;
        }
    }

    @Override
    public ModelProvider provider() {
        return ModelProvider.OTHER;
    }
}
