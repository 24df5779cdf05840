package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.mlx.testing.RealModels;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * all-MiniLM-L6-v2 gives the vectors that LangChain4j's own in-process model of it gives; its source says how they
 * came.
 */
@EnabledIfSystemProperty(named = RealModels.PROPERTY, matches = ".+")
class RealEmbeddingTest {
    private static final float TOLERANCE = 1e-4f;

    @Test
    void vectorsAreThoseOfLangChain4jsOnnxModel() throws IOException {
        long handles = LiveHandles.count();
        JsonNode recorded = RealModels.recorded("embeddings");
        List<TextSegment> texts = new ArrayList<>();
        recorded.path("texts").forEach(text -> texts.add(TextSegment.from(text.asText())));
        try (MlxEmbeddingModel model =
                MlxEmbeddingModel.builder().modelPath(RealModels.embedding()).build()) {
            List<Embedding> together = model.embedAll(texts).content();
            for (int i = 0; i < texts.size(); i++) {
                assertVector(together.get(i), recorded.path("vectors").get(i));
                assertVector(
                        model.embed(texts.get(i)).content(),
                        recorded.path("vectors").get(i));
            }
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static void assertVector(Embedding actual, JsonNode expected) {
        assertThat(actual.dimension()).isEqualTo(expected.size());
        for (int i = 0; i < expected.size(); i++) {
            assertThat(actual.vector()[i]).isCloseTo((float) expected.get(i).asDouble(), within(TOLERANCE));
        }
    }
}
