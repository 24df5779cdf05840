package dev.langchain4j.model.mlx.arch;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.RopeParameters;
import dev.langchain4j.model.mlx.model.Weights;
import dev.langchain4j.model.mlx.nn.Indexer;
import dev.langchain4j.model.mlx.nn.LatentAttention;
import dev.langchain4j.model.mlx.nn.Rope;
import dev.langchain4j.model.mlx.nn.Ropes;

/**
 * DeepSeek-V3.2 and {@code glm_moe_dsa} (GLM-5): as DeepSeek-V3, where an indexer chooses the positions that attention
 * reads. Source: mlx-lm's {@code models/deepseek_v32.py} and {@code glm_moe_dsa.py}.
 */
public final class DeepseekV32 {
    private DeepseekV32() {}

    /** DeepSeek-V3.2. */
    public static LanguageModel create(ModelConfig c, Weights w) {
        return create(c, w, false);
    }

    /** GLM-5. */
    public static LanguageModel glmMoeDsa(ModelConfig c, Weights w) {
        return create(c, w, true);
    }

    private static LanguageModel create(ModelConfig given, Weights w, boolean interleaved) {
        ModelConfig c =
                DeepseekV3.defaults(given).withDefaults("index_head_dim", 128, "index_n_heads", 64, "index_topk", 2048);
        c.count("q_lora_rank");
        checkEachLayerChooses(c);
        Rope rope = Ropes.of(
                w,
                RopeParameters.of(c),
                c.count("qk_rope_head_dim"),
                10_000,
                c.flag("indexer_rope_interleave", interleaved));
        return DeepseekV3.create(
                c,
                w,
                (name, s, bias, turns) -> LatentAttention.load(w, name, s, bias, turns)
                        .withIndexer(Indexer.load(c, w, name + ".indexer", s.hidden(), s.queryRank(), rope)),
                name -> Glm4Moe.experts(c, w, name));
    }

    /** Later models of this family have layers that read what the one before them chose. */
    private static void checkEachLayerChooses(ModelConfig c) {
        for (String name : new String[] {"indexer_types", "index_topk_pattern"}) {
            JsonNode types = c.json().path(name);
            String text = types.toString();
            if (text.contains("shared") || text.contains("S")) {
                throw c.invalid(name, types, "must not share: each layer must have an indexer of its own");
            }
        }
        if (c.integer("index_topk_freq", 1) > 1) {
            throw c.invalid(
                    "index_topk_freq", c.integer("index_topk_freq", 1), "must be 1: each layer must have an indexer");
        }
    }
}
