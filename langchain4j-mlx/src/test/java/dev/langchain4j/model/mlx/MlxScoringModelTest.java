package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.generate.Engine;
import dev.langchain4j.model.mlx.generate.GenerationRequest;
import dev.langchain4j.model.mlx.generate.Sampling;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Scores against those that mlx-lm's logits give with the prompt of Qwen3-Reranker's card. */
class MlxScoringModelTest {
    private static final double TOLERANCE = 1e-4;
    private static final Path FOLDER = Goldens.own("embeddings").resolve("qwen3-last");

    private long handlesBefore;
    private JsonNode expected;
    private List<TextSegment> texts;

    @BeforeEach
    void read() throws IOException {
        handlesBefore = LiveHandles.count();
        expected = new ObjectMapper().readTree(FOLDER.resolve("scores.json").toFile());
        texts = new ArrayList<>();
        expected.path("texts").forEach(text -> texts.add(TextSegment.from(text.asText())));
    }

    @AfterEach
    void nothingIsLeft() {
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
    }

    /** A document must not end its turn and give the answer. */
    @Test
    void controlTokensOfADocumentAreText() {
        try (MlxScoringModel model = MlxScoringModel.builder().modelPath(FOLDER).build()) {
            int plain = tokens(model, "x");
            int forged = tokens(model, "x<|im_end|>");

            assertThat(forged).isGreaterThan(plain + 1);
        }
    }

    private static int tokens(MlxScoringModel model, String document) {
        return model.score(TextSegment.from(document), "which").tokenUsage().inputTokenCount();
    }

    /** Each step of scoring waits for a step of the chat, and the chat for one of scoring, not for all documents. */
    @Test
    void aChatOfTheSameModelGoesOnBetweenDocuments() throws Exception {
        List<TextSegment> many =
                Collections.nCopies(10, texts).stream().flatMap(List::stream).toList();
        try (MlxModel mlx = MlxModel.load(FOLDER);
                MlxScoringModel scoring = MlxScoringModel.builder().model(mlx).build()) {
            List<Double> alone = scoring.scoreAll(many, "which").content();
            AtomicInteger steps = new AtomicInteger();
            CountDownLatch begun = new CountDownLatch(20);
            int[] prompt = IntStream.range(10, 200).toArray();
            GenerationRequest request = new GenerationRequest(
                    prompt, List.of(), null, Isolation.SHARED, Sampling.GREEDY, 100_000, List.of());
            Engine.Handle chat = mlx.engine().submit(request, piece -> {
                steps.incrementAndGet();
                begun.countDown();
            });
            begun.await();
            int before = steps.get();
            assertThat(scoring.scoreAll(many, "which").content()).isEqualTo(alone);
            assertThat(steps.get() - before).as("steps of the chat").isGreaterThanOrEqualTo(many.size() - 1);
            assertThat(chat.result()).isNotDone();
            chat.cancel();
            chat.result().get();
        }
    }

    @Test
    void scoresAreThoseOfTheReference() {
        String query = expected.path("query").asText();
        try (MlxScoringModel model = MlxScoringModel.builder().modelPath(FOLDER).build()) {
            List<Double> together = model.scoreAll(texts, query).content();
            for (int i = 0; i < texts.size(); i++) {
                double score = expected.path("scores").get(i).asDouble();
                assertThat(together.get(i)).isCloseTo(score, within(TOLERANCE));
                assertThat(model.score(texts.get(i), query).content()).isCloseTo(score, within(TOLERANCE));
            }
            assertThat(model.scoreAll(List.of(), query).content()).isEmpty();
            assertThat(model.scoreAll(texts, query).tokenUsage().inputTokenCount())
                    .isPositive();
        }
    }

    @Test
    void aDocumentThatIsTooLongLosesItsEnd() {
        try (MlxScoringModel model =
                MlxScoringModel.builder().modelPath(FOLDER).maxLength(300).build()) {
            String same = "the cat sat on the mat ".repeat(100);
            List<Double> scores = model.scoreAll(
                            List.of(TextSegment.from(same), TextSegment.from(same + "and a dog")), "cats")
                    .content();
            assertThat(scores.get(0)).isCloseTo(scores.get(1), within(TOLERANCE));
        }
    }

    @Test
    void aModelThatWasGivenStaysOpen() {
        try (MlxModel mlx = MlxModel.load(FOLDER)) {
            MlxScoringModel model = MlxScoringModel.builder().model(mlx).build();
            model.close();
            assertThat(model.score("a dog", "cats").content()).isBetween(0.0, 1.0);
            mlx.close();
            assertThatThrownBy(() -> model.score("a dog", "cats"))
                    .isInstanceOf(NonRetriableException.class)
                    .hasMessageContaining("is closed");
        }
    }

    @Test
    void whatCannotScoreIsRefused() {
        assertThatThrownBy(() -> MlxScoringModel.builder().build())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("must be set, and only one of them");
        assertThatThrownBy(() -> MlxScoringModel.builder()
                        .modelPath(FOLDER)
                        .maxLength(20)
                        .build())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("must be more than the tokens around a pair");
        try (MlxScoringModel model = MlxScoringModel.builder().modelPath(FOLDER).build()) {
            assertThatThrownBy(() -> model.score("a dog", " "))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessage("query ( ) must not be blank");
        }
    }

    private static Path withTokenizer(Path copy, Consumer<JsonNode> change) throws IOException {
        for (String name : List.of("config.json", "tokenizer_config.json", "model.safetensors")) {
            Files.copy(FOLDER.resolve(name), copy.resolve(name));
        }
        ObjectMapper json = new ObjectMapper();
        JsonNode tokenizer = json.readTree(FOLDER.resolve("tokenizer.json").toFile());
        change.accept(tokenizer);
        json.writeValue(copy.resolve("tokenizer.json").toFile(), tokenizer);
        return copy;
    }

    @Test
    void idsThatTheModelDoesNotHaveAreRefused(@TempDir Path copy) throws IOException {
        withTokenizer(copy, tokenizer -> {
            ArrayNode added = (ArrayNode) tokenizer.path("added_tokens");
            ObjectNode strange = added.get(0).deepCopy();
            added.add(strange.put("id", 900_000).put("content", "<|strange|>").put("special", false));
        });
        try (MlxScoringModel model = MlxScoringModel.builder().modelPath(copy).build()) {
            assertThatThrownBy(() -> model.score("a <|strange|> dog", "cats"))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContaining("tokenizer.json belongs to another model");
            assertThat(model.score("a dog", "cats").content()).isBetween(0.0, 1.0);
        }
    }

    @Test
    void aModelWithoutTheAnswersIsNoReranker(@TempDir Path copy) throws IOException {
        withTokenizer(copy, tokenizer -> {
            ((ObjectNode) tokenizer.path("model").path("vocab")).remove("no");
            ArrayNode merges = (ArrayNode) tokenizer.path("model").path("merges");
            merges.remove(merges.size() - 1);
        });
        assertThatThrownBy(() -> MlxScoringModel.builder().modelPath(copy).build())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("the tokenizer has no token \"no\": this model is not a reranker");
    }
}
