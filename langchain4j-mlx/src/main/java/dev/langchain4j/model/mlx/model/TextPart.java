package dev.langchain4j.model.mlx.model;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.mlx.MlxArray;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The language model inside of a folder that also has a vision tower: its config and its tensors. */
public final class TextPart {
    private static final Logger log = LoggerFactory.getLogger(TextPart.class);
    private static final List<String> SEEING = List.of(
            "vision_tower",
            "vision_model",
            "vision_embedder",
            "visual.",
            "multi_modal_projector",
            "embed_vision",
            "connector");
    private static final List<String> HEARING = List.of("audio_tower", "embed_audio");
    private static final String TIED = "tie_word_embeddings";
    private static final String VISION_CONFIG = "vision_config";

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

    /**
     * A copy of text_config that says what the whole folder says of tied embeddings: some do so beside text_config,
     * some in it. Where they contradict each other, what stands beside it counts, as in transformers.
     */
    public static ObjectNode jsonWithTied(ModelConfig c) {
        ObjectNode text = json(c);
        return c.has(TIED) ? text.put(TIED, c.flag(TIED)) : text;
    }

    /** Whether config.json describes a vision tower. */
    public static boolean hasTower(ModelConfig c) {
        return c.has(VISION_CONFIG);
    }

    /** The config of the same folder without its vision tower, whose tensors are then dropped. */
    public static ModelConfig withoutTower(ModelConfig c) {
        ObjectNode text = c.json().deepCopy();
        text.remove(VISION_CONFIG);
        return new ModelConfig(text, c.where());
    }

    /**
     * Takes the tensors of the vision tower and of the projector behind it out of those of a folder. Their names lose a
     * leading {@code model.}, and {@code visual.} becomes {@code vision_tower.}.
     */
    public static Map<String, MlxArray> takeTower(Map<String, MlxArray> tensors) {
        Map<String, MlxArray> tower = new TreeMap<>();
        for (String name : List.copyOf(tensors.keySet())) {
            if (sees(name)) {
                tower.put(plain(name).replaceFirst("^visual\\.", "vision_tower."), tensors.remove(name));
            }
        }
        return tower;
    }

    /** Drops what sees and hears, and takes the prefix off what reads and writes. */
    public static void unwrap(ModelConfig c, Map<String, MlxArray> tensors) {
        Set<String> dropped = new TreeSet<>();
        for (String name : List.copyOf(tensors.keySet())) {
            if (isOther(name)) {
                dropped.add(plain(name).split("\\.", 2)[0]);
                tensors.remove(name);
            }
        }
        if (!dropped.isEmpty()) {
            log.info("{}: {} not loaded, the model reads text only", c.where(), String.join(", ", dropped));
        }
        for (String name : List.copyOf(tensors.keySet())) {
            String plain = name.startsWith("model.language_model.")
                    ? "model." + name.substring("model.language_model.".length())
                    : name.startsWith("language_model.") ? name.substring("language_model.".length()) : name;
            tensors.put(plain, tensors.remove(name));
        }
    }

    static boolean isOther(String name) {
        return sees(name) || HEARING.stream().anyMatch(plain(name)::startsWith);
    }

    static boolean sees(String name) {
        return SEEING.stream().anyMatch(plain(name)::startsWith);
    }

    private static String plain(String name) {
        return name.startsWith("model.") ? name.substring("model.".length()) : name;
    }
}
