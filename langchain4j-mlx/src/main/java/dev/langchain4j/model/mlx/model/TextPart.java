package dev.langchain4j.model.mlx.model;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.mlx.MlxArray;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The language model inside of a folder that also has a vision tower: its config and its tensors. */
public final class TextPart {
    private static final Logger log = LoggerFactory.getLogger(TextPart.class);
    private static final List<String> OTHERS =
            List.of("vision_tower", "vision_model", "model.visual", "multi_modal_projector");

    private TextPart() {}

    /** A copy of text_config, which the caller may complete. */
    public static ObjectNode json(ModelConfig c) {
        ModelConfig text = c.section("text_config");
        if (text == null) {
            throw c.invalid("text_config", null, "must be an object");
        }
        return text.json().deepCopy();
    }

    /** The config of the language model. */
    public static ModelConfig config(ModelConfig c, ObjectNode text) {
        return new ModelConfig(text, c.where() + "#text_config");
    }

    /** Drops what sees, and takes the prefix off what reads and writes. */
    public static void unwrap(ModelConfig c, Map<String, MlxArray> tensors) {
        if (tensors.keySet().removeIf(name -> OTHERS.stream().anyMatch(name::contains))) {
            log.info("{}: images are not supported, the vision tower is skipped", c.where());
        }
        for (String name : List.copyOf(tensors.keySet())) {
            String plain = name.startsWith("model.language_model.")
                    ? "model." + name.substring("model.language_model.".length())
                    : name.startsWith("language_model.") ? name.substring("language_model.".length()) : name;
            tensors.put(plain, tensors.remove(name));
        }
    }
}
