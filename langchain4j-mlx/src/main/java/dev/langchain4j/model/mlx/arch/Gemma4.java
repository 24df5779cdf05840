package dev.langchain4j.model.mlx.arch;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.TextPart;
import dev.langchain4j.model.mlx.model.Weights;
import java.util.Map;

/**
 * Gemma 4 in a folder that sees and hears too, of which the text part works. Source: mlx-lm's {@code models/gemma4.py}.
 */
public final class Gemma4 {
    private Gemma4() {}

    /** The config of the text part. The number of tokens stands outside of it. */
    private static ModelConfig text(ModelConfig c) {
        ObjectNode text = TextPart.jsonOrEmpty(c);
        text.put("vocab_size", c.count("vocab_size", 262_144));
        return TextPart.config(c, text);
    }

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        return Gemma4Text.create(text(c), w);
    }

    /** Keeps the text part. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        TextPart.unwrap(c, tensors);
        Gemma4Text.sanitize(text(c), tensors);
    }
}
