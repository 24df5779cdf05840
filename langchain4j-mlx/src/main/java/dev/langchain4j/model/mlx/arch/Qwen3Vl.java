package dev.langchain4j.model.mlx.arch;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.TextPart;
import dev.langchain4j.model.mlx.model.Weights;
import java.util.List;
import java.util.Map;

/**
 * {@code qwen3_vl} and {@code qwen3_vl_moe}: Qwen3 in a folder with a vision tower, of which the text part works. Source:
 * mlx-lm's {@code models/qwen3_vl.py} and {@code models/qwen3_vl_moe.py}.
 */
public final class Qwen3Vl {
    private static final String TIED = "tie_word_embeddings";
    private static final String BOTH = ".experts.gate_up_proj";

    private Qwen3Vl() {}

    /** The text part's config: text_config, or all of it where the text part stands alone. */
    private static ModelConfig text(ModelConfig c) {
        if (!c.has("text_config")) {
            return c;
        }
        ObjectNode text = TextPart.json(c);
        if (!text.has(TIED)) {
            text.put(TIED, c.flag(TIED, false));
        }
        return TextPart.config(c, text);
    }

    /** The model without experts. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        return Llama.qwen3(text(c), w);
    }

    /** The model with experts. */
    public static LanguageModel createMoe(ModelConfig c, Weights w) {
        return Qwen3Moe.create(text(c), w);
    }

    /** Keeps the text part, without a copy of the embedding where that is the head. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        TextPart.unwrap(c, tensors);
        if (text(c).flag(TIED, true)) {
            tensors.keySet().removeIf(name -> name.startsWith("lm_head."));
        }
    }

    /** As {@link #sanitize}; parts the gates of experts from their values and turns them, as raw folders need it. */
    public static void sanitizeMoe(ModelConfig c, Map<String, MlxArray> tensors) {
        sanitize(c, tensors);
        Qwen3Moe.sanitize(text(c), tensors);
        for (String name : List.copyOf(tensors.keySet())) {
            if (name.endsWith(BOTH)) {
                String mlp = name.substring(0, name.length() - BOTH.length());
                MlxArray[] parts = Indexing.split(tensors.remove(name), 2, -1);
                tensors.put(mlp + ".switch_mlp.gate_proj.weight", turned(parts[0]));
                tensors.put(mlp + ".switch_mlp.up_proj.weight", turned(parts[1]));
                MlxArray down = tensors.remove(mlp + ".experts.down_proj");
                if (down != null) {
                    tensors.put(mlp + ".switch_mlp.down_proj.weight", turned(down));
                }
            }
        }
    }

    private static MlxArray turned(MlxArray matrices) {
        return Indexing.contiguous(Indexing.swapAxes(matrices, -1, -2));
    }
}
