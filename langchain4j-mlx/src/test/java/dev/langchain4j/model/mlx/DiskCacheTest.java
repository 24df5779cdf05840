package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import dev.langchain4j.model.mlx.cache.disk.DiskStats;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.output.FinishReason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model that keeps its prompt cache on disk, closed and opened anew: nothing is computed twice. */
class DiskCacheTest {
    private static final DiskLimits LIMITS = DiskLimits.ofBytes(1L << 28).idleBeforeWrite(Duration.ofMillis(50));
    private static final List<ToolSpecification> TOOLS = List.of(ToolSpecification.builder()
            .name("weather")
            .description("Weather of a city")
            .parameters(JsonObjectSchema.builder().addStringProperty("city").build())
            .build());

    private final long handles = LiveHandles.count();

    @TempDir
    Path folder;

    @AfterEach
    void nothingLeaks() {
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private MlxModel load() {
        return MlxModel.builder()
                .modelPath(DemoModel.folder())
                .diskCache(folder, LIMITS)
                .build();
    }

    private static ChatResponse chat(MlxModel model, String id, List<ChatMessage> messages) {
        return MlxChatModel.builder()
                .model(model)
                .build()
                .chat(ChatRequest.builder()
                        .messages(messages)
                        .parameters(MlxChatRequestParameters.builder()
                                .memoryId(id)
                                .temperature(1.5)
                                .seed(7L)
                                .maxOutputTokens(30)
                                .toolSpecifications(TOOLS)
                                .build())
                        .build());
    }

    private static List<ChatMessage> messages() {
        return new ArrayList<>(List.of(
                SystemMessage.from("You are a travel assistant who knows the weather of all cities of the world."),
                UserMessage.from("What is the weather in Oslo, and what is it in Rome?")));
    }

    private static MlxChatResponseMetadata metadata(ChatResponse response) {
        return (MlxChatResponseMetadata) response.metadata();
    }

    @Test
    void aGeneratedTurnGoesBackTokenForTokenAfterARestart() {
        List<ChatMessage> messages = messages();
        int held;
        AiMessage answer;
        try (MlxModel first = load()) {
            ChatResponse response = chat(first, "ann", messages);
            assertThat(metadata(response).restoredTokens()).isZero();
            answer = response.aiMessage();
            MlxTokenUsage usage = (MlxTokenUsage) response.tokenUsage();
            // the last token of an answer that was cut is not fed
            int unfed = response.finishReason() == FinishReason.LENGTH ? 1 : 0;
            held = usage.inputTokenCount() + usage.outputTokenCount() - unfed;
        }
        messages.add(answer);
        assertThat(answer.hasToolExecutionRequests()).isTrue();
        messages.add(
                ToolExecutionResultMessage.from(answer.toolExecutionRequests().getFirst(), "18 degrees"));
        MlxChatResponseMetadata computed;
        try (MlxModel second = load()) {
            MlxChatResponseMetadata restored = metadata(chat(second, "ann", messages));
            assertThat(restored.resumePosition()).isEqualTo(held);
            assertThat(restored.restoredTokens()).isEqualTo(held);
            assertThat(restored.reuseReason()).isEqualTo(ReuseReason.CONTINUED);
            assertThat(restored.toString()).contains("restored " + restored.restoredTokens() + " tokens from disk in ");
            DiskStats stats = second.promptCache().diskStats();
            assertThat(stats.hits()).isEqualTo(1);
            assertThat(stats.bytesRead()).isPositive();
            assertThat(second.promptCache().stats().cachedTokens()).isEqualTo(held);
            computed = metadata(chat(second, "ann", messages));
            assertThat(computed.restoredTokens()).as("in memory now").isZero();
        }
    }

    @Test
    void answersAreThoseOfAModelWithoutADiskCache() {
        List<ChatMessage> messages = messages();
        AiMessage expected;
        try (MlxModel cold = MlxModel.load(DemoModel.folder())) {
            expected = chat(cold, "ann", messages).aiMessage();
        }
        for (int launch = 0; launch < 2; launch++) {
            try (MlxModel model = load()) {
                AiMessage answer = chat(model, "ann", messages).aiMessage();
                assertThat(answer.text()).isEqualTo(expected.text());
                assertThat(answer.toolExecutionRequests())
                        .extracting(call -> call.name() + call.arguments())
                        .isEqualTo(expected.toolExecutionRequests().stream()
                                .map(call -> call.name() + call.arguments())
                                .toList());
            }
        }
    }

    @Test
    void whatWasWarmedIsThereAfterARestartAlsoForOthers() {
        try (MlxModel first = load()) {
            first.warm(((SystemMessage) messages().getFirst()).text(), TOOLS);
        }
        try (MlxModel second = load()) {
            assertThat(metadata(chat(second, null, messages())).restoredTokens())
                    .isGreaterThan(30);
        }
    }

    @Test
    void anIdleConversationIsWrittenWhileTheModelIsOpen() throws Exception {
        try (MlxModel first = load()) {
            chat(first, "ann", messages());
            long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
            while (first.promptCache().diskStats().records() < 2 && System.nanoTime() < deadline) {
                Thread.sleep(20);
            }
            assertThat(first.promptCache().diskStats().records()).isGreaterThanOrEqualTo(2);
        }
    }

    @Test
    void aDeletedMemoryIsGoneFromTheFolder() throws IOException {
        List<ChatMessage> messages = messages();
        try (MlxModel first = load()) {
            messages.add(chat(first, "ann", messages).aiMessage());
            chat(first, "bob", messages());
        }
        try (MlxModel second = load()) {
            second.promptCache().evict("ann").join();
            second.promptCache().evictIf("bob"::equals).join();
            assertThat(second.promptCache().diskStats().records()).isZero();
        }
        try (Stream<Path> files = Files.walk(folder)) {
            assertThat(files.filter(file -> file.toString().endsWith(".seg"))).isEmpty();
        }
        try (MlxModel third = load()) {
            messages.add(UserMessage.from("And in Madrid?"));
            assertThat(metadata(chat(third, "ann", messages)).restoredTokens()).isZero();
        }
    }

    @Test
    void aSecondModelRunsWithoutTheFolderAndSaysWhy() {
        try (MlxModel first = load();
                MlxModel second = load()) {
            assertThat(first.promptCache().diskStats().on()).isTrue();
            assertThat(second.promptCache().diskStats().on()).isFalse();
            assertThat(second.promptCache().diskStats().reason()).contains("uses");
            chat(second, "ann", messages());
        }
    }

    @Test
    void anotherTypeOrFormatSharesNothing() {
        try (MlxModel first = load()) {
            chat(first, "ann", messages());
        }
        try (MlxModel other = MlxModel.builder()
                .modelPath(DemoModel.folder())
                .kvBits(8)
                .kvGroupSize(32)
                .diskCache(folder, LIMITS)
                .build()) {
            assertThat(metadata(chat(other, "ann", messages())).restoredTokens())
                    .isZero();
        }
    }

    @Test
    void settingsMustBeGiven() {
        assertThatThrownBy(() -> MlxModel.builder().diskCache(null, LIMITS)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> MlxModel.builder().diskCache(folder, null)).isInstanceOf(NullPointerException.class);
    }

    @Test
    void memoryIdsHaveNamesThatGiveThemBack() {
        NamedMemoryIds names = new NamedMemoryIds();
        UUID uuid = UUID.randomUUID();
        for (Object id : List.of(
                "ann", "", "a\nb", 7, 7L, uuid, MlxMemoryId.of(DiskCacheTest.class, "ann"), new MlxMemoryId("s", 7L))) {
            assertThat(names.id(names.name(id))).isEqualTo(id);
        }
        assertThat(names.name(new Object())).isNull();
        assertThat(names.name(MlxMemoryId.of(DiskCacheTest.class, 1.5))).isNull();
        assertThat(names.id(new byte[] {1, 2})).isNull();
        assertThat(MlxThread.isShuttingDown()).isFalse();
    }
}
