package dev.langchain4j.model.mlx;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.decision.DecisionModel;
import dev.langchain4j.model.decision.listener.DecisionModelListener;
import dev.langchain4j.model.decision.request.ContentsInput;
import dev.langchain4j.model.decision.request.DecisionInput;
import dev.langchain4j.model.decision.request.DecisionRequest;
import dev.langchain4j.model.decision.request.FieldsInput;
import dev.langchain4j.model.decision.request.MessagesInput;
import dev.langchain4j.model.decision.request.Question;
import dev.langchain4j.model.decision.request.TextInput;
import dev.langchain4j.model.decision.response.DecisionAnswer;
import dev.langchain4j.model.decision.response.DecisionResponse;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.hub.HuggingFaceHub;
import dev.langchain4j.model.mlx.parse.ReasoningFormat;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import dev.langchain4j.model.output.TokenUsage;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;

/**
 * Answers closed questions about an input with the probability of each answer: yes or no, one of several options, a
 * level of a scale. For LangChain4j's routers and query routers, with its core 1.23 and later.
 *
 * <pre>{@code
 * DecisionModel decisions = MlxDecisionModel.builder().model(mlx).build();
 * DecisionResponse response = decisions.decide(DecisionRequest.builder()
 *         .input("My parcel has not arrived.")
 *         .question("angry", YesNoQuestion.from("Is the customer angry?"))
 *         .build());
 * double angry = response.yesNo("angry").probability();
 * }</pre>
 *
 * <p>The model writes one token for each question, which can only be an answer's: {@code yes} or {@code no}, else the
 * letter of an option or level. A probability is the share of that token among those of all answers. So they always sum
 * to 1, whether the model knows the answer or not. Reasoning is left out. The question stands after the input, so the
 * prompt cache computes an input once for all questions about it. An input of messages is continued as the conversation
 * that it is.
 *
 * <p>Thread-safe. Closing it closes a model that it loaded itself, not one that it was given.
 */
public final class MlxDecisionModel implements DecisionModel, AutoCloseable {
    private static final SystemMessage SYSTEM =
            SystemMessage.from("You answer questions about what you are given. You write the answer alone.");

    /** Larger than any distance between two logits, so that other tokens have no share; added in single precision. */
    private static final double BIAS = 100;
    /** What closing the reasoning may take, for models that always reason. */
    private static final int OUTPUT_TOKENS_MAX = 64;

    private final MlxChatModel chat;
    private final List<DecisionModelListener> listeners;

    private MlxDecisionModel(Builder builder) {
        chat = builder.chat.build();
        listeners = List.copyOf(builder.listeners);
        if (chat.model().template().format(false, ToolSchemas.none()).reasoning() == ReasoningFormat.HARMONY) {
            chat.close();
            throw new UnsupportedFeatureException(
                    "DecisionModel is not supported by " + modelName()
                            + ": its chat template makes answers begin with a channel, so that the first token cannot be the answer");
        }
    }

    /** Settings of a new decision model. */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Answers the questions one after the other. Throws what {@link MlxChatModel#chat} throws.
     *
     * @throws InvalidRequestException for more options or levels than 20
     * @throws UnsupportedFeatureException for questions or inputs of other types than LangChain4j's, or another model's
     *     name
     */
    @Override
    public DecisionResponse doDecide(DecisionRequest request) {
        String name = modelName();
        ModelSettings.sameModel(request.modelName(), name);
        Map<String, ClosedQuestion> questions = new LinkedHashMap<>();
        request.questions().forEach((key, question) -> questions.put(key, closed(key, question)));
        TokenUsage usage = new MlxTokenUsage(0, 0, 0);
        Map<String, DecisionAnswer> answers = new LinkedHashMap<>();
        for (Map.Entry<String, ClosedQuestion> question : questions.entrySet()) {
            ChatResponse response =
                    ask(messages(request.input(), question.getValue().text()), question.getValue());
            usage = usage.add(response.tokenUsage());
            answers.put(question.getKey(), question.getValue().answer(probabilities(response, question.getValue())));
        }
        return DecisionResponse.builder()
                .answers(answers)
                .modelName(name)
                .tokenUsage(usage)
                .build();
    }

    /** Answers on a virtual thread. Cancelling the future cancels the question that is being answered. */
    @Override
    public CompletableFuture<DecisionResponse> doDecideAsync(DecisionRequest request) {
        return Futures.call("mlx-decide", () -> doDecide(request));
    }

    private ClosedQuestion closed(String name, Question question) {
        try {
            return ClosedQuestion.of(question, chat.model().tokenizer());
        } catch (IllegalArgumentException e) {
            throw new InvalidRequestException("question " + name + ": " + e.getMessage());
        }
    }

    private static List<ChatMessage> messages(DecisionInput input, String question) {
        return switch (input) {
            case TextInput text -> List.of(SYSTEM, UserMessage.from(text.text() + "\n\n" + question));
            case FieldsInput fields ->
                List.of(
                        SYSTEM,
                        UserMessage.from(fields.fields().entrySet().stream()
                                .map(field -> field.getKey() + ": " + field.getValue())
                                .collect(Collectors.joining("\n", "", "\n\n" + question))));
            case ContentsInput contents -> {
                List<Content> all = new ArrayList<>(contents.contents());
                all.add(TextContent.from(question));
                yield List.of(SYSTEM, UserMessage.from(all));
            }
            case MessagesInput conversation -> {
                List<ChatMessage> all = new ArrayList<>(conversation.messages());
                all.add(UserMessage.from(question));
                yield all;
            }
            default ->
                throw new UnsupportedFeatureException("input ("
                        + input.getClass().getName() + ") is not supported: text, fields, contents and messages are");
        };
    }

    private ChatResponse ask(List<ChatMessage> messages, ClosedQuestion question) {
        ChatResponse first = ask(messages, question, 1);
        // Where reasoning cannot be switched off, its end comes first.
        return labels(first, question) != null ? first : ask(messages, question, OUTPUT_TOKENS_MAX);
    }

    private ChatResponse ask(List<ChatMessage> messages, ClosedQuestion question, int tokensMax) {
        Map<Integer, Double> bias = new HashMap<>();
        question.tokens().forEach(token -> bias.put(token, BIAS));
        return chat.chat(ChatRequest.builder()
                .messages(messages)
                .parameters(MlxChatRequestParameters.builder()
                        .temperature(0.0)
                        .repetitionPenalty(1.0)
                        .presencePenalty(0.0)
                        .frequencyPenalty(0.0)
                        .logitBias(bias)
                        .topLogprobs(bias.size())
                        .reasoningEffort("none")
                        .maxOutputTokens(tokensMax)
                        .build())
                .build());
    }

    /** The first generated token that is an answer's, or null. */
    private static MlxTokenLogprob labels(ChatResponse response, ClosedQuestion question) {
        return ((MlxChatResponseMetadata) response.metadata())
                .logprobs().stream()
                        .filter(token -> question.tokens().contains(token.id()))
                        .filter(token -> token.top().size() == question.tokens().size())
                        .findFirst()
                        .orElse(null);
    }

    private static Map<Integer, Double> probabilities(ChatResponse response, ClosedQuestion question) {
        MlxTokenLogprob token = labels(response, question);
        if (token == null) {
            throw new UnsupportedFeatureException("DecisionModel is not supported by this model: it does not end its"
                    + " reasoning within " + OUTPUT_TOKENS_MAX + " tokens");
        }
        return token.top().stream()
                .collect(Collectors.toMap(MlxTokenLogprob::id, likely -> Math.exp(likely.logprob())));
    }

    @Override
    public List<DecisionModelListener> listeners() {
        return listeners;
    }

    @Override
    public ModelProvider provider() {
        return ModelProvider.OTHER;
    }

    @Override
    public String modelName() {
        return chat.model().name();
    }

    /** Releases the model if it was loaded by name or path; its last user frees it. Idempotent. */
    @Override
    public void close() {
        chat.close();
    }

    /** Settings of a decision model. */
    public static final class Builder {
        private final MlxChatModel.Builder chat = MlxChatModel.builder();
        private List<DecisionModelListener> listeners = List.of();

        private Builder() {}

        /** The loaded model to run on. One of this, {@link #modelName} and {@link #modelPath} must be set. */
        public Builder model(MlxModel loaded) {
            chat.model(loaded);
            return this;
        }

        /** Folder or Hugging Face repository id of a model that is loaded as {@link #modelPath} says. */
        public Builder modelName(String folderOrRepositoryId) {
            chat.modelName(folderOrRepositoryId);
            return this;
        }

        /** Folder of a model that is loaded, and shared as {@link MlxChatBuilder#modelPath(Path)} says. */
        public Builder modelPath(Path folder) {
            chat.modelPath(folder);
            return this;
        }

        /** Like {@link #modelPath(Path)}. */
        public Builder modelPath(String folder) {
            chat.modelPath(folder);
            return this;
        }

        /** How {@link #modelName} is found and downloaded. Default: as huggingface_hub's environment variables say. */
        public Builder hub(HuggingFaceHub huggingFaceHub) {
            chat.hub(huggingFaceHub);
            return this;
        }

        /** Maximum time of each question, including the time in the queue. Default: none. */
        public Builder timeout(Duration timeout) {
            chat.timeout(timeout);
            return this;
        }

        /** Which conversations share computed prefixes. Default: {@link Isolation#SHARED}. */
        public Builder isolation(Isolation isolation) {
            chat.isolation(isolation);
            return this;
        }

        /** Listeners for each request, its response or its failure. Default: none. */
        public Builder listeners(List<DecisionModelListener> decisionListeners) {
            listeners = decisionListeners == null ? List.of() : decisionListeners;
            return this;
        }

        /**
         * Makes the decision model; loads the MLX model if a name or path was given.
         *
         * @throws InvalidRequestException if a setting is missing or not valid
         * @throws UnsupportedFeatureException for models that write channels (gpt-oss)
         * @throws dev.langchain4j.exception.ModelNotFoundException if there is no such model
         */
        public MlxDecisionModel build() {
            return new MlxDecisionModel(this);
        }
    }
}
