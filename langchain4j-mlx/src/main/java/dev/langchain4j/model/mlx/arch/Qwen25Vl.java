package dev.langchain4j.model.mlx.arch;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.TextPart;
import dev.langchain4j.model.mlx.model.Weights;
import java.util.Map;

/**
 * {@code qwen2_5_vl}: Qwen2 in a folder with a vision tower. Older folders have the settings of the text part beside
 * vision_config, newer ones in text_config. Source: transformers' {@code models/qwen2_5_vl}.
 */
public final class Qwen25Vl {
    private static final String TIED = "tie_word_embeddings";

    private Qwen25Vl() {}

    /**
     * What text_config says, and what it does not say as it stands beside it. Either may say that embeddings are tied.
     */
    private static ModelConfig text(ModelConfig c) {
        ObjectNode text = TextPart.jsonOrEmpty(c);
        boolean tied = text.path(TIED).asBoolean() || c.flag(TIED, false);
        c.json().properties().forEach(e -> text.putIfAbsent(e.getKey(), e.getValue()));
        return new ModelConfig(text.put(TIED, tied), c.where());
    }

    /** The language model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        return Llama.qwen2(RopeParameters.withAxes(text(c), false, 16, 24, 24), w);
    }

    /** Keeps the text part, without a copy of the embedding where that is the head. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        TextPart.unwrap(c, tensors);
        if (text(c).flag(TIED)) {
            tensors.keySet().removeIf(name -> name.startsWith("lm_head."));
        }
    }
}
