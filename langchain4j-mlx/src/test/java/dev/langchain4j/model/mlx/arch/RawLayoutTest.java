package dev.langchain4j.model.mlx.arch;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Quantized;
import dev.langchain4j.mlx.Safetensors;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.model.Tensors;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;

/** Folders in the layout of Hugging Face become what folders in the layout of MLX are. */
class RawLayoutTest {

    /** Brings tensors of MLX's layout into the raw one. */
    interface Undo {
        void apply(Map<String, MlxArray> tensors);
    }

    static void check(String folder, BiConsumer<ModelConfig, Map<String, MlxArray>> sanitizer, Undo undo) {
        try (MlxThread thread = MlxThread.start("raw")) {
            thread.run(() -> {
                try (Scope scope = Scope.open()) {
                    Path path = Goldens.own("models").resolve(folder);
                    Map<String, MlxArray> wanted = Safetensors.load(path.resolve("model.safetensors"));
                    Map<String, MlxArray> tensors = new HashMap<>(wanted);
                    undo.apply(tensors);
                    assertThat(tensors.keySet()).isNotEqualTo(wanted.keySet());
                    sanitizer.accept(ModelFolder.config(path), wanted);
                    sanitizer.accept(ModelFolder.config(path), tensors);
                    assertThat(tensors.keySet()).isEqualTo(wanted.keySet());
                    wanted.forEach((name, array) -> {
                        assertThat(tensors.get(name).shape()).as(name).isEqualTo(array.shape());
                        assertThat(tensors.get(name).toFloats()).as(name).isEqualTo(array.toFloats());
                    });
                }
            });
        }
    }

    /** {@code name.switch.projection} to {@code name.experts.N.projection}. */
    static void unstack(Map<String, MlxArray> tensors, Map<String, String> projections) {
        for (String name : List.copyOf(tensors.keySet())) {
            if (name.contains(".switch_mlp.")) {
                MlxArray stack = tensors.remove(name);
                for (int e = 0; e < stack.dim(0); e++) {
                    String raw = name.replace("switch_mlp", "experts." + e);
                    for (Map.Entry<String, String> p : projections.entrySet()) {
                        raw = raw.replace(p.getKey(), p.getValue());
                    }
                    tensors.put(raw, Indexing.squeeze(Indexing.slice(stack, 0, e, e + 1), 0));
                }
            }
        }
    }

    @Test
    void expertsAreStacked() {
        Map<String, String> letters = Map.of("gate_proj", "w1", "down_proj", "w2", "up_proj", "w3");
        check("mixtral", Mixtral::sanitize, tensors -> unstack(tensors, letters));
        check("phimoe", PhiMoe::sanitize, tensors -> unstack(tensors, letters));
        check("minimax_m2", MinimaxM2::sanitize, tensors -> unstack(tensors, letters));
        check("qwen3_moe", Qwen3Moe::sanitize, tensors -> unstack(tensors, Map.of()));
        check("ernie4_5_moe", Ernie45Moe::sanitize, tensors -> {
            unstack(tensors, Map.of());
            tensors.put("model.mtp_block.0.mlp.up_proj.weight", tensors.get("model.norm.weight"));
            tensors.put("model.layers.1.mlp.moe_statics.e_score_correction_bias", tensors.get("model.norm.weight"));
        });
        check("bailing_moe", BailingMoe::sanitize, tensors -> {
            unstack(tensors, Map.of());
            rename(tensors, "model.layers.1.mlp.gate.gate_proj.", "model.layers.1.mlp.gate.");
            tensors.put("model.layers.2.eh_proj.weight", tensors.get("model.norm.weight"));
        });
    }

    @Test
    void layersThatPredictSeveralTokensAheadAreDropped() {
        check("glm4_moe", Glm4Moe::sanitize, tensors -> {
            unstack(tensors, Map.of());
            tensors.put("model.layers.3.eh_proj.weight", tensors.get("model.norm.weight"));
        });
    }

    @Test
    void keysAndValuesOutOfOneMatrixAreParted() {
        check("deepseek_v3", DeepseekV3::sanitize, tensors -> {
            unstack(tensors, Map.of());
            for (int i = 0; i < 3; i++) {
                String name = "model.layers." + i + ".self_attn.";
                MlxArray keys = Indexing.swapAxes(tensors.remove(name + "embed_q.weight"), -1, -2);
                MlxArray both = Indexing.concatenate(1, keys, tensors.remove(name + "unembed_out.weight"));
                tensors.put(name + "kv_b_proj.weight", Indexing.flatten(both, 0, 1));
            }
        });
    }

    @Test
    void gateAndValuesInTurnsAreParted() {
        check("gpt_oss", GptOss::sanitize, tensors -> {
            for (int i = 0; i < 2; i++) {
                String name = "model.layers." + i + ".mlp.experts.";
                for (String part : List.of("weight", "bias")) {
                    MlxArray gate = tensors.remove(name + "gate_proj." + part);
                    MlxArray up = tensors.remove(name + "up_proj." + part);
                    MlxArray turns = Indexing.flatten(Indexing.stack(2, gate, up), 1, 2);
                    String suffix = part.equals("bias") ? "_bias" : "";
                    tensors.put(name + "gate_up_proj" + suffix, turns);
                    tensors.put(name + "down_proj" + suffix, tensors.remove(name + "down_proj." + part));
                }
            }
        });
    }

    @Test
    void packedBytesOfExpertsBecomeWords() {
        try (MlxThread thread = MlxThread.start("raw")) {
            thread.run(() -> {
                try (Scope scope = Scope.open()) {
                    byte[] packed = new byte[4 * 2 * 16];
                    for (int i = 0; i < packed.length; i++) {
                        packed[i] = (byte) i;
                    }
                    Map<String, MlxArray> tensors = new HashMap<>();
                    String name = "model.layers.0.mlp.experts.";
                    MlxArray blocks = MlxArray.of(packed, DType.UINT8, 1, 4, 2, 16);
                    tensors.put(name + "gate_up_proj_blocks", blocks);
                    tensors.put(name + "gate_up_proj_scales", MlxArray.of(new byte[8], DType.UINT8, 1, 4, 2));
                    GptOss.sanitize(ModelFolder.config(Goldens.own("models").resolve("gpt_oss")), tensors);
                    assertThat(tensors.keySet())
                            .containsExactlyInAnyOrder(
                                    name + "gate_proj.weight",
                                    name + "gate_proj.scales",
                                    name + "up_proj.weight",
                                    name + "up_proj.scales");
                    MlxArray up = tensors.get(name + "up_proj.weight");
                    assertThat(up.dtype()).isEqualTo(DType.UINT32);
                    assertThat(up.shape()).containsExactly(1, 2, 8);
                    int[] words = up.toInts();
                    assertThat(Arrays.stream(words, 0, 2)).containsExactly(0x23222120, 0x27262524);
                    assertThat(tensors.get(name + "up_proj.scales").shape()).containsExactly(1, 2, 2);
                }
            });
        }
    }

    @Test
    void kernelsOfConvolutionsAreTurned() {
        check("lfm2", Lfm2::sanitize, tensors -> {
            tensors.replaceAll((name, a) -> name.endsWith("conv.weight") ? Indexing.transpose(a, 0, 2, 1) : a);
            tensors.put("lm_head.weight", tensors.get("model.embed_tokens.weight"));
        });
    }

    @Test
    void theTextPartOfAFolderWithAVisionTowerIsKept() {
        check("gemma3_text", Gemma3::sanitize, tensors -> {
            for (String name : List.copyOf(tensors.keySet())) {
                tensors.put("language_model." + name, tensors.remove(name));
            }
            MlxArray some = tensors.get("language_model.model.norm.weight");
            tensors.put("vision_tower.encoder.weight", some);
            tensors.put("multi_modal_projector.norm.weight", some);
        });
    }

    /** {@code experts.gate_up_proj} and {@code experts.down_proj}, each one tensor for all experts. */
    static void fuse(Map<String, MlxArray> tensors, String stack, String raw) {
        for (String name : List.copyOf(tensors.keySet())) {
            if (name.endsWith(stack + ".gate_proj.weight")) {
                String base = name.substring(0, name.length() - (stack + ".gate_proj.weight").length());
                MlxArray up = tensors.remove(base + stack + ".up_proj.weight");
                tensors.put(base + raw + "gate_up_proj", Indexing.concatenate(1, tensors.remove(name), up));
                tensors.put(base + raw + "down_proj", tensors.remove(base + stack + ".down_proj.weight"));
            }
        }
    }

    static void rename(Map<String, MlxArray> tensors, String from, String to) {
        for (String name : List.copyOf(tensors.keySet())) {
            if (name.startsWith(from)) {
                tensors.put(to + name.substring(from.length()), tensors.remove(name));
            }
        }
    }

    @Test
    void gatesAndValuesOfAllExpertsAreParted() {
        check("gemma4", Gemma4::sanitize, tensors -> {
            fuse(tensors, "switch_glu", "");
            rename(tensors, "language_model.model.", "model.language_model.");
            tensors.put("model.audio_tower.weight", tensors.get("model.language_model.norm.weight"));
        });
        check("qwen3_5_moe", Qwen35Moe::sanitize, tensors -> {
            fuse(tensors, "switch_mlp", "experts.");
            rename(tensors, "language_model.model.", "model.language_model.");
            tensors.put("model.visual.weight", tensors.get("model.language_model.norm.weight"));
        });
    }

    @Test
    void gatesAndValuesOfAllExpertsArePartedAndTurned() {
        check("qwen3_vl_moe", Qwen3Vl::sanitizeMoe, tensors -> {
            fuse(tensors, "switch_mlp", "experts.");
            tensors.replaceAll((name, a) -> name.contains(".experts.") ? Indexing.swapAxes(a, -1, -2) : a);
            rename(tensors, "language_model.model.", "model.language_model.");
            rename(tensors, "language_model.lm_head.", "lm_head.");
            rename(tensors, "vision_tower.", "model.visual.");
        });
    }

    @Test
    void parametersOfActivationsBecomeNumbers() {
        try (MlxThread thread = MlxThread.start("raw")) {
            thread.run(() -> {
                try (Scope scope = Scope.open()) {
                    Map<String, MlxArray> tensors = new HashMap<>();
                    String name = "model.layers.0.mlp.act_fn.alpha_p";
                    tensors.put(name, MlxArray.of(new float[] {0.25f}, 1));
                    Apertus.sanitize(ModelFolder.config(Goldens.own("models").resolve("apertus")), tensors);
                    assertThat(tensors.get(name).shape()).isEmpty();
                    assertThat(tensors.get(name).toFloats()).containsExactly(0.25f);
                }
            });
        }
    }

    @Test
    void expertsOfLfm2GetTheirUsualNames() {
        Map<String, String> letters = Map.of("gate_proj", "w1", "down_proj", "w2", "up_proj", "w3");
        check("lfm2_moe", Lfm2Moe::sanitize, tensors -> unstack(tensors, letters));
    }

    @Test
    void eightBitFloatsAreUnpacked() {
        try (MlxThread thread = MlxThread.start("raw")) {
            thread.run(() -> {
                try (Scope scope = Scope.open()) {
                    // 0x38 is one, 0x40 two
                    byte[] bytes = new byte[130 * 2];
                    Arrays.fill(bytes, (byte) 0x38);
                    bytes[129 * 2 + 1] = 0x40;
                    Map<String, MlxArray> tensors = new HashMap<>();
                    tensors.put("a.weight", MlxArray.of(bytes, DType.UINT8, 130, 2));
                    tensors.put("a.weight_scale_inv", MlxArray.of(new float[] {3, 5}, 2, 1));
                    Tensors.dequantizeFp8Blocks(tensors);
                    assertThat(tensors.keySet()).containsExactly("a.weight");
                    float[] values = tensors.get("a.weight").toFloats();
                    assertThat(values).hasSize(260);
                    assertThat(values[0]).isEqualTo(3);
                    assertThat(values[127 * 2]).isEqualTo(3);
                    assertThat(values[128 * 2]).isEqualTo(5);
                    assertThat(values[129 * 2 + 1]).isEqualTo(10);
                }
            });
        }
    }

    @Test
    void aQuantizedMatrixOfKeysAndValuesIsPartedAndQuantizedAgain() {
        try (MlxThread thread = MlxThread.start("raw")) {
            thread.run(() -> {
                try (Scope scope = Scope.open()) {
                    ModelConfig config = new ModelConfig(JsonNodeFactory.instance.objectNode(), "config.json")
                            .withDefaults("num_hidden_layers", 1, "kv_lora_rank", 64)
                            .withDefaults("qk_nope_head_dim", 32, "v_head_dim", 32);
                    int rows = 4 * (config.count("qk_nope_head_dim") + config.count("v_head_dim"));
                    Quantized.Format format = new Quantized.Format(32, 8, "affine");
                    MlxArray whole = Indexing.ones(DType.FLOAT32, rows, config.count("kv_lora_rank"));
                    MlxArray[] parts = Quantized.quantize(whole, format);
                    Map<String, MlxArray> tensors = new HashMap<>();
                    String name = "model.layers.0.self_attn.";
                    tensors.put(name + "kv_b_proj.weight", parts[0]);
                    tensors.put(name + "kv_b_proj.scales", parts[1]);
                    tensors.put(name + "kv_b_proj.biases", parts[2]);
                    DeepseekV3.sanitize(config, tensors);
                    assertThat(tensors.keySet())
                            .contains(
                                    name + "unembed_out.weight",
                                    name + "unembed_out.scales",
                                    name + "unembed_out.biases")
                            .doesNotContain(name + "kv_b_proj.weight");
                    MlxArray out = Quantized.dequantize(
                            tensors.get(name + "unembed_out.weight"),
                            tensors.get(name + "unembed_out.scales"),
                            tensors.get(name + "unembed_out.biases"),
                            format,
                            null);
                    assertThat(out.shape())
                            .containsExactly(4, config.count("v_head_dim"), config.count("kv_lora_rank"));
                    assertThat(out.toFloats()).containsOnly(1);
                }
            });
        }
    }
}
