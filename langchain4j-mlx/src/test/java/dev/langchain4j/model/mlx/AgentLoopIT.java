package dev.langchain4j.model.mlx;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.P;
import dev.langchain4j.agent.tool.Tool;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.agent.tool.ToolSpecifications;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.memory.chat.MessageWindowChatMemory;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.listener.ChatModelResponseContext;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.service.AiServices;
import dev.langchain4j.service.MemoryId;
import dev.langchain4j.service.SystemMessage;
import dev.langchain4j.service.TokenStream;
import dev.langchain4j.service.UserMessage;
import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * AI services with tools and memory over the demo model: what is called, what is answered, what is not computed again.
 */
class AgentLoopIT {

    private static final String SYSTEM = "You are a travel assistant. Use the tools when you need facts.";

    interface Desk {
        @SystemMessage(SYSTEM)
        String chat(@MemoryId String traveller, @UserMessage String text);
    }

    interface StreamingDesk {
        @SystemMessage(SYSTEM)
        TokenStream chat(@MemoryId String traveller, @UserMessage String text);
    }

    /** Says the same each time, and remembers who asked for what. */
    static final class Tools {
        private static final Map<String, String> SKIES =
                Map.of("Lisbon", "12 degrees, light rain", "Oslo", "-2 degrees, fog", "Rome", "24 degrees, clear sky");

        final List<String> calls = new CopyOnWriteArrayList<>();

        @Tool("Current weather of a city")
        String weather(@P("the city") String city) {
            calls.add("weather " + city);
            return SKIES.getOrDefault(city, "20 degrees, sunny");
        }

        @Tool("Next trains between two cities")
        String trains(@P("departure city") String origin, @P("arrival city") String destination) {
            calls.add("trains " + origin + " " + destination);
            return "T416 at 08:15, K731 at 12:40, R205 at 16:05";
        }

        @Tool("Books seats on a train")
        String book(@P("train number") String train, @P("number of seats") int seats) {
            calls.add("book " + train + " " + seats);
            return "Booking QX7M confirmed";
        }
    }

    /** Keeps every request and response: one of each for a round of a loop. */
    static final class Rounds implements ChatModelListener {
        final List<ChatRequest> requests = new CopyOnWriteArrayList<>();
        final List<ChatResponse> responses = new CopyOnWriteArrayList<>();

        @Override
        public void onResponse(ChatModelResponseContext context) {
            requests.add(context.chatRequest());
            responses.add(context.chatResponse());
        }

        MlxTokenUsage usage(int round) {
            return (MlxTokenUsage) responses.get(round).tokenUsage();
        }

        List<FinishReason> ends() {
            return responses.stream().map(ChatResponse::finishReason).toList();
        }
    }

    private static long handlesBefore;
    private static MlxModel mlx;

    private final Tools tools = new Tools();
    private final Rounds rounds = new Rounds();

    @BeforeAll
    static void measure() {
        handlesBefore = LiveHandles.count();
    }

    /** Each test has a cache of its own, so that what is reused comes from the test. */
    @BeforeEach
    void load() {
        close();
        mlx = MlxModel.load(DemoModel.folder());
    }

    @AfterAll
    static void nothingIsLeft() {
        close();
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
    }

    private static void close() {
        if (mlx != null) {
            mlx.close();
        }
    }

    private Desk desk() {
        return AiServices.builder(Desk.class)
                .chatModel(MlxChatModel.builder()
                        .model(mlx)
                        .temperature(0.0)
                        .listeners(rounds)
                        .build())
                .tools(tools)
                .chatMemoryProvider(id -> MessageWindowChatMemory.withMaxMessages(40))
                .build();
    }

    private StreamingDesk streamingDesk() {
        return AiServices.builder(StreamingDesk.class)
                .streamingChatModel(MlxStreamingChatModel.builder()
                        .model(mlx)
                        .temperature(0.0)
                        .listeners(rounds)
                        .build())
                .tools(tools)
                .chatMemoryProvider(id -> MessageWindowChatMemory.withMaxMessages(40))
                .build();
    }

    @Test
    void a_tool_is_called_and_its_result_answered() {
        assertThat(desk().chat("ann", "What is the weather in Lisbon?"))
                .isEqualTo("In Lisbon it is 12 degrees, light rain.");
        assertThat(tools.calls).containsExactly("weather Lisbon");
        assertThat(rounds.ends()).containsExactly(FinishReason.TOOL_EXECUTION, FinishReason.STOP);
        assertThat(rounds.responses.get(0).aiMessage().toolExecutionRequests())
                .singleElement()
                .satisfies(call -> {
                    assertThat(call.id()).isNotBlank();
                    assertThat(call.arguments()).isEqualTo("{\"city\":\"Lisbon\"}");
                });
    }

    @Test
    void the_round_after_a_tool_costs_only_what_is_new() {
        desk().chat("ann", "What is the weather in Lisbon?");
        MlxTokenUsage call = rounds.usage(0);
        MlxTokenUsage answer = rounds.usage(1);
        assertThat(answer.cachedTokens())
                .as("the first round's prompt and the call that it wrote")
                .isGreaterThanOrEqualTo(call.totalTokenCount())
                .isLessThan(answer.inputTokenCount());
    }

    @Test
    void conversations_that_take_turns_do_not_disturb_each_other() {
        Desk desk = desk();
        assertThat(desk.chat("ann", "What is the weather in Lisbon?"))
                .isEqualTo("In Lisbon it is 12 degrees, light rain.");
        assertThat(desk.chat("bob", "What is the weather in Oslo?")).isEqualTo("In Oslo it is -2 degrees, fog.");
        desk.chat("ann", "And in Rome?");
        desk.chat("bob", "And in Lisbon?");
        assertThat(tools.calls).containsExactly("weather Lisbon", "weather Oslo", "weather Rome", "weather Lisbon");
        assertThat(rounds.responses).hasSize(8);
        for (int round : new int[] {4, 6}) {
            assertThat(rounds.usage(round).cachedTokens())
                    .as("round %d goes on where its own conversation ended", round)
                    .isGreaterThanOrEqualTo(rounds.usage(round - 3).totalTokenCount());
        }
        assertThat(mlx.promptCache().conversation(MlxMemoryId.of(Desk.class, "ann")))
                .isPresent();
        assertThat(mlx.promptCache().conversation(MlxMemoryId.of(Desk.class, "bob")))
                .isPresent();
        assertThat(mlx.promptCache().conversation(MlxMemoryId.of(Desk.class, "eve")))
                .isEmpty();
    }

    @Test
    void a_loop_of_several_tools_ends_in_one_answer() {
        String answer = desk().chat("ann", "Book 2 seats on the first train from Lisbon to Oslo.");
        assertThat(tools.calls).containsExactly("trains Lisbon Oslo", "book T416 2");
        assertThat(answer).contains("QX7M");
        assertThat(rounds.ends())
                .containsExactly(FinishReason.TOOL_EXECUTION, FinishReason.TOOL_EXECUTION, FinishReason.STOP);
    }

    @Test
    void what_comes_from_the_cache_is_what_a_model_without_history_computes() {
        Desk desk = desk();
        desk.chat("ann", "What is the weather in Lisbon?");
        desk.chat("bob", "Show me trains from Oslo to Rome.");
        desk.chat("ann", "And in Rome?");
        desk.chat("bob", "And in Lisbon?");
        assertThat(rounds.responses).hasSizeGreaterThanOrEqualTo(8);
        for (int round = 1; round < rounds.responses.size(); round++) {
            assertThat(rounds.usage(round).cachedTokens()).isPositive();
            load();
            ChatResponse cold =
                    MlxChatModel.builder().model(mlx).temperature(0.0).build().chat(rounds.requests.get(round));
            assertThat(((MlxTokenUsage) cold.tokenUsage()).cachedTokens()).isZero();
            assertThat(said(cold)).as("round %d", round).isEqualTo(said(rounds.responses.get(round)));
        }
    }

    @Test
    void whatIsReusedAndWhyNotMoreIsSaid() {
        Desk desk = desk();
        desk.chat("ann", "What is the weather in Lisbon?");
        desk.chat("bob", "What is the weather in Oslo?");
        MlxChatResponseMetadata first = metadata(0);
        assertThat(first.reuseReason()).isEqualTo(ReuseReason.NEW);
        assertThat(first.firstDifference()).isNull();
        assertThat(metadata(1).reuseReason()).isEqualTo(ReuseReason.CONTINUED);
        assertThat(metadata(1).firstDifference()).isNull();
        MlxChatResponseMetadata bob = metadata(2);
        assertThat(bob.reuseReason()).isEqualTo(ReuseReason.DIVERGED);
        PromptDifference difference = bob.firstDifference();
        assertThat(difference.token())
                .isEqualTo(bob.resumePosition())
                .isEqualTo(rounds.usage(2).cachedTokens());
        assertThat(difference.message()).isEqualTo(1);
        assertThat(difference.role()).isEqualTo("user");
        assertThat(difference.explanation())
                .isEqualTo("diverged at token %d, in message 1 (user): the message differs from the stored one,"
                                .formatted(difference.token())
                        + " or the chat template rendered it differently, \"" + difference.found()
                        + "\" instead of \"" + difference.stored() + "\"");
    }

    private MlxChatResponseMetadata metadata(int round) {
        return (MlxChatResponseMetadata) rounds.responses.get(round).metadata();
    }

    @Test
    void isolatedConversationsShareNothing() {
        Desk desk = AiServices.builder(Desk.class)
                .chatModel(MlxChatModel.builder()
                        .model(mlx)
                        .isolation(Isolation.PER_MEMORY_ID)
                        .listeners(rounds)
                        .build())
                .tools(tools)
                .chatMemoryProvider(id -> MessageWindowChatMemory.withMaxMessages(40))
                .build();
        desk.chat("ann", "What is the weather in Lisbon?");
        desk.chat("bob", "What is the weather in Lisbon?");
        assertThat(rounds.usage(1).cachedTokens()).isPositive();
        assertThat(rounds.usage(2).cachedTokens()).isZero();
        assertThat(rounds.usage(3).cachedTokens()).isPositive();
        mlx.promptCache().fork("ann", "eve").join();
        rounds.responses.clear();
        desk.chat("eve", "What is the weather in Lisbon?");
        assertThat(rounds.usage(0).cachedTokens())
                .as("a fork shares with what it was forked from")
                .isPositive();
    }

    @Test
    void aConversationIsEvictedByTheIdThatTheApplicationKnows() {
        Desk desk = desk();
        desk.chat("ann", "What is the weather in Lisbon?");
        assertThat(mlx.promptCache().conversation("ann")).isPresent();
        assertThat(mlx.promptCache().evict("bob").join()).isZero();
        assertThat(mlx.promptCache().evict("ann").join()).isPositive();
        assertThat(mlx.promptCache().conversation("ann")).isEmpty();
        assertThat(mlx.promptCache().stats().bytesHeld()).isZero();
    }

    @Test
    void aWarmModelComputesOnlyTheFirstMessageOfAConversation() {
        List<ToolSpecification> specifications = ToolSpecifications.toolSpecificationsFrom(tools);
        int warm = mlx.warm(SYSTEM, specifications);
        assertThat(warm).isPositive();
        assertThat(mlx.warm(SYSTEM, specifications)).as("a second time").isEqualTo(warm);
        desk().chat("ann", "What is the weather in Lisbon?");
        assertThat(rounds.usage(0).cachedTokens()).isEqualTo(warm);
        assertThat(rounds.usage(0).inputTokenCount() - warm).isLessThan(20);
    }

    @Test
    void warmingTakesTheTemplateArgumentsOfTheRequestsToCome() throws IOException {
        String source = Files.readString(DemoModel.folder().resolve("chat_template.jinja"));
        MlxChatRequestParameters high = MlxChatRequestParameters.builder()
                .templateArguments(Map.of("reasoning_effort", "high"))
                .build();
        try (MlxModel own = MlxModel.builder()
                .modelPath(DemoModel.folder())
                .chatTemplate("{{ 'effort: ' ~ reasoning_effort|default('low') }}" + source)
                .build()) {
            MlxChatModel chat = MlxChatModel.builder()
                    .model(own)
                    .defaultRequestParameters(high)
                    .maxOutputTokens(2)
                    .listeners(rounds)
                    .build();
            own.warm(SYSTEM, List.of());
            chat.chat(hello(SYSTEM));
            own.promptCache().trimTo(0).join();
            int warm = own.warm(SYSTEM, List.of(), high);
            chat.chat(hello(SYSTEM));
            assertThat(rounds.usage(0).cachedTokens()).isLessThan(warm / 2);
            assertThat(rounds.usage(1).cachedTokens()).isEqualTo(warm);
        }
    }

    @Test
    void volatileLinesAreTakenOutBeforeTheModelReadsThem() {
        MlxChatModel chat = MlxChatModel.builder()
                .model(mlx)
                .promptNormalizer(PromptNormalizer.withoutBillingHeader())
                .maxOutputTokens(4)
                .listeners(rounds)
                .build();
        for (String checksum : List.of("a1", "b2")) {
            chat.chat(hello("x-anthropic-billing-header: cch=" + checksum + ";\n" + SYSTEM));
        }
        assertThat(metadata(1).reuseReason()).isEqualTo(ReuseReason.WHOLE_PROMPT);
        assertThat(rounds.usage(1).cachedTokens()).isEqualTo(rounds.usage(1).inputTokenCount() - 1);
    }

    private static List<ChatMessage> hello(String system) {
        return List.of(
                dev.langchain4j.data.message.SystemMessage.from(system),
                dev.langchain4j.data.message.UserMessage.from("Hello!"));
    }

    /** Text and calls, without the IDs of the calls, which are random. */
    private static String said(ChatResponse response) {
        return response.aiMessage().text()
                + response.aiMessage().toolExecutionRequests().stream()
                        .map(call -> call.name() + call.arguments())
                        .toList();
    }

    @Test
    void streaming_plays_the_same_loop_in_pieces() throws Exception {
        StringBuilder text = new StringBuilder();
        StringBuilder arguments = new StringBuilder();
        CompletableFuture<ChatResponse> done = new CompletableFuture<>();
        streamingDesk()
                .chat("ann", "What is the weather in Lisbon?")
                .onPartialResponse(text::append)
                .onPartialToolCall(call -> arguments.append(call.partialArguments()))
                .onCompleteResponse(done::complete)
                .onError(done::completeExceptionally)
                .start();
        ChatResponse response = done.get(60, SECONDS);
        assertThat(response.aiMessage().text()).isEqualTo("In Lisbon it is 12 degrees, light rain.");
        assertThat(text).hasToString(response.aiMessage().text());
        assertThat(arguments).hasToString("{\"city\":\"Lisbon\"}");
        assertThat(tools.calls).containsExactly("weather Lisbon");
        assertThat(rounds.usage(1).cachedTokens())
                .isGreaterThanOrEqualTo(rounds.usage(0).inputTokenCount());
        assertThat(mlx.promptCache().conversation(MlxMemoryId.of(StreamingDesk.class, "ann")))
                .isPresent();
    }

    @Test
    void streaming_loops_of_two_conversations_at_once_stay_apart() throws Exception {
        StreamingDesk desk = streamingDesk();
        CompletableFuture<ChatResponse> ann = start(desk.chat("ann", "What is the weather in Lisbon?"));
        CompletableFuture<ChatResponse> bob = start(desk.chat("bob", "What is the weather in Oslo?"));
        assertThat(ann.get(60, SECONDS).aiMessage().text()).isEqualTo("In Lisbon it is 12 degrees, light rain.");
        assertThat(bob.get(60, SECONDS).aiMessage().text()).isEqualTo("In Oslo it is -2 degrees, fog.");
        assertThat(tools.calls).containsExactlyInAnyOrder("weather Lisbon", "weather Oslo");
    }

    private static CompletableFuture<ChatResponse> start(TokenStream stream) {
        CompletableFuture<ChatResponse> done = new CompletableFuture<>();
        stream.onPartialResponse(piece -> {})
                .onCompleteResponse(done::complete)
                .onError(done::completeExceptionally)
                .start();
        return done;
    }
}
