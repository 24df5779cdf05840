package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.Weights;
import java.util.Map;

/** GLM-4.7-Flash: DeepSeek-V3 with other sizes. Source: mlx-lm's {@code models/glm4_moe_lite.py}. */
public final class Glm4MoeLite {
    private Glm4MoeLite() {}

    private static ModelConfig defaults(ModelConfig c) {
        return c.withDefaults(
                "vocab_size", 154_880,
                "hidden_size", 2048,
                "intermediate_size", 10_240,
                "moe_intermediate_size", 1536,
                "num_hidden_layers", 47,
                "num_attention_heads", 20,
                "n_shared_experts", 1,
                "n_routed_experts", 64,
                "routed_scaling_factor", 1.8,
                "kv_lora_rank", 512,
                "q_lora_rank", 768,
                "qk_rope_head_dim", 64,
                "qk_nope_head_dim", 192,
                "v_head_dim", 256,
                "num_experts_per_tok", 4,
                "first_k_dense_replace", 1,
                "rms_norm_eps", 1e-5,
                "max_position_embeddings", 202_752,
                "rope_theta", 1e6);
    }

    /** The model. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        return DeepseekV3.create(defaults(c), w);
    }

    /** As DeepSeek-V3 has it. */
    public static void sanitize(ModelConfig c, Map<String, MlxArray> tensors) {
        DeepseekV3.sanitize(defaults(c), tensors);
    }
}
