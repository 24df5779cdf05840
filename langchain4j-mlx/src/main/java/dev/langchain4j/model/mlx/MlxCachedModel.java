package dev.langchain4j.model.mlx;

import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Device;
import dev.langchain4j.mlx.MlxException;
import dev.langchain4j.model.catalog.ModelType;
import dev.langchain4j.model.mlx.arch.ModelRegistry;
import dev.langchain4j.model.mlx.embed.TextEmbedder;
import dev.langchain4j.model.mlx.hub.CachedModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.ModelFolder;
import java.nio.file.Path;

/**
 * A model of the Hugging Face cache, described from its folder without loading it. See {@link MlxModel#list()}.
 *
 * @param name loads it: {@code owner/name}, and {@code @revision} where that is not main
 * @param folder its snapshot
 * @param bytes of its files on disk
 * @param type {@link ModelType#CHAT} for language models, which may embed or score as well; {@link ModelType#EMBEDDING}
 *     for encoders; {@link ModelType#OTHER} where there is a problem
 * @param modelType the model_type of its config.json; empty if that cannot be read
 * @param quantization how its weights are quantized, such as {@code affine 4 bits, groups of 64}, else their type, such
 *     as {@code bfloat16}; empty if unknown
 * @param contextLength maximum number of tokens of prompt and answer together; 0 if unknown
 * @param weightBytes bytes of its weights when they are loaded on this machine's device; 0 if unknown
 * @param fits whether the weights fit into this machine's memory, beside those of models that are loaded
 * @param problem why it cannot be loaded here; empty if it can be loaded
 */
public record MlxCachedModel(
        String name,
        Path folder,
        long bytes,
        ModelType type,
        String modelType,
        String quantization,
        int contextLength,
        long weightBytes,
        boolean fits,
        String problem) {

    /** What is known of a snapshot. Never throws: what is wrong with it is its problem. */
    static MlxCachedModel of(CachedModel cached) {
        String modelType = "";
        String quantization = "";
        ModelType type = ModelType.OTHER;
        int context = 0;
        long weights = 0;
        String problem = cached.problem();
        try {
            ModelConfig config = ModelFolder.config(cached.folder());
            modelType = config.modelType();
            quantization = ModelFolder.quantization(config);
            boolean encoder = TextEmbedder.isEncoder(config);
            if (!encoder) {
                ModelRegistry.check(config);
            }
            context = ContextLimit.of(config, null, null).tokens();
            if (problem.isEmpty()) {
                weights = ModelFolder.weightBytes(cached.folder(), Device.best() == Device.CPU ? DType.FLOAT32 : null);
                type = encoder ? ModelType.EMBEDDING : ModelType.CHAT;
            }
        } catch (LangChain4jException | MlxException e) {
            problem = problem.isEmpty() ? e.getMessage() : problem;
        } catch (RuntimeException e) {
            problem = problem.isEmpty() ? e.toString() : problem;
        }
        boolean fits = problem.isEmpty() && MemoryBudget.SHARED.fits(weights);
        return new MlxCachedModel(
                cached.name(),
                cached.folder(),
                cached.bytes(),
                type,
                modelType,
                quantization,
                context,
                weights,
                fits,
                problem);
    }
}
