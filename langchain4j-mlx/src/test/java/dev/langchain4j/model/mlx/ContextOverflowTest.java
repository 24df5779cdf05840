package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.testing.RandomModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Conversations longer than their context: refused, or without their oldest turns where that is wanted. */
class ContextOverflowTest {
    private static final String TEMPLATE =
            "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n";
    private static final int CONTEXT = 512;

    @TempDir
    private static Path folder;

    private static long handlesBefore;
    private static MlxModel mlx;

    @BeforeAll
    static void load() {
        handlesBefore = LiveHandles.count();
        Path path = RandomModel.write(folder.resolve("short"), TEMPLATE, List.of("<|im_start|>", "<|im_end|>"), 3);
        mlx = MlxModel.builder()
                .modelPath(path)
                .contextLength(CONTEXT)
                .prefillChunkTokens(64)
                .build();
    }

    @AfterAll
    static void nothingIsLeft() {
        mlx.close();
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
    }

    private static ChatResponse ask(ContextOverflow overflow, List<ChatMessage> messages) {
        return MlxChatModel.builder()
                .model(mlx)
                .contextOverflow(overflow)
                .build()
                .chat(ChatRequest.builder()
                        .messages(messages)
                        .parameters(MlxChatRequestParameters.builder()
                                .temperature(0.0)
                                .maxOutputTokens(20)
                                .memoryId("ann")
                                .build())
                        .build());
    }

    private static List<PromptChange> changes(ChatResponse response) {
        return ((MlxChatResponseMetadata) response.metadata()).promptChanges();
    }

    @Test
    void itIsAnErrorUnlessItIsWanted() {
        List<ChatMessage> messages = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            messages.add(UserMessage.from("This is question " + i + " of many, which takes some tokens."));
            messages.add(AiMessage.from("And this is the answer to it."));
        }
        messages.add(UserMessage.from("The last one."));
        for (ContextOverflow none : new ContextOverflow[] {ContextOverflow.FAIL, null}) {
            assertThatThrownBy(() -> ask(none, messages))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContainingAll("must be shorter than the context", "contextOverflow");
        }
        ChatResponse response = ask(ContextOverflow.DROP_OLDEST_TURNS, messages);
        assertThat(changes(response)).isNotEmpty().allSatisfy(change -> assertThat(change.kind())
                .isEqualTo(PromptChange.Kind.DROPPED));
        assertThat(response.tokenUsage().inputTokenCount()).isLessThanOrEqualTo(CONTEXT - 20);
    }

    @Test
    void aConversationGoesOnAndOnFromThePromptCache() {
        List<ChatMessage> messages = new ArrayList<>(List.of(SystemMessage.from("Answer as well as you can.")));
        int reused = 0;
        int most = 0;
        int turns = 0;
        int prompts = 0;
        while (turns < 24) {
            messages.add(UserMessage.from("Please say something, this is turn " + messages.size() + " of our talk."));
            ChatResponse response = ask(ContextOverflow.DROP_OLDEST_TURNS, messages);
            List<PromptChange> dropped = changes(response);
            if (!dropped.isEmpty()) {
                turns++;
                most = Math.max(most, dropped.size());
                assertThat(dropped.getFirst()).isEqualTo(new PromptChange(1, PromptChange.Kind.DROPPED));
                assertThat(dropped).doesNotContain(new PromptChange(0, PromptChange.Kind.DROPPED));
                assertThat(messages.get(dropped.size() + 1)).isInstanceOf(UserMessage.class);
                MlxTokenUsage usage = (MlxTokenUsage) response.tokenUsage();
                reused += usage.cachedTokens();
                prompts += usage.inputTokenCount();
            }
            messages.add(response.aiMessage().text() == null ? AiMessage.from("-") : response.aiMessage());
        }
        assertThat(most).isGreaterThan(10);
        assertThat((double) reused / prompts).as("share that was reused").isGreaterThan(0.5);
    }

    @Test
    void aLastTurnThatIsTooLongIsAnErrorAllTheSame() {
        List<ChatMessage> messages =
                List.of(UserMessage.from("Hello"), AiMessage.from("Hi"), UserMessage.from("word ".repeat(2 * CONTEXT)));
        assertThatThrownBy(() -> ask(ContextOverflow.DROP_OLDEST_TURNS, messages))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("must be shorter than the context");
    }
}
