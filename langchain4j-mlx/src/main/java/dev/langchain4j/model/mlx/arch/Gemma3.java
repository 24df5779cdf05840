package dev.langchain4j.model.mlx.arch;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.TextPart;
import dev.langchain4j.model.mlx.model.Weights;
import java.util.Map;

/** Gemma 3 in a folder with a vision tower, of which the text part works. Source: mlx-lm's {@code models/gemma3.py}. */
public final class Gemma3 {
    private Gemma3() {}

    /** The model. The number of tokens stands outside of text_config, and some numbers of heads nowhere. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        ObjectNode text = TextPart.json(c);
        text.put("vocab_size", c.count("vocab_size", 262_208));
        if (!text.has("num_attention_heads")) {
            text.put("num_attention_heads", 8);
        }
        if (!text.has("num_key_value_heads")) {
            text.put("num_key_value_heads", 4);
        }
        return Gemma3Text.create(TextPart.config(c, text), w);
    }

    /** Keeps the text part. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        TextPart.unwrap(c, tensors);
    }
}
