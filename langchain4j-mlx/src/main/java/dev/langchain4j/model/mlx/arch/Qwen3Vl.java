package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.TextPart;
import dev.langchain4j.model.mlx.model.Weights;
import java.util.List;
import java.util.Map;

/**
 * {@code qwen3_vl} and {@code qwen3_vl_moe}: Qwen3 in a folder with a vision tower. Source:
 * mlx-lm's {@code models/qwen3_vl.py} and {@code models/qwen3_vl_moe.py}.
 */
public final class Qwen3Vl {
    private static final String BOTH = ".experts.gate_up_proj";

    private Qwen3Vl() {}

    /** The text part's config: text_config, or all of it where the text part stands alone. */
    private static ModelConfig text(ModelConfig c) {
        ModelConfig text = c.has("text_config") ? TextPart.config(c, TextPart.jsonWithTied(c)) : c;
        return text.withDefaults("norm_topk_prob", true, "num_experts", text.integer("num_local_experts", 0));
    }

    private static ModelConfig withAxes(ModelConfig c) {
        return RopeParameters.withAxes(text(c), true, 24, 20, 20);
    }

    /** The model without experts. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        return Llama.qwen3(withAxes(c), w);
    }

    /** The model with experts. */
    public static LanguageModel createMoe(ModelConfig c, Weights w) {
        return Qwen3Moe.create(withAxes(c), w);
    }

    /** Keeps the text part, without a copy of the embedding where that is the head. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        TextPart.unwrap(c, tensors);
        if (text(c).flag("tie_word_embeddings", false)) {
            tensors.keySet().removeIf(name -> name.startsWith("lm_head."));
        }
    }

    /** As {@link #sanitize}; parts the gates of experts from their values and turns them, as raw folders need it. */
    public static void sanitizeMoe(ModelConfig c, Map<String, MlxArray> tensors) {
        sanitize(c, tensors);
        Qwen3Moe.sanitize(text(c), tensors);
        int hidden = text(c).count("hidden_size");
        for (String name : List.copyOf(tensors.keySet())) {
            if (name.endsWith(BOTH)) {
                String mlp = name.substring(0, name.length() - BOTH.length());
                MlxArray both = tensors.remove(name);
                MlxArray down = tensors.remove(mlp + ".experts.down_proj");
                boolean turned = isTurned(both, down, hidden);
                MlxArray[] parts = Indexing.split(turned ? turned(both) : both, 2, -2);
                tensors.put(mlp + ".switch_mlp.gate_proj.weight", Indexing.contiguous(parts[0]));
                tensors.put(mlp + ".switch_mlp.up_proj.weight", Indexing.contiguous(parts[1]));
                if (down != null) {
                    tensors.put(mlp + ".switch_mlp.down_proj.weight", turned ? turned(down) : down);
                }
            }
        }
    }

    /** Released folders store the matrices of experts as [experts, in, out], those of newer transformers [out, in]. */
    private static boolean isTurned(MlxArray both, MlxArray down, int hidden) {
        return both.dim(-2) == hidden && (both.dim(-1) != hidden || down == null || down.dim(-1) == hidden);
    }

    private static MlxArray turned(MlxArray matrices) {
        return Indexing.contiguous(Indexing.swapAxes(matrices, -1, -2));
    }
}
