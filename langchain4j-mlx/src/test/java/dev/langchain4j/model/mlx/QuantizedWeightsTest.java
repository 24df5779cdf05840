package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Device;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** When quantized weights are expanded, and that the memory is counted; ModelGoldenTest compares what they compute. */
class QuantizedWeightsTest {
    private static final Path QUANTIZED = Goldens.own("models").resolve("llama-q4");
    private static final Path PLAIN = Goldens.own("models").resolve("llama");

    private long handles;
    private long weightBytes;
    private MlxThread thread;

    @BeforeEach
    void start() {
        handles = LiveHandles.count();
        weightBytes = MlxMemory.weightBytes();
        thread = MlxThread.start("quantized", Device.CPU);
    }

    @AfterEach
    void close() {
        thread.close();
        assertThat(MlxMemory.weightBytes()).isEqualTo(weightBytes);
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private boolean expands(QuantizedWeights wish, Path folder, DType type) {
        return wish.expands(folder, ModelFolder.config(folder), type, thread);
    }

    @Test
    void whereItIsFasterAndThereIsRoom() {
        assertThat(expands(QuantizedWeights.AUTO, QUANTIZED, DType.FLOAT32)).isTrue();
        assertThat(expands(QuantizedWeights.AUTO, QUANTIZED, DType.BFLOAT16)).isFalse();
        assertThat(expands(QuantizedWeights.AUTO, PLAIN, DType.FLOAT32)).isFalse();
        assertThat(expands(QuantizedWeights.KEEP, QUANTIZED, DType.FLOAT32)).isFalse();
        assertThat(expands(QuantizedWeights.EXPAND, QUANTIZED, DType.BFLOAT16)).isTrue();
        assertThat(expands(QuantizedWeights.EXPAND, PLAIN, DType.FLOAT32)).isFalse();
        long limit = MlxMemory.setLimit(MlxMemory.weightBytes() + 1000);
        try {
            assertThat(expands(QuantizedWeights.AUTO, QUANTIZED, DType.FLOAT32)).isFalse();
            assertThatThrownBy(() -> thread.call(() -> load(true)))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContaining("do not fit");
        } finally {
            MlxMemory.setLimit(limit);
        }
    }

    private static ModelLoader.Loaded load(boolean expanded) {
        return ModelLoader.load(QUANTIZED, ModelFolder.config(QUANTIZED), DType.FLOAT32, expanded, null, false);
    }

    @Test
    void theEstimateIsWhatIsLoaded() {
        ModelConfig config = ModelFolder.config(QUANTIZED);
        thread.run(() -> {
            ModelLoader.Loaded kept = load(false);
            ModelLoader.Loaded expanded = load(true);
            try {
                assertThat(expanded.weights().types()).containsExactly(DType.FLOAT32);
                assertThat(expanded.weights().bytes())
                        .isEqualTo(ModelFolder.expandedBytes(QUANTIZED, config, DType.FLOAT32))
                        .isGreaterThan(kept.weights().bytes() * 3);
            } finally {
                kept.weights().close();
                expanded.weights().close();
            }
        });
    }

    @Test
    void theLogSaysIt() {
        assertThat(QuantizedWeights.describe("llama", DType.FLOAT32, true))
                .isEqualTo("llama in FLOAT32, expanded from quantized weights");
        assertThat(QuantizedWeights.describe("llama", null, false)).isEqualTo("llama");
    }
}
