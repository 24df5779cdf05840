package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Device;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.model.mlx.arch.ModelRegistry;
import dev.langchain4j.model.mlx.kv.KvFormat;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.testing.Goldens;
import org.junit.jupiter.api.Test;

/** Which models store attention scores, and how many bytes for each pair of tokens. */
class ScoreBytesTest {
    private static final KvFormat QUANTIZED = new KvFormat(8, 64, 0, 0);
    private static final String LLAMA =
            "{\"model_type\": \"llama\", \"hidden_size\": 4096, \"num_attention_heads\": 32%s}";

    private static long bytes(String json, KvFormat format, DType type) throws Exception {
        try (MlxThread thread = MlxThread.start("scores")) {
            ModelConfig config = new ModelConfig(new ObjectMapper().readTree(json), "config.json");
            return ModelSettings.chunks(512, config, format, type, thread).scoreBytes();
        }
    }

    @Test
    void fusedAttentionStoresNone() throws Exception {
        assertThat(bytes(LLAMA.formatted(""), KvFormat.PLAIN, DType.FLOAT32)).isZero();
        assertThat(bytes("{\"model_type\": \"mamba2\", \"hidden_size\": 64}", QUANTIZED, null))
                .as("no attention")
                .isZero();
    }

    @Test
    void othersStoreAScoreAndAShareForEachHead() throws Exception {
        assertThat(bytes(LLAMA.formatted(""), QUANTIZED, DType.FLOAT32)).isEqualTo(2 * 4 * 32);
        assertThat(bytes(LLAMA.formatted(""), QUANTIZED, DType.BFLOAT16)).isEqualTo(2 * 2 * 32);
        assertThat(bytes(LLAMA.formatted("").replace("llama", "kimi_k2"), KvFormat.PLAIN, DType.FLOAT32))
                .as("latent attention")
                .isEqualTo(2 * 4 * 32);
        assertThat(bytes(LLAMA.formatted("").replace("llama", "gemma2"), KvFormat.PLAIN, DType.FLOAT32))
                .as("capped scores")
                .isEqualTo(2 * 4 * 32);
        String wrapped = "{\"model_type\": \"mistral3\", \"text_config\": " + LLAMA.formatted("") + "}";
        assertThat(bytes(wrapped, QUANTIZED, DType.FLOAT32)).isEqualTo(2 * 4 * 32);
    }

    @Test
    void eachArchitectureWithLatentVectorsOrCappedScoresStoresThem() throws Exception {
        for (String model : Goldens.models()) {
            ModelConfig config = ModelFolder.config(Goldens.folder("models").resolve(model));
            assertThat(ModelRegistry.storesScores(config))
                    .as(model)
                    .isEqualTo(config.has("kv_lora_rank") || config.has("attn_logit_softcapping"));
        }
    }

    @Test
    void whatIsFusedDependsOnTheDevice() throws Exception {
        String wide = LLAMA.formatted(", \"head_dim\": 256");
        boolean cpu = Device.best() == Device.CPU;
        assertThat(bytes(wide, KvFormat.PLAIN, DType.FLOAT32)).isEqualTo(cpu ? 0 : 2 * 4 * 32);
        assertThat(bytes(LLAMA.formatted(""), KvFormat.PLAIN, DType.BFLOAT16)).isEqualTo(cpu ? 2 * 2 * 32 : 0);
    }
}
