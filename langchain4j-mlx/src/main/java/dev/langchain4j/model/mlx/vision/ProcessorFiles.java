package dev.langchain4j.model.mlx.vision;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.mlx.image.Resampler;
import dev.langchain4j.model.mlx.model.JsonFiles;
import dev.langchain4j.model.mlx.model.ModelConfig;
import java.nio.file.Path;

/**
 * What a folder says of the preparation of pictures.
 *
 * @param image settings of the image processor: the section image_processor of processor_config.json, else
 *     preprocessor_config.json
 * @param processor processor_config.json: what concerns the prompt
 * @param tokenizer tokenizer_config.json: the texts of special tokens
 * @param config config.json
 * @param vision its vision_config
 */
record ProcessorFiles(
        ModelConfig image, ModelConfig processor, ModelConfig tokenizer, ModelConfig config, ModelConfig vision) {
    private static final int BLOCK_MAX = 4096;

    static ProcessorFiles of(Path folder, ModelConfig config) {
        ModelConfig processor = JsonFiles.optional(folder.resolve("processor_config.json"));
        ModelConfig image = processor.has("image_processor")
                ? processor.section("image_processor")
                : JsonFiles.optional(folder.resolve("preprocessor_config.json"));
        ModelConfig tokenizer = JsonFiles.optional(folder.resolve("tokenizer_config.json"));
        return new ProcessorFiles(image, processor, tokenizer, config, config.section("vision_config"));
    }

    /** The side of what becomes one token, in pixels: patches times how many of them are put together. */
    int block(int patch, int merged) {
        if ((long) patch * merged > BLOCK_MAX) {
            throw image.invalid("patch_size", patch, "times " + merged + " must be at most " + BLOCK_MAX);
        }
        return patch * merged;
    }

    /** The token whose positions receive features. */
    int imageToken(int otherwise) {
        return config.count("image_token_id", config.count("image_token_index", otherwise));
    }

    /** The text of a special token that the tokenizer has under a name. */
    String token(String name, String otherwise) {
        for (JsonNode place : new JsonNode[] {tokenizer.json().path("extra_special_tokens"), tokenizer.json()}) {
            JsonNode value = place.path(name);
            String text = value.isObject() ? value.path("content").asText("") : value.asText("");
            if (!text.isEmpty()) {
                return text;
            }
        }
        return otherwise;
    }

    Resampler resampler(Resampler otherwise) {
        if (!image.has("resample")) {
            return otherwise;
        }
        int code = image.integer("resample");
        try {
            return Resampler.ofCode(code);
        } catch (IllegalArgumentException e) {
            throw image.invalid("resample", code, "must be from 1 to 5, a filter of Pillow's");
        }
    }

    /** A count in an object of the image processor's settings, such as size. */
    int side(String object, String name, int otherwise) {
        return image.has(object) && image.json().get(object).isObject()
                ? image.section(object).count(name, otherwise)
                : image.count(object, otherwise);
    }
}
