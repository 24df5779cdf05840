package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.mlx.generate.AllDrafts;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.RandomModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Reasoning that becomes too long is closed, on each path that tokens take. The model has random weights and never
 * closes it by itself, for the closing token is biased away; its folder says qwen3, which has a sentence of its own.
 */
class ReasoningBudgetTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String TEMPLATE =
            "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant: {% if add_generation_prompt %}"
                    + "{% if enable_thinking is not defined or enable_thinking %}<think>\n{% endif %}{% endif %}{# </think> #}";
    private static final String SENTENCE =
            "Considering the limited time by the user, I have to give the solution based on the thinking directly now.";

    @TempDir
    private static Path folder;

    private static long handlesBefore;
    private static Path path;
    private static int close;
    private static MlxModel mlx;
    private static MlxModel drafting;

    @BeforeAll
    static void load() throws Exception {
        handlesBefore = LiveHandles.count();
        path = RandomModel.write(folder.resolve("thinker"), TEMPLATE, List.of("<think>", "</think>"), 8);
        Path config = path.resolve("config.json");
        ObjectNode json = (ObjectNode) JSON.readTree(config.toFile());
        assertThat(json.path("model_type").asText()).startsWith("qwen3");
        mlx = MlxModel.builder()
                .modelPath(path)
                .speculation(Speculation.OFF)
                .maxConcurrent(4)
                .build();
        drafting = MlxModel.load(path);
        AllDrafts.of(drafting.engine());
        close = mlx.tokenizer().encode("</think>", false)[0];
    }

    @AfterAll
    static void nothingIsLeft() {
        mlx.close();
        drafting.close();
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
    }

    private static MlxChatRequestParameters.Builder parameters(Integer budget) {
        return MlxChatRequestParameters.builder()
                .temperature(1.0)
                .seed(3L)
                .maxOutputTokens(120)
                .logitBias(Map.of(close, -1000.0))
                .returnThinking(true)
                .maxReasoningTokens(budget);
    }

    private static ChatResponse ask(MlxModel model, List<ChatMessage> messages, MlxChatRequestParameters parameters) {
        return MlxChatModel.builder()
                .model(model)
                .build()
                .chat(ChatRequest.builder()
                        .messages(messages)
                        .parameters(parameters)
                        .build());
    }

    private static ChatResponse ask(MlxModel model, MlxChatRequestParameters parameters) {
        return ask(model, List.of(UserMessage.from("Think.")), parameters);
    }

    private static MlxChatResponseMetadata metadata(ChatResponse response) {
        return (MlxChatResponseMetadata) response.metadata();
    }

    private static int reasoningTokens(ChatResponse response) {
        return ((MlxTokenUsage) response.tokenUsage()).reasoningTokens();
    }

    private static void assertCut(ChatResponse response, int budget) {
        int sentence = mlx.tokenizer().encode("\n\n" + SENTENCE + "\n", false).length;
        AiMessage answer = response.aiMessage();
        assertThat(answer.thinking()).endsWith(SENTENCE);
        assertThat(answer.text()).isNotBlank().doesNotContain("</think>");
        assertThat(metadata(response).reasoningCut()).isTrue();
        assertThat(reasoningTokens(response)).isBetween(budget + sentence, budget + sentence + 3);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 10, 37})
    void itIsClosedAtTheBudgetAndTheAnswerFollows(int budget) {
        ChatResponse free = ask(mlx, parameters(null).build());
        assertThat(free.aiMessage().text()).isNull();
        assertThat(metadata(free).reasoningCut()).isFalse();
        assertThat(reasoningTokens(free)).isEqualTo(free.tokenUsage().outputTokenCount());

        ChatResponse cut = ask(mlx, parameters(budget).build());
        if (budget == 0) {
            assertThat(cut.aiMessage().thinking()).isNull();
            assertThat(cut.aiMessage().text()).isNotBlank();
            assertThat(metadata(cut).reasoningCut()).isTrue();
            return;
        }
        assertCut(cut, budget);
        String before = cut.aiMessage().thinking().replace(SENTENCE, "").strip();
        assertThat(free.aiMessage().thinking()).as("the same draws up to there").startsWith(before);
        assertThat(ask(drafting, parameters(budget).build()).aiMessage()).isEqualTo(cut.aiMessage());
    }

    @Test
    void aBudgetThatIsNotReachedChangesNothing() {
        MlxChatRequestParameters open = parameters(null).maxOutputTokens(20).build();
        ChatResponse free = ask(mlx, open);
        ChatResponse under = ask(mlx, parameters(100).maxOutputTokens(20).build());
        assertThat(under.aiMessage()).isEqualTo(free.aiMessage());
        assertThat(metadata(under).reasoningCut()).isFalse();
    }

    @Test
    void draftsAreCutWhereTheBudgetIs() {
        // the first answer is what the second one's drafts are
        MlxChatRequestParameters greedy = parameters(null).temperature(0.0).build();
        ask(drafting, greedy);
        for (int budget : new int[] {3, 11, 12, 13, 29}) {
            MlxChatRequestParameters limited =
                    parameters(budget).temperature(0.0).build();
            ChatResponse drafted = ask(drafting, limited);
            assertThat(((MlxTokenUsage) drafted.tokenUsage()).drafts()).isNotEmpty();
            assertThat(drafted.aiMessage())
                    .as("budget " + budget)
                    .isEqualTo(ask(mlx, limited).aiMessage());
            assertCut(drafted, budget);
        }
    }

    @Test
    void penaltiesAndLogprobsSeeTheTokensThatWereWritten() {
        MlxChatRequestParameters parameters = parameters(9)
                .repetitionPenalty(1.4)
                .frequencyPenalty(0.5)
                .penaltyWindow(40)
                .topLogprobs(2)
                .build();
        ChatResponse plain = ask(mlx, parameters);
        assertCut(plain, 9);
        List<MlxTokenLogprob> logprobs = metadata(plain).logprobs();
        assertThat(logprobs).hasSize(plain.tokenUsage().outputTokenCount());
        StringBuilder text = new StringBuilder();
        logprobs.forEach(token -> text.append(token.token()));
        assertThat(text).contains(SENTENCE);
        assertThat(logprobs.stream().filter(token -> token.logprob() == 0).count())
                .as("what is certain")
                .isGreaterThanOrEqualTo(mlx.tokenizer().encode(SENTENCE, false).length);
        assertThat(ask(drafting, parameters).aiMessage()).isEqualTo(plain.aiMessage());
    }

    @Test
    void behindItTheAnswerKeepsToItsSchema() throws Exception {
        String raw = "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"boolean\"}},\"required\":[\"a\"]}";
        ResponseFormat format = ResponseFormat.builder()
                .type(ResponseFormatType.JSON)
                .jsonSchema(JsonSchema.builder()
                        .name("Answer")
                        .rootElement(JsonRawSchema.from(raw))
                        .build())
                .build();
        for (MlxModel model : List.of(mlx, drafting)) {
            for (int budget : new int[] {0, 14}) {
                ChatResponse response =
                        ask(model, parameters(budget).responseFormat(format).build());
                assertThat(JSON.readTree(response.aiMessage().text()).path("a").isBoolean())
                        .as(response.toString())
                        .isTrue();
                assertThat(metadata(response).reasoningCut()).isTrue();
            }
        }
    }

    @Test
    void besideOthersEachHasItsOwnBudget() throws Exception {
        MlxStreamingChatModel streaming =
                MlxStreamingChatModel.builder().model(mlx).build();
        List<CompletableFuture<ChatResponse>> all = new ArrayList<>();
        List<StringBuilder> pieces = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            CompletableFuture<ChatResponse> done = new CompletableFuture<>();
            StringBuilder text = new StringBuilder();
            all.add(done);
            pieces.add(text);
            ChatRequest request = ChatRequest.builder()
                    .messages(UserMessage.from("Think " + i))
                    .parameters(parameters(5 + 8 * i).build())
                    .build();
            streaming.chat(request, new StreamingChatResponseHandler() {
                @Override
                public void onPartialResponse(String piece) {
                    text.append(piece);
                }

                @Override
                public void onCompleteResponse(ChatResponse response) {
                    done.complete(response);
                }

                @Override
                public void onError(Throwable error) {
                    done.completeExceptionally(error);
                }
            });
        }
        for (int i = 0; i < 4; i++) {
            ChatResponse response = all.get(i).get();
            assertCut(response, 5 + 8 * i);
            assertThat(pieces.get(i)).hasToString(response.aiMessage().text());
        }
    }

    @Test
    void theNextTurnFindsTheWrittenTokensInThePromptCache() {
        String history = TEMPLATE.replace(
                "{{ m.content }}",
                "{% if m.reasoning_content %}<think>\n{{ m.reasoning_content }}\n</think>\n\n{% endif %}{{ m.content }}");
        try (MlxModel keeping =
                MlxModel.builder().modelPath(path).chatTemplate(history).build()) {
            MlxChatRequestParameters parameters =
                    parameters(12).memoryId("ann").maxOutputTokens(80).build();
            UserMessage first = UserMessage.from("Think.");
            ChatResponse one = ask(keeping, List.of(first), parameters);
            assertCut(one, 12);
            ChatResponse two = ask(keeping, List.of(first, one.aiMessage(), UserMessage.from("And?")), parameters);
            int whole = one.tokenUsage().totalTokenCount();
            assertThat(metadata(two).resumePosition()).isGreaterThanOrEqualTo(whole - 2);
        }
    }

    @Test
    void aModelThatDoesNotReasonHasNothingToClose() {
        try (MlxModel demo = MlxModel.load(DemoModel.folder())) {
            MlxChatRequestParameters parameters = MlxChatRequestParameters.builder()
                    .temperature(0.0)
                    .maxReasoningTokens(0)
                    .maxOutputTokens(8)
                    .build();
            ChatResponse response = ask(demo, parameters);
            assertThat(metadata(response).reasoningCut()).isFalse();
            assertThat(reasoningTokens(response)).isZero();
        }
    }
}
