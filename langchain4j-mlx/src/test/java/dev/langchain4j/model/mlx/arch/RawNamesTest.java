package dev.langchain4j.model.mlx.arch;

import static dev.langchain4j.model.mlx.arch.RawLayoutTest.check;
import static dev.langchain4j.model.mlx.arch.RawLayoutTest.unstack;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.model.ModelConfig;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** As {@link RawLayoutTest}, for hybrid models and those that attend to latent vectors. */
class RawNamesTest {

    private static void turnKernels(Map<String, MlxArray> tensors) {
        tensors.replaceAll((name, a) -> name.endsWith("conv1d.weight") ? Indexing.transpose(a, 0, 2, 1) : a);
    }

    /** {@code embed_q} and {@code unembed_out} of all attentions to {@code kv_b_proj}. */
    private static void fuseKeysAndValues(Map<String, MlxArray> tensors) {
        for (String name : List.copyOf(tensors.keySet())) {
            if (name.endsWith(".embed_q.weight")) {
                String base = name.substring(0, name.length() - "embed_q.weight".length());
                MlxArray keys = Indexing.swapAxes(tensors.remove(name), -1, -2);
                MlxArray both = Indexing.concatenate(1, keys, tensors.remove(base + "unembed_out.weight"));
                tensors.put(base + "kv_b_proj.weight", Indexing.flatten(both, 0, 1));
            }
        }
    }

    private static void replace(Map<String, MlxArray> tensors, String from, String to) {
        for (String name : List.copyOf(tensors.keySet())) {
            if (name.contains(from)) {
                tensors.put(name.replace(from, to), tensors.remove(name));
            }
        }
    }

    @Test
    void nemotronH() {
        check("nemotron_h", NemotronH::sanitize, tensors -> {
            turnKernels(tensors);
            unstack(tensors, Map.of("fc1", "up_proj", "fc2", "down_proj"));
            tensors.put("mtp.layers.0.norm.weight", tensors.get("backbone.norm_f.weight"));
        });
    }

    /** {@code gate_proj} and {@code up_proj} to {@code input_linear}. */
    private static void fuseGates(Map<String, MlxArray> tensors, String mlx, String raw, int axis) {
        for (String name : List.copyOf(tensors.keySet())) {
            if (name.endsWith(mlx + "gate_proj.weight")) {
                String base = name.substring(0, name.length() - (mlx + "gate_proj.weight").length());
                MlxArray up = tensors.remove(base + mlx + "up_proj.weight");
                tensors.put(base + raw + "input_linear.weight", Indexing.concatenate(axis, tensors.remove(name), up));
                tensors.put(base + raw + "output_linear.weight", tensors.remove(base + mlx + "down_proj.weight"));
            }
        }
    }

    @Test
    void graniteWithAndWithoutExperts() {
        check("granitemoehybrid", GraniteMoeHybrid::sanitize, tensors -> {
            turnKernels(tensors);
            fuseGates(tensors, ".block_sparse_moe.switch_mlp.", ".block_sparse_moe.", 1);
        });
        check("granitemoehybrid-v5", GraniteMoeHybrid::sanitize, tensors -> {
            turnKernels(tensors);
            fuseGates(tensors, ".mlp.", ".shared_mlp.", 0);
        });
    }

    @Test
    void multipliersOfFalconBecomePartOfTheWeights() {
        try (MlxThread thread = MlxThread.start("raw")) {
            thread.run(() -> {
                try (Scope scope = Scope.open()) {
                    ModelConfig config = new ModelConfig(JsonNodeFactory.instance.objectNode(), "config.json")
                            .withDefaults("mamba_d_ssm", 2, "mamba_n_groups", 1, "mamba_d_state", 1)
                            .withDefaults("mamba_n_heads", 1, "attention_in_multiplier", 2, "key_multiplier", 4)
                            .withDefaults("attention_out_multiplier", 8, "ssm_out_multiplier", 16)
                            .withDefaults("ssm_in_multiplier", 2, "embedding_multiplier", 3, "lm_head_multiplier", 5)
                            .withDefaults("mlp_multipliers", List.of(7, 9), "ssm_multipliers", List.of(1, 2, 3, 4, 5));
                    String name = "model.layers.0.";
                    Map<String, Float> factors = new HashMap<>();
                    factors.put("model.embed_tokens.weight", 3f);
                    factors.put("lm_head.weight", 5f);
                    factors.put(name + "self_attn.q_proj.weight", 2f);
                    factors.put(name + "self_attn.k_proj.weight", 8f);
                    factors.put(name + "self_attn.k_proj.bias", 4f);
                    factors.put(name + "self_attn.v_proj.weight", 2f);
                    factors.put(name + "self_attn.v_proj.bias", 1f);
                    factors.put(name + "self_attn.o_proj.weight", 8f);
                    factors.put(name + "mamba.out_proj.weight", 16f);
                    factors.put(name + "feed_forward.gate_proj.weight", 7f);
                    factors.put(name + "feed_forward.up_proj.weight", 1f);
                    factors.put(name + "feed_forward.down_proj.weight", 9f);
                    Map<String, MlxArray> tensors = new HashMap<>();
                    factors.keySet().forEach(key -> tensors.put(key, Indexing.ones(DType.FLOAT32, 2, 2)));
                    tensors.put(name + "mamba.in_proj.weight", Indexing.ones(DType.FLOAT32, 7, 1));
                    tensors.put(name + "mamba.in_proj.bias", Indexing.ones(DType.FLOAT32, 7));
                    tensors.put(name + "mamba.conv1d.weight", Indexing.ones(DType.FLOAT32, 4, 1, 3));
                    FalconH1.sanitize(config, tensors);
                    factors.forEach((key, factor) ->
                            assertThat(tensors.get(key).toFloats()).as(key).containsOnly(factor));
                    assertThat(tensors.get(name + "mamba.in_proj.weight").toFloats())
                            .containsExactly(2, 2, 4, 4, 6, 8, 10);
                    assertThat(tensors.get(name + "mamba.in_proj.bias").toFloats())
                            .containsExactly(1, 1, 2, 2, 3, 4, 5);
                    assertThat(tensors.get(name + "mamba.conv1d.weight").shape())
                            .containsExactly(4, 3, 1);
                    FalconH1.sanitize(config, tensors);
                    assertThat(tensors.get("lm_head.weight").toFloats())
                            .as("a folder that was converted stays")
                            .containsOnly(5);
                }
            });
        }
    }

    @Test
    void latentVectors() {
        check("deepseek_v2", DeepseekV2::sanitize, tensors -> unstack(tensors, Map.of()));
        check("glm4_moe_lite", Glm4MoeLite::sanitize, tensors -> {
            unstack(tensors, Map.of());
            fuseKeysAndValues(tensors);
            tensors.put("model.layers.2.eh_proj.weight", tensors.get("model.norm.weight"));
        });
        check("deepseek_v32", DeepseekV3::sanitize, tensors -> {
            unstack(tensors, Map.of());
            fuseKeysAndValues(tensors);
        });
        check("longcat_flash", LongcatFlash::sanitize, tensors -> {
            unstack(tensors, Map.of());
            fuseKeysAndValues(tensors);
            tensors.put("model.mtp.norm.weight", tensors.get("model.norm.weight"));
        });
    }

    @Test
    void kimiLinear() {
        check("kimi_linear", KimiLinear::sanitize, tensors -> {
            for (String letter : List.of("q", "k", "v")) {
                replace(tensors, "." + letter + "_conv.conv.weight", "." + letter + "_conv1d.weight");
            }
            turnKernels(tensors);
            unstack(tensors, Map.of("gate_proj", "w1", "down_proj", "w2", "up_proj", "w3"));
            replace(tensors, ".mlp.e_score_", ".mlp.gate.e_score_");
            for (int layer = 1; layer < 3; layer++) {
                replace(tensors, "layers." + layer + ".mlp.", "layers." + layer + ".block_sparse_moe.");
            }
            fuseKeysAndValues(tensors);
            tensors.put("model.mtp.norm.weight", tensors.get("model.norm.weight"));
        });
    }

    @Test
    void step3p5() {
        check("step3p5", Step3p5::sanitize, tensors -> {
            replace(tensors, ".mlp.switch_mlp.", ".moe.");
            replace(tensors, ".mlp.gate.gate.", ".moe.gate.");
            replace(tensors, ".mlp.gate.router_bias", ".moe.router_bias");
            replace(tensors, ".mlp.share_expert.", ".share_expert.");
            tensors.replaceAll((name, a) -> name.endsWith("norm.weight") ? Ops.add(a, -1) : a);
            tensors.put("model.layers.3.eh_proj.weight", tensors.get("model.norm.weight"));
        });
    }

    @Test
    void laguna() {
        check("laguna", Laguna::sanitize, tensors -> {
            unstack(tensors, Map.of());
            replace(tensors, ".mlp.gate.proj.weight", ".mlp.gate.weight");
            replace(tensors, ".mlp.gate.e_score_", ".mlp.experts.e_score_");
            replace(tensors, "model.", "language_model.model.");
        });
    }

    @Test
    void gemma3n() {
        check("gemma3n", Gemma3n::sanitize, tensors -> {
            tensors.put("model.vision_tower.a.weight", tensors.get("model.language_model.norm.weight"));
            tensors.put("model.embed_audio.b.weight", tensors.get("model.language_model.norm.weight"));
        });
    }
}
