package dev.langchain4j.model.mlx.model;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.mlx.MlxArray;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The language model inside of a folder that also has a vision tower: its config and its tensors. */
public final class TextPart {
    private static final Logger log = LoggerFactory.getLogger(TextPart.class);
    private static final List<String> OTHERS = List.of(
            "vision_tower",
            "vision_model",
            "vision_embedder",
            "visual",
            "multi_modal_projector",
            "audio_tower",
            "embed_audio",
            "embed_vision");

    private TextPart() {}

    /** A copy of text_config, which the caller may complete. */
    public static ObjectNode json(ModelConfig c) {
        ModelConfig text = c.section("text_config");
        if (text == null) {
            throw c.invalid("text_config", null, "must be an object");
        }
        return text.json().deepCopy();
    }

    /** As {@link #json}, but an empty object where there is no text_config. */
    public static ObjectNode jsonOrEmpty(ModelConfig c) {
        return c.has("text_config") ? json(c) : JsonNodeFactory.instance.objectNode();
    }

    /** The config of the language model. */
    public static ModelConfig config(ModelConfig c, ObjectNode text) {
        return new ModelConfig(text, c.where() + "#text_config");
    }

    /** Drops what sees and hears, and takes the prefix off what reads and writes. */
    public static void unwrap(ModelConfig c, Map<String, MlxArray> tensors) {
        if (tensors.keySet().removeIf(TextPart::isOther)) {
            log.info("{}: images and sound are not supported; their towers are skipped, text works", c.where());
        }
        for (String name : List.copyOf(tensors.keySet())) {
            String plain = name.startsWith("model.language_model.")
                    ? "model." + name.substring("model.language_model.".length())
                    : name.startsWith("language_model.") ? name.substring("language_model.".length()) : name;
            tensors.put(plain, tensors.remove(name));
        }
    }

    static boolean isOther(String name) {
        String plain = name.startsWith("model.") ? name.substring("model.".length()) : name;
        return OTHERS.stream().anyMatch(plain::startsWith);
    }
}
