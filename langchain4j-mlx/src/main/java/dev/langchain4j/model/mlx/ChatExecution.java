package dev.langchain4j.model.mlx;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.internal.JsonSchemaElementUtils;
import dev.langchain4j.mlx.text.GrammarMatcher;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.cache.CacheSession;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.calls.OutputFormat;
import dev.langchain4j.model.mlx.calls.ToolCallFormat;
import dev.langchain4j.model.mlx.generate.Engine;
import dev.langchain4j.model.mlx.generate.GenerationListener;
import dev.langchain4j.model.mlx.generate.GenerationRequest;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import dev.langchain4j.model.mlx.generate.ReasoningLimit;
import dev.langchain4j.model.mlx.parse.OutputParser;
import dev.langchain4j.model.mlx.parse.OutputSink;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import dev.langchain4j.model.mlx.prompt.Prompt;
import dev.langchain4j.model.mlx.prompt.PromptRequest;
import dev.langchain4j.model.mlx.prompt.SchemaText;
import dev.langchain4j.model.mlx.prompt.TurnWindow;
import dev.langchain4j.model.output.FinishReason;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One chat request from beginning to end: check it, render the prompt, generate, read the output, put the response
 * together. Both chat models are this; they differ in who hears of the pieces.
 */
final class ChatExecution implements OutputSink, GenerationListener {
    private static final Logger log = LoggerFactory.getLogger(ChatExecution.class);
    private static final ObjectMapper JSON = new ObjectMapper();
    /** Tokens that are left for an answer of any length. */
    private static final int ANSWER_TOKENS = 1024;

    private static final AtomicLong IDS = new AtomicLong();

    private final MlxModel model;
    private final ChatRequest request;
    private final MlxChatRequestParameters parameters;
    /**
     * Hears of pieces of the answer while it is generated, on the model's thread; null for an answer that is wanted
     * whole.
     */
    private final OutputSink pieces;

    /** All that was generated, with markers. */
    private final StringBuilder output = new StringBuilder();

    private final StringBuilder text = new StringBuilder();
    private final StringBuilder thinking = new StringBuilder();
    private final List<ToolExecutionRequest> toolCalls = new ArrayList<>();
    private boolean cut;
    private PromptRequest promptRequest;
    private Prompt prompt;
    private OutputParser parser;
    private Engine.Handle handle;
    private ChatLog chatLog;
    private ContextOverflow overflow = ContextOverflow.FAIL;
    private TurnWindow window;

    ChatExecution(MlxModel model, ChatRequest request, MlxChatRequestParameters parameters, OutputSink pieces) {
        this.model = model;
        this.request = request;
        this.parameters = parameters;
        this.pieces = pieces;
    }

    /** Where the prompt and the answer are logged. */
    ChatExecution logging(ChatLog target) {
        chatLog = target;
        return this;
    }

    /** What becomes of a conversation that is too long. */
    ChatExecution onOverflow(ContextOverflow wanted) {
        overflow = wanted;
        return this;
    }

    /**
     * Checks the request and queues its generation.
     *
     * @throws LangChain4jException if the request asks for what there is not; nothing was queued then
     */
    ChatExecution start() {
        if (model.engine().isClosed()) {
            throw Failures.closed(model, null);
        }
        checkSupported(model, parameters);
        parameters.check();
        if (model.ahead() != null) {
            model.ahead().asked(parameters.memoryId());
        }
        if (request.messages().isEmpty()) {
            throw new InvalidRequestException("messages (none) must have at least one message");
        }
        List<ToolSpecification> tools = parameters.offeredTools();
        try {
            OfferedTools offered = model.offeredTools().of(tools);
            OutputFormat format = model.template().format(!tools.isEmpty(), offered.schemas());
            ReasoningSettings reasoning =
                    new ReasoningSettings(parameters, model.template().source(!tools.isEmpty()), format.reasoning());
            promptRequest = new PromptRequest(
                    messages(),
                    tools,
                    reasoning.templateArguments(),
                    format,
                    parameters.memoryId(),
                    isolation(),
                    Boolean.TRUE.equals(parameters.allowControlTokens()),
                    model.pictures(request.messages()));
            window = TurnWindow.write(model.prompts(), promptRequest, tokensMax());
            prompt = window.prompt();
            chatLog.request(model.name(), prompt.tokens().length, prompt.text());
            boolean reasoningOpen = format.reasoning().opensIn(prompt.text());
            if (reasoningOpen && Boolean.FALSE.equals(parameters.think())) {
                throw new UnsupportedFeatureException("think (false) is not supported by this model:"
                        + " its chat template always begins the reasoning");
            }
            parser = format.parser(this, reasoningOpen).build();
            boolean mayCall = !tools.isEmpty() && format.toolCalls() != ToolCallFormat.NONE;
            GenerationRequest generation = generation(
                    mayCall && model.engine().drafts() ? offered.syntax(model, format) : null,
                    reasoning.limit(model.tokenizer(), model.modelType(), mayCall));
            GrammarMatcher grammar = new AnswerFormat(model, parameters).matcher(format, prompt);
            handle = model.engine().submit(generation.withGrammar(grammar), this);
        } catch (IllegalArgumentException e) {
            throw new InvalidRequestException(e.getMessage(), e);
        } catch (IllegalStateException e) {
            throw model.engine().isClosed() ? Failures.closed(model, e) : e;
        }
        return this;
    }

    /** The messages, with the answer's schema in words where it is wanted. */
    private List<ChatMessage> messages() {
        ResponseFormat format = parameters.responseFormat();
        boolean told =
                format != null && format.jsonSchema() != null && !Boolean.FALSE.equals(parameters.schemaInPrompt());
        return told ? SchemaText.in(request.messages(), format.jsonSchema()) : request.messages();
    }

    /** Most tokens of the prompt before turns are left out. */
    private int tokensMax() {
        if (overflow == ContextOverflow.FAIL) {
            return Integer.MAX_VALUE;
        }
        int context = model.contextLength();
        int answer = parameters.maxOutputTokens() == null ? ANSWER_TOKENS : parameters.maxOutputTokens();
        return context - Math.min(answer, context / 2);
    }

    private Isolation isolation() {
        return parameters.isolation() == null ? Isolation.SHARED : parameters.isolation();
    }

    private GenerationRequest generation(CallSyntax calls, ReasoningLimit reasoning) {
        return new GenerationRequest(
                prompt.tokens(),
                prompt.boundaries(),
                parameters.memoryId(),
                isolation(),
                parameters.sampling(model.samplingDefaults()),
                parameters.maxOutputTokens(),
                parameters.stopSequences(),
                null,
                request.messages().getLast() instanceof ToolExecutionResultMessage,
                parameters.timeout(),
                calls,
                prompt.pictures(),
                reasoning);
    }

    /**
     * Checks parameters of a request, or defaults of a chat model.
     *
     * @throws UnsupportedFeatureException naming what this model cannot do
     */
    static void checkSupported(MlxModel model, MlxChatRequestParameters parameters) {
        if (parameters.modelName() != null && !parameters.modelName().equals(model.name())) {
            throw new UnsupportedFeatureException("modelName (" + parameters.modelName()
                    + ") is not supported: this chat model runs " + model.name() + " and no other");
        }
    }

    /** What the parser must know of tools. */
    static ToolSchemas schemas(List<ToolSpecification> tools) {
        Map<String, JsonNode> schemas = new HashMap<>();
        for (ToolSpecification tool : tools) {
            Object schema = tool.parameters() == null ? Map.of() : JsonSchemaElementUtils.toMap(tool.parameters());
            schemas.put(tool.name(), JSON.valueToTree(schema));
        }
        return ToolSchemas.of(schemas);
    }

    /** Stops the generation before its next token. */
    void cancel() {
        handle.cancel();
    }

    /**
     * Waits for the end. Interrupting the waiting thread cancels the generation, as the request's cancellation does.
     *
     * @throws LangChain4jException saying why there is no response
     */
    ChatResponse await() {
        MlxCancellation cancellation = parameters.cancellation();
        Runnable cancel = this::cancel;
        if (cancellation != null) {
            cancellation.add(cancel);
        }
        try {
            return response(handle.result().get());
        } catch (InterruptedException e) {
            handle.cancel();
            Thread.currentThread().interrupt();
            throw new NonRetriableException("interrupted while the model was generating", e);
        } catch (ExecutionException | CancellationException e) {
            throw Failures.of(e);
        } finally {
            if (cancellation != null) {
                cancellation.remove(cancel);
            }
        }
    }

    /**
     * Calls this on the model's thread at the end. What it is given makes the response, or throws why there is none.
     */
    void whenDone(Consumer<Supplier<ChatResponse>> done) {
        handle.result()
                .whenComplete((result, error) -> done.accept(() -> {
                    if (error != null) {
                        throw Failures.of(error);
                    }
                    return response(result);
                }));
    }

    private ChatResponse response(GenerationResult result) {
        if (result.end() == GenerationResult.End.CANCELLED) {
            throw Failures.cancelled(null);
        }
        AiMessage.Builder message = AiMessage.builder().toolExecutionRequests(toolCalls);
        if (!text.isEmpty()) {
            message.text(text.toString());
        }
        if (!thinking.isEmpty() && Boolean.TRUE.equals(parameters.returnThinking())) {
            message.thinking(thinking.toString());
        }
        AiMessage answer = message.build();
        MlxChatResponseMetadata metadata = MlxChatResponseMetadata.builder(result)
                .id("mlx-" + IDS.incrementAndGet())
                .modelName(model.name())
                .finishReason(finishReason(result.end()))
                .firstDifference(remember(answer, result))
                .promptChanges(PromptChange.of(prompt.changes()))
                .logprobs(MlxTokenLogprob.of(result.logprobs(), model.tokenizer()))
                .build();
        ChatResponse response =
                ChatResponse.builder().aiMessage(answer).metadata(metadata).build();
        chatLog.response(model.name(), response);
        return response;
    }

    /**
     * Notes the answer for when it comes back, and tells where its prompt differed; null if the model was closed
     * meanwhile.
     */
    private PromptDifference remember(AiMessage answer, GenerationResult result) {
        try {
            boolean stopSequences = !parameters.stopSequences().isEmpty();
            model.prompts().remember(prompt, answer, output.toString(), result.generated(), stopSequences);
            if (model.ahead() != null) {
                PromptRequest asked = window.request().withMessages(window.of(request.messages()));
                model.ahead().answered(model, asked, prompt, answer, result.generated());
            }
            return PromptDifference.of(prompt, result.plan(), model.tokenizer());
        } catch (IllegalStateException e) {
            if (!model.engine().isClosed()) {
                throw e;
            }
            log.debug("{} was closed before its last answer was recorded", model.name());
            return null;
        }
    }

    private FinishReason finishReason(GenerationResult.End end) {
        return switch (end) {
            case STOP -> toolCalls.isEmpty() ? FinishReason.STOP : FinishReason.TOOL_EXECUTION;
            case LENGTH -> FinishReason.LENGTH;
            case CANCELLED -> FinishReason.OTHER;
        };
    }

    // ---- what the generation says --------------------------------------------------------------------------------

    @Override
    public void onText(String piece) {
        output.append(piece);
        parser.accept(piece);
    }

    @Override
    public boolean isThinking() {
        return parser.isThinking();
    }

    @Override
    public void onCut() {
        cut = true;
    }

    @Override
    public CacheSession.Outcome onEnd() {
        parser.finish(cut);
        return toolCalls.isEmpty() ? CacheSession.Outcome.FINISHED : CacheSession.Outcome.TOOL_CALL;
    }

    // ---- what the parser says ------------------------------------------------------------------------------------

    @Override
    public void text(String piece) {
        text.append(piece);
        if (pieces != null) {
            pieces.text(piece);
        }
    }

    @Override
    public void thinking(String piece) {
        thinking.append(piece);
        if (pieces != null && Boolean.TRUE.equals(parameters.returnThinking())) {
            pieces.thinking(piece);
        }
    }

    @Override
    public void partialToolCall(int index, String id, String name, String argumentsPiece) {
        if (pieces != null) {
            pieces.partialToolCall(index, id, name, argumentsPiece);
        }
    }

    @Override
    public void malformedToolCall(String raw, String reason) {
        model.rejectedCalls().add(raw, reason);
        text(raw);
    }

    @Override
    public void toolCall(int index, String id, String name, String arguments) {
        ToolExecutionRequest call = ToolExecutionRequest.builder()
                .id(id)
                .name(name)
                .arguments(arguments)
                .build();
        toolCalls.add(call);
        if (pieces != null) {
            pieces.toolCall(index, id, name, arguments);
        }
    }
}
