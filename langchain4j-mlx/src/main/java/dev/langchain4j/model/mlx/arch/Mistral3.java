package dev.langchain4j.model.mlx.arch;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.TextPart;
import dev.langchain4j.model.mlx.model.Weights;
import java.util.Map;

/**
 * Mistral Small 3, Ministral 3 and Pixtral, in folders with a vision tower. Source: mlx-lm's
 * {@code models/mistral3.py}.
 */
public final class Mistral3 {
    private Mistral3() {}

    private static ModelConfig text(ModelConfig c) {
        ObjectNode text = TextPart.json(c);
        if (!text.has("tie_word_embeddings")) {
            text.put("tie_word_embeddings", false);
        }
        return TextPart.config(c, text);
    }

    /** The model: {@code ministral3} if text_config says so, else Llama. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        ModelConfig text = text(c);
        String type = text.text("model_type", "mistral");
        return switch (type) {
            case "ministral3" -> Ministral3.create(text, w);
            case "mistral", "llama" -> Llama.llama(text, w);
            default -> throw text.invalid("model_type", type, "must be mistral, llama or ministral3");
        };
    }

    /** Keeps the text part, without a copy of the embedding where that is the head. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        TextPart.unwrap(c, tensors);
        Ministral3.sanitize(c, tensors);
        if (text(c).flag("tie_word_embeddings", false)) {
            tensors.keySet().removeIf(name -> name.startsWith("lm_head."));
        }
    }
}
