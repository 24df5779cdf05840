package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.embedding.request.EmbeddingInput;
import dev.langchain4j.model.embedding.request.EmbeddingInputType;
import dev.langchain4j.model.embedding.request.EmbeddingRequest;
import dev.langchain4j.model.embedding.response.EmbeddingResponse;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Vectors of folders against those that a reference computed; {@code scripts/make_embeddings.py} made both. */
class MlxEmbeddingModelTest {
    private static final float TOLERANCE = 1e-4f;

    private long handlesBefore;

    @BeforeEach
    void count() {
        handlesBefore = LiveHandles.count();
    }

    @AfterEach
    void nothingIsLeft() {
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
    }

    static List<Path> folders() throws IOException {
        try (Stream<Path> folders = Files.list(Goldens.own("embeddings"))) {
            return folders.filter(Files::isDirectory).sorted().toList();
        }
    }

    private static Path folder(String name) {
        return Goldens.own("embeddings").resolve(name);
    }

    private static JsonNode expected(Path folder) throws IOException {
        return new ObjectMapper().readTree(folder.resolve("expected.json").toFile());
    }

    private static List<String> texts(JsonNode expected) {
        List<String> texts = new ArrayList<>();
        expected.path("texts").forEach(text -> texts.add(text.asText()));
        return texts;
    }

    private static EmbeddingRequest request(List<String> texts, EmbeddingInputType type, Integer dimensions) {
        return EmbeddingRequest.builder()
                .inputs(texts.stream().map(EmbeddingInput::from).toList())
                .inputType(type)
                .dimensions(dimensions)
                .build();
    }

    private static void assertVectors(List<Embedding> actual, JsonNode expected) {
        assertThat(actual).hasSize(expected.size());
        for (int i = 0; i < actual.size(); i++) {
            float[] vector = actual.get(i).vector();
            assertThat(vector).hasSize(expected.get(i).size());
            for (int j = 0; j < vector.length; j++) {
                assertThat(vector[j])
                        .as("text %d, dimension %d", i, j)
                        .isCloseTo((float) expected.get(i).get(j).asDouble(), within(TOLERANCE));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("folders")
    void vectorsAreThoseOfTheReference(Path folder) throws IOException {
        JsonNode expected = expected(folder);
        List<String> texts = texts(expected);
        for (int batchSize : new int[] {1, 4, 32}) {
            try (MlxEmbeddingModel model = MlxEmbeddingModel.builder()
                    .modelPath(folder)
                    .maxSegmentsPerBatch(batchSize)
                    .build()) {
                EmbeddingResponse response = model.embed(request(texts, null, null));
                assertVectors(response.embeddings(), expected.path("vectors"));
                assertThat(response.tokenUsage().inputTokenCount())
                        .isEqualTo(expected.path("tokens").asInt());
                assertThat(response.modelName()).isEqualTo(folder.getFileName().toString());
                assertThat(model.dimension())
                        .isEqualTo(expected.path("vectors").get(0).size());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("folders")
    void queriesAndDocumentsHaveTheirPrompts(Path folder) throws IOException {
        JsonNode expected = expected(folder);
        String documents = expected.has("passage") ? "passage" : "document";
        try (MlxEmbeddingModel model =
                MlxEmbeddingModel.builder().modelPath(folder).build()) {
            EmbeddingRequest query = request(texts(expected), EmbeddingInputType.QUERY, null);
            if (!expected.has("query")) {
                assertThatThrownBy(() -> model.embed(query)).isInstanceOf(UnsupportedFeatureException.class);
                return;
            }
            assertVectors(model.embed(query).embeddings(), expected.path("query"));
            EmbeddingRequest document = request(texts(expected), EmbeddingInputType.DOCUMENT, null);
            assertVectors(model.embed(document).embeddings(), expected.path(documents));
        }
    }

    @Test
    void promptsOfTheBuilderWin() throws IOException {
        Path folder = folder("roberta-cls");
        JsonNode expected = expected(folder);
        try (MlxEmbeddingModel model = MlxEmbeddingModel.builder()
                .modelPath(folder)
                .queryPrompt("passage: ")
                .documentPrompt("query: ")
                .build()) {
            EmbeddingRequest query = request(texts(expected), EmbeddingInputType.QUERY, null);
            assertVectors(model.embed(query).embeddings(), expected.path("passage"));
        }
    }

    @Test
    void aTextThatIsTooLongLosesItsEndAndKeepsItsSpecialTokens() {
        try (MlxEmbeddingModel model = MlxEmbeddingModel.builder()
                .modelPath(folder("bert-mean"))
                .maxLength(5)
                .build()) {
            List<Embedding> both = model.embedAll(List.of(
                            TextSegment.from("the cat sat on the mat and on the dog"), TextSegment.from("the cat sat")))
                    .content();
            assertThat(both.get(0).vector()).containsExactly(both.get(1).vector(), within(TOLERANCE));
        }
    }

    @Test
    void dimensionsCutTheVectorAndKeepItsLength() {
        try (MlxEmbeddingModel model =
                MlxEmbeddingModel.builder().modelPath(folder("qwen3-last")).build()) {
            float[] whole = model.embed("weather in Porto").content().vector();
            float[] cut = model.embed(request(List.of("weather in Porto"), null, 8))
                    .embeddings()
                    .getFirst()
                    .vector();
            double length = 0;
            for (int i = 0; i < 8; i++) {
                length += whole[i] * whole[i];
            }
            for (int i = 0; i < 8; i++) {
                assertThat(cut[i]).isCloseTo((float) (whole[i] / Math.sqrt(length)), within(TOLERANCE));
            }
            assertThatThrownBy(() -> model.embed(request(List.of("a"), null, 33)))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContaining("dimensions (33) must be from 1 to 32");
        }
    }

    @Test
    void aFolderThatSaysNothingIsPooledByItsKind(@TempDir Path copy) throws IOException {
        for (String name : List.of("config.json", "tokenizer.json", "model.safetensors")) {
            Files.copy(folder("qwen3-last").resolve(name), copy.resolve(name), StandardCopyOption.REPLACE_EXISTING);
        }
        JsonNode expected = expected(folder("qwen3-last"));
        try (MlxEmbeddingModel model =
                MlxEmbeddingModel.builder().modelPath(copy).build()) {
            assertVectors(model.embed(request(texts(expected), null, null)).embeddings(), expected.path("vectors"));
        }
    }

    @Test
    void manyThreadsShareAModel() throws Exception {
        JsonNode expected = expected(folder("bert-mean"));
        List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
        try (MlxEmbeddingModel model =
                MlxEmbeddingModel.builder().modelPath(folder("bert-mean")).build()) {
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                threads.add(Thread.ofVirtual().start(() -> {
                    try {
                        assertVectors(
                                model.embed(request(texts(expected), null, null))
                                        .embeddings(),
                                expected.path("vectors"));
                    } catch (Throwable e) {
                        failures.add(e);
                    }
                }));
            }
            for (Thread thread : threads) {
                thread.join();
            }
        }
        assertThat(failures).isEmpty();
    }

    @Test
    void aClosedModelSaysSo() {
        MlxEmbeddingModel model =
                MlxEmbeddingModel.builder().modelPath(folder("bert-mean")).build();
        model.close();
        model.close();
        assertThatThrownBy(() -> model.embed("a"))
                .isInstanceOf(NonRetriableException.class)
                .hasMessageContaining("is closed");
    }

    @Test
    void badSettingsAndFoldersAreRefused(@TempDir Path copy) throws IOException {
        assertThatThrownBy(() -> MlxEmbeddingModel.builder().build())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessage("modelPath (null) or modelName (null) must be set, and only one of them");
        for (int length : new int[] {0, 2, 41}) {
            assertThatThrownBy(() -> MlxEmbeddingModel.builder()
                            .modelPath(folder("bert-mean"))
                            .maxLength(length)
                            .build())
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageStartingWith("maxLength (" + length + ") must ");
        }
        for (String name : List.of("config.json", "tokenizer.json", "model.safetensors")) {
            Files.copy(folder("bert-mean").resolve(name), copy.resolve(name), StandardCopyOption.REPLACE_EXISTING);
        }
        Files.writeString(
                copy.resolve("modules.json"),
                "[{\"type\":\"sentence_transformers.models.Dense\",\"path\":\"2_Dense\"}]");
        assertThatThrownBy(() -> MlxEmbeddingModel.builder().modelPath(copy).build())
                .isInstanceOf(UnsupportedFeatureException.class)
                .hasMessageContaining("the module sentence_transformers.models.Dense, which is not supported");
        Files.writeString(copy.resolve("modules.json"), "[{\"type\":\"x.Pooling\",\"path\":\"../1_Pooling\"}]");
        assertThatThrownBy(() -> MlxEmbeddingModel.builder().modelPath(copy).build())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("outside of the model folder");
    }
}
