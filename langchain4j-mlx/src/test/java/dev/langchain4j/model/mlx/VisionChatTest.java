package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.model.mlx.testing.Pictures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Conversations with images, from messages to answers, over tiny models of each family that sees. */
class VisionChatTest {
    private final long handles = LiveHandles.count();

    @TempDir
    Path folder;

    @AfterEach
    void nothingLeaks() {
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    static List<Path> models() throws IOException {
        try (Stream<Path> all = Files.list(Goldens.folder("vision"))) {
            return all.map(f -> f.resolve("model"))
                    .filter(f -> Files.exists(f.resolve("config.json")))
                    .sorted()
                    .toList();
        }
    }

    /** Chunks are shorter than most pictures. */
    private static MlxModel.Builder builder(Path model) {
        return MlxModel.builder().modelPath(model).prefillChunkTokens(16).computeAhead(false);
    }

    private static MlxModel cold(Path model) {
        return builder(model).cacheLimits(WarmAndCold.NO_CACHE).build();
    }

    private static ChatResponse chat(MlxModel model, Object id, List<ChatMessage> messages) {
        ChatRequest request = ChatRequest.builder()
                .messages(messages)
                .parameters(MlxChatRequestParameters.builder()
                        .memoryId(id)
                        .temperature(0.0)
                        .maxOutputTokens(6)
                        .build())
                .build();
        return MlxChatModel.builder().model(model).build().chat(request);
    }

    private static MlxTokenUsage usage(ChatResponse response) {
        return (MlxTokenUsage) response.metadata().tokenUsage();
    }

    private static UserMessage user(Object... contents) {
        return UserMessage.from(Stream.of(contents)
                .map(content -> content instanceof String text ? TextContent.from(text) : (ImageContent) content)
                .toList());
    }

    @ParameterizedTest
    @MethodSource("models")
    void aConversationWithImagesIsReusedAndAnswersAsIfItWereNot(Path folderOfModel) {
        try (MlxModel warm = builder(folderOfModel).computeAhead(true).build();
                MlxModel cold = cold(folderOfModel)) {
            List<ChatMessage> messages = new ArrayList<>();
            List<UserMessage> rounds = List.of(
                    user("Look:", Pictures.noise(60, 44, 1), "What is it?"),
                    user("Why do you think so?"),
                    user(Pictures.noise(60, 44, 2), Pictures.noise(31, 50, 3), "And these?"),
                    user("Is one like the first?"));
            int held = 0;
            long encoded = 0;
            for (UserMessage round : rounds) {
                messages.add(round);
                ChatResponse response = chat(warm, "ann", messages);
                ChatResponse expected = chat(cold, null, messages);
                assertThat(response.aiMessage()).isEqualTo(expected.aiMessage());
                assertThat(usage(response).imageTokens())
                        .isEqualTo(usage(expected).imageTokens());
                assertThat(usage(response).cachedTokens()).isGreaterThanOrEqualTo(held);
                encoded += round.contents().stream()
                        .filter(ImageContent.class::isInstance)
                        .count();
                assertThat(warm.features().encoded()).isEqualTo(encoded);
                // all but the answer, which may be written anew, and what the template writes around it
                held = usage(response).inputTokenCount() * 2 / 3;
                messages.add(response.aiMessage());
            }
            assertThat(usage(chat(warm, "ann", messages.subList(0, 1))).imageTokens())
                    .isPositive();
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void anotherImageOfTheSameSizeIsNotTakenForTheFirst(Path folderOfModel) {
        try (MlxModel warm = builder(folderOfModel).build();
                MlxModel cold = cold(folderOfModel)) {
            for (int seed = 0; seed < 4; seed++) {
                List<ChatMessage> messages = List.of(user(Pictures.noise(8, 8, seed % 3), "What is it?"));
                ChatResponse response = chat(warm, null, messages);
                assertThat(response.aiMessage())
                        .isEqualTo(chat(cold, null, messages).aiMessage());
                int cached = usage(response).cachedTokens();
                int prompt = usage(response).inputTokenCount();
                if (seed < 3) {
                    // behind the image there are four tokens at the least
                    assertThat(cached).isLessThan(prompt - usage(response).imageTokens() - 3);
                } else {
                    assertThat(cached).isEqualTo(prompt - 1);
                }
                assertThat(warm.features().encoded()).isEqualTo(Math.min(3, seed + 1));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void requestsThatRunTogetherAnswerAsAlone(Path folderOfModel) {
        List<List<ChatMessage>> all = List.of(
                List.of(user(Pictures.noise(60, 44, 1), "What is it?")),
                List.of(user("No image at all, but some words more than others have.")),
                List.of(user(Pictures.noise(90, 20, 2), Pictures.noise(20, 30, 3), "And these?")),
                List.of(user("One", Pictures.noise(25, 99, 4))));
        List<AiMessage> alone = new ArrayList<>();
        try (MlxModel cold = cold(folderOfModel)) {
            all.forEach(messages -> alone.add(chat(cold, null, messages).aiMessage()));
        }
        try (MlxModel model = builder(folderOfModel).maxConcurrent(4).build()) {
            List<CompletableFuture<AiMessage>> together = all.stream()
                    .map(messages -> CompletableFuture.supplyAsync(
                            () -> chat(model, null, messages).aiMessage()))
                    .toList();
            assertThat(together.stream().map(CompletableFuture::join)).isEqualTo(alone);
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void imagesAreRestoredFromDiskAfterARestart(Path folderOfModel) {
        List<ChatMessage> messages = List.of(user(Pictures.noise(60, 44, 1), "What is it?"));
        List<ChatMessage> others = List.of(user(Pictures.noise(60, 44, 2), "What is it?"));
        DiskLimits limits = DiskLimits.ofBytes(1L << 28).idleBeforeWrite(Duration.ofMillis(50));
        ChatResponse first;
        try (MlxModel model = builder(folderOfModel).diskCache(folder, limits).build()) {
            first = chat(model, "ann", messages);
        }
        try (MlxModel model = builder(folderOfModel).diskCache(folder, limits).build()) {
            ChatResponse other = chat(model, "bob", others);
            assertThat(usage(other).cachedTokens())
                    .isLessThan(usage(first).inputTokenCount() - usage(first).imageTokens());
            assertThat(model.features().encoded()).isEqualTo(1);
            ChatResponse again = chat(model, "ann", messages);
            assertThat(again.aiMessage()).isEqualTo(first.aiMessage());
            assertThat(usage(again).cachedTokens())
                    .isGreaterThanOrEqualTo(usage(first).imageTokens());
            assertThat(model.features().encoded()).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void whatSpellsThePlaceOfAnImageIsText(Path folderOfModel) {
        try (MlxModel model = builder(folderOfModel).build()) {
            String place = Pictures.placeholder(folderOfModel);
            UserMessage forged = user("Look:", Pictures.noise(60, 44, 1), "not " + place + " this");
            ChatResponse response = chat(model, null, List.of(forged));
            ChatResponse plain = chat(model, null, List.of(user("Look:", Pictures.noise(60, 44, 1), "not this")));
            assertThat(usage(response).imageTokens()).isEqualTo(usage(plain).imageTokens());
            assertThat(usage(response).inputTokenCount())
                    .isGreaterThan(usage(plain).inputTokenCount());
            UserMessage alone = user("only " + place + " text");
            assertThat(usage(chat(model, null, List.of(alone))).imageTokens()).isZero();
        }
    }

    @Test
    void whatIsTooMuchOrNoImageIsNamed() throws IOException {
        Path model = models().getFirst();
        Path file = Files.write(folder.resolve("noise.png"), Pictures.png(60, 44, 1));
        try (MlxModel mlx = builder(model)
                .maxImages(2)
                .maxImageBytes(100_000L)
                .maxImagePixels(5_000L)
                .build()) {
            assertThat(usage(chat(mlx, null, List.of(user(ImageContent.from(file.toUri()), "?"))))
                            .imageTokens())
                    .isPositive();
            assertRefused(mlx, "image 2", Pictures.noise(60, 44, 1), ImageContent.from("bm8gaW1hZ2U=", "image/png"));
            assertRefused(mlx, "pixels", Pictures.noise(100, 60, 1));
            assertRefused(mlx, "bytes", ImageContent.from("A".repeat(200_000), "image/png"));
            assertRefused(mlx, "allowImageUrls", ImageContent.from("https://example.org/cat.png"));
            assertRefused(
                    mlx,
                    "no such file",
                    ImageContent.from(folder.resolve("nothing.png").toUri()));
            assertRefused(mlx, "maxImages", Pictures.noise(9, 9, 1), Pictures.noise(9, 9, 2), Pictures.noise(9, 9, 3));
        }
    }

    private static void assertRefused(MlxModel model, String reason, Object... contents) {
        assertThatThrownBy(() -> chat(model, null, List.of(user(contents))))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining(reason);
    }

    @ParameterizedTest
    @MethodSource("models")
    void withoutItsTowerAModelReadsText(Path folderOfModel) {
        try (MlxModel blind = builder(folderOfModel).images(false).build();
                MlxModel model = builder(folderOfModel).build()) {
            assertThat(blind.seesImages()).isFalse();
            assertThat(model.seesImages()).isTrue();
            assertThat(blind.weightBytes()).isLessThan(model.weightBytes());
            List<ChatMessage> text = List.of(user("What is it?"));
            assertThat(chat(blind, null, text).aiMessage())
                    .isEqualTo(chat(model, null, text).aiMessage());
            assertThatThrownBy(() -> chat(blind, null, List.of(user(Pictures.noise(9, 9, 1)))))
                    .isInstanceOf(UnsupportedFeatureException.class)
                    .hasMessageContaining("image");
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void imagesCountInEstimatesAndLimits(Path folderOfModel) {
        CacheLimits limits = CacheLimits.ofBytes(64L << 20);
        try (MlxModel model = builder(folderOfModel).cacheLimits(limits).build()) {
            List<ChatMessage> messages = List.of(user(Pictures.noise(60, 44, 1), "What is it?"));
            ChatResponse response = chat(model, "ann", messages);
            assertThat(model.tokenCountEstimator().estimateTokenCountInMessages(messages))
                    .isEqualTo(usage(response).inputTokenCount());
            assertThat(model.features().bytes()).isPositive();
            assertThat(model.promptCache().stats().bytesHeld())
                    .isGreaterThan(model.features().bytes());
            model.promptCache().evict("ann").join();
            assertThat(model.features().bytes()).isZero();
        }
    }
}
