package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.agent.tool.ToolSpecifications;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.text.Grammar;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.calls.OutputFormat;
import dev.langchain4j.model.mlx.generate.GenerationListener;
import dev.langchain4j.model.mlx.generate.GenerationRequest;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import dev.langchain4j.model.mlx.generate.Sampling;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import dev.langchain4j.model.mlx.prompt.Prompt;
import dev.langchain4j.model.mlx.prompt.PromptRequest;
import dev.langchain4j.model.mlx.testing.DemoModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * A tool loop over the demo model whose calls are spelled as no template spells them: each round computes only what is
 * new in it. A grammar that lets one text through makes the model write them.
 */
class OddToolCallsIT {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** Special tokens of the demo model. */
    private static final Pattern TAGS = Pattern.compile("</?tool_call>");

    /** What the model writes, and what the application gets: calls and their arguments. */
    private record Turn(String output, String name, String... arguments) {}

    private static final List<Turn> TURNS = List.of(
            new Turn(
                    "<tool_call>{\"name\" : \"weather\" ,\"arguments\":{  \"city\" :\"Lisbon\"}\n}</tool_call>",
                    "weather",
                    "{\"city\":\"Lisbon\"}"),
            new Turn(
                    "<tool_call>{\"name\":\"trains\",\"arguments\":{\"destination\":\"Rome\",\n\"origin\":\"Oslo\"}}</tool_call>",
                    "trains",
                    "{\"origin\":\"Oslo\",\"destination\":\"Rome\"}"),
            new Turn(
                    "<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"Z\\u00fcrich \\/ \\u00c5lesund\"}}</tool_call>",
                    "weather",
                    "{\"city\":\"Zürich / Ålesund\"}"),
            new Turn(
                    "<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"東京 – ñ\" }}</tool_call>",
                    "weather",
                    "{\"city\":\"東京 – ñ\"}"),
            new Turn(
                    "Both then.<tool_call>{ \"name\": \"weather\", \"arguments\": {\"city\":\"Oslo\"}}</tool_call>\n"
                            + "<tool_call>{\"name\":\"weather\",\"arguments\" :{\"city\":\"Rome\" } }</tool_call>",
                    "weather",
                    "{\"city\":\"Oslo\"}",
                    "{\"city\":\"Rome\"}"));

    private static long handlesBefore;
    private static MlxModel mlx;
    private static List<ToolSpecification> tools;

    @BeforeAll
    static void load() {
        handlesBefore = LiveHandles.count();
        mlx = MlxModel.load(DemoModel.folder());
        tools = ToolSpecifications.toolSpecificationsFrom(new AgentLoopIT.Tools());
    }

    @AfterAll
    static void nothingIsLeft() {
        mlx.close();
        assertThat(LiveHandles.count()).isEqualTo(handlesBefore);
    }

    private static Prompt prompt(List<ChatMessage> messages) {
        ToolSchemas schemas = ToolSchemas.of(
                tools.stream().collect(Collectors.toMap(ToolSpecification::name, tool -> JSON.valueToTree(Map.of()))));
        OutputFormat format = OutputFormat.detect(mlx.template().source(true), schemas);
        return mlx.prompts().write(new PromptRequest(messages, tools, null, format, "ann", Isolation.SHARED));
    }

    /** Makes the model write exactly this. */
    private static GenerationResult generate(Prompt prompt, String output) throws Exception {
        StringBuilder written = new StringBuilder();
        GenerationListener listener = new GenerationListener() {
            @Override
            public void onText(String text) {
                written.append(text);
            }

            @Override
            public Outcome onEnd() {
                return Outcome.TOOL_CALL;
            }
        };
        GenerationRequest request = new GenerationRequest(
                prompt.tokens(), prompt.boundaries(), "ann", Isolation.SHARED, Sampling.GREEDY, 300, List.of());
        StringBuilder start = new StringBuilder("start:");
        for (String part : TAGS.splitWithDelimiters(output, 0)) {
            if (!part.isEmpty()) {
                start.append(' ').append(TAGS.matcher(part).matches() ? part : JSON.writeValueAsString(part));
            }
        }
        GenerationResult result = mlx.engine()
                .submit(request.withGrammar(mlx.grammars().matcher(Grammar.lark(start.toString()))), listener)
                .result()
                .get();
        assertThat(written).hasToString(output);
        return result;
    }

    @Test
    void eachRoundComputesItsNewTokensOnly() throws Exception {
        List<ChatMessage> messages = new ArrayList<>(
                List.of(SystemMessage.from("You are a travel assistant."), UserMessage.from("What is the weather?")));
        int[] seen = {};
        int ids = 0;
        for (Turn turn : TURNS) {
            Prompt prompt = prompt(messages);
            assertThat(Arrays.copyOf(prompt.tokens(), seen.length))
                    .as("a prompt begins with all that was there before")
                    .isEqualTo(seen);
            GenerationResult result = generate(prompt, turn.output);
            // The last token of an answer under a grammar is not fed.
            assertThat(result.plan().resumePosition()).isEqualTo(Math.max(0, seen.length - 1));
            seen = Arrays.copyOf(prompt.tokens(), prompt.tokens().length + result.generated().length);
            System.arraycopy(result.generated(), 0, seen, prompt.tokens().length, result.generated().length);
            List<ToolExecutionRequest> calls = new ArrayList<>();
            for (String arguments : turn.arguments) {
                calls.add(ToolExecutionRequest.builder()
                        .id("Call" + (10_000 + ids++))
                        .name(turn.name)
                        .arguments(arguments)
                        .build());
            }
            AiMessage.Builder message = AiMessage.builder().toolExecutionRequests(calls);
            if (!turn.output.startsWith("<")) {
                message.text(turn.output.substring(0, turn.output.indexOf('<')));
            }
            AiMessage answer = message.build();
            mlx.prompts().remember(prompt, answer, turn.output, result.generated(), false);
            messages.add(answer);
            calls.forEach(call -> messages.add(ToolExecutionResultMessage.from(call, "12 degrees, light rain")));
        }
        ChatResponse last = MlxChatModel.builder()
                .model(mlx)
                .build()
                .chat(ChatRequest.builder()
                        .messages(messages)
                        .parameters(MlxChatRequestParameters.builder()
                                .memoryId("ann")
                                .toolSpecifications(tools)
                                .maxOutputTokens(8)
                                .build())
                        .build());
        MlxTokenUsage usage = (MlxTokenUsage) last.tokenUsage();
        assertThat(usage.cachedTokens()).isEqualTo(seen.length - 1);
        assertThat(((MlxChatResponseMetadata) last.metadata()).reuseReason()).isEqualTo(ReuseReason.CONTINUED);
        assertThat(usage.inputTokenCount() - usage.cachedTokens())
                .as("the end of the turn, two results and the opening of the answer")
                .isLessThan(60);
    }
}
