package dev.langchain4j.model.mlx.arch;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.TextPart;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.vision.VisionTower;
import java.util.Map;

/** Gemma 4 in a folder that sees too, and that may hear. Source: mlx-lm's {@code models/gemma4.py}. */
public final class Gemma4 {
    private Gemma4() {}

    /** The config of the text part. The number of tokens may stand outside of it. */
    private static ModelConfig text(ModelConfig c) {
        ObjectNode text = TextPart.jsonOrEmpty(c);
        if (c.has("vocab_size")) {
            text.put("vocab_size", c.count("vocab_size"));
        }
        return TextPart.config(c, text).withDefaults("vocab_size", 262_144);
    }

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        return Gemma4Text.create(text(c), w);
    }

    /** The vision tower and its projector. */
    public static VisionTower tower(ModelConfig c, Weights w) {
        ModelConfig text = text(c);
        boolean bothWays = text.text("use_bidirectional_attention", "").equals("vision");
        return Gemma4Vision.load(c.section("vision_config"), w, text.count("hidden_size", 1536), bothWays);
    }

    /** Keeps the text part. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        TextPart.unwrap(c, tensors);
        Gemma4Text.sanitize(text(c), tensors);
    }
}
