package dev.langchain4j.model.mlx.vision;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.mlx.model.ModelConfig;
import java.nio.file.Path;
import java.util.Optional;

/** Knows which family of models prepares its pictures in which way. */
public final class ImageProcessors {
    private ImageProcessors() {}

    /**
     * The processor of a model that sees; empty if its type is none of those that are known, or its config has no
     * vision_config.
     *
     * @param folder with preprocessor_config.json, processor_config.json (in either of the layouts that transformers
     *     writes) and tokenizer_config.json; what they do not say is as in transformers
     * @param config the folder's config.json
     * @throws InvalidRequestException if a setting is out of its range; the message has file, name, value and rule
     */
    public static Optional<ImageProcessor> of(Path folder, ModelConfig config) {
        if (!config.has("vision_config") || !config.has("model_type")) {
            return Optional.empty();
        }
        ProcessorFiles files = ProcessorFiles.of(folder, config);
        return switch (config.modelType()) {
            case "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe" -> Optional.of(QwenImages.of(files, 151_655));
            case "qwen3_5", "qwen3_5_moe" -> Optional.of(QwenImages.of(files, 248_056));
            case "gemma3" -> Optional.of(Gemma3Images.of(files));
            case "gemma4" -> Optional.of(Gemma4Images.of(files));
            case "mistral3", "pixtral" -> Optional.of(PixtralImages.of(files));
            case "llava" -> hasPixtralTower(files) ? Optional.of(PixtralImages.of(files)) : Optional.empty();
            case "smolvlm", "idefics3" -> Optional.of(Idefics3Images.of(files));
            default -> Optional.empty();
        };
    }

    private static boolean hasPixtralTower(ProcessorFiles files) {
        return files.vision().text("model_type", "").equals("pixtral");
    }
}
