package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import dev.langchain4j.model.mlx.cache.disk.Keys;
import dev.langchain4j.model.mlx.testing.DemoModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model whose prompt cache on disk is encrypted, with a key for each memory ID. */
class DiskKeysTest {
    private static final String SYSTEM = "You are a travel assistant who knows the weather of all cities of the world.";
    private static final String QUESTION = "What is the weather in Oslo, and what is it in Rome?";

    private final long handles = LiveHandles.count();
    private final Set<Object> asked = ConcurrentHashMap.newKeySet();
    private final Set<Object> gone = new HashSet<>();

    @TempDir
    Path folder;

    @AfterEach
    void nothingLeaks() {
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private MlxModel load(boolean encrypted) {
        MlxModel.Builder builder =
                MlxModel.builder().modelPath(DemoModel.folder()).diskCache(folder, DiskLimits.ofBytes(1L << 28));
        if (encrypted) {
            builder.diskKeys(memoryId -> {
                asked.add(String.valueOf(memoryId));
                return gone.contains(memoryId) ? null : Keys.of("key of " + memoryId);
            });
        }
        return builder.build();
    }

    private static ChatResponse chat(MlxModel model, Object id, List<ChatMessage> messages) {
        return MlxChatModel.builder()
                .model(model)
                .build()
                .chat(ChatRequest.builder()
                        .messages(messages)
                        .parameters(MlxChatRequestParameters.builder()
                                .memoryId(id)
                                .temperature(0.0)
                                .maxOutputTokens(20)
                                .build())
                        .build());
    }

    private static int restored(MlxModel model, Object id, List<ChatMessage> messages) {
        return ((MlxChatResponseMetadata) chat(model, id, messages).metadata()).restoredTokens();
    }

    private static List<ChatMessage> messages() {
        return new ArrayList<>(List.of(SystemMessage.from(SYSTEM), UserMessage.from(QUESTION)));
    }

    private boolean isSaid(String text) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.toList()) {
                String bytes = Files.isRegularFile(file) ? Files.readString(file, StandardCharsets.ISO_8859_1) : "";
                if ((file + bytes).contains(text)) {
                    return true;
                }
            }
        }
        return false;
    }

    @Test
    void aConversationGoesOnWithItsKeyAndIsGoneWithoutIt() throws IOException {
        MlxMemoryId ann = MlxMemoryId.of(DiskKeysTest.class, "ann of the tests");
        List<ChatMessage> messages = messages();
        AiMessage answer;
        try (MlxModel first = load(true)) {
            answer = chat(first, ann, messages).aiMessage();
            chat(first, "bob", messages());
        }
        assertThat(asked).containsExactlyInAnyOrder("null", "ann of the tests", "bob");
        assertThat(isSaid("ann of the tests") || isSaid(answer.text())).isFalse();
        messages.add(answer);
        messages.add(UserMessage.from("And in Madrid?"));
        int whole;
        try (MlxModel second = load(true)) {
            whole = restored(second, ann, messages);
            assertThat(second.promptCache().diskStats().misses()).isEmpty();
        }
        gone.add("ann of the tests");
        try (MlxModel third = load(true)) {
            int left = restored(third, ann, messages);
            // bob asked the same, but what ann wrote first was not written again for him
            assertThat(left).isPositive().isLessThan(whole / 2);
            assertThat(third.promptCache().diskStats().misses()).containsOnlyKeys("no key");
        }
        try (MlxModel inClear = load(false)) {
            assertThat(restored(inClear, ann, messages)).isZero();
            assertThat(inClear.promptCache().diskStats().misses()).containsOnlyKeys("encrypted");
        }
        assertThat(isSaid("ann of the tests"))
                .as("the search finds what is there")
                .isTrue();
        gone.clear();
        try (MlxModel again = load(true)) {
            assertThat(restored(again, ann, messages)).isGreaterThanOrEqualTo(whole);
        }
    }

    @Test
    void answersAreThoseOfAModelWithoutADiskCache() {
        String expected;
        try (MlxModel cold = MlxModel.load(DemoModel.folder())) {
            expected = chat(cold, "ann", messages()).aiMessage().text();
        }
        for (int launch = 0; launch < 2; launch++) {
            try (MlxModel model = load(true)) {
                assertThat(chat(model, "ann", messages()).aiMessage().text()).isEqualTo(expected);
            }
        }
    }
}
