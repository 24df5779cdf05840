package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.model.mlx.testing.DemoModel;
import org.junit.jupiter.api.Test;

/** Earlier names of builder parameters still do what the new ones do. */
@SuppressWarnings("deprecation")
class DeprecatedNamesTest {
    @Test
    void pathIsModelPath() {
        assertThat(MlxModel.builder().path(DemoModel.folder()).estimate().weightBytes())
                .isEqualTo(MlxModel.builder()
                        .modelPath(DemoModel.folder())
                        .estimate()
                        .weightBytes());
    }

    @Test
    void batchSizeIsMaxSegmentsPerBatch() {
        assertThatThrownBy(() -> MlxEmbeddingModel.builder()
                        .modelPath(DemoModel.folder())
                        .batchSize(0)
                        .build())
                .hasMessageContaining("maxSegmentsPerBatch (0)");
    }
}
