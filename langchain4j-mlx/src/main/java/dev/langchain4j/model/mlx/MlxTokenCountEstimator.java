package dev.langchain4j.model.mlx;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.TokenCountEstimator;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.calls.OutputFormat;
import dev.langchain4j.model.mlx.prompt.PromptRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;

/**
 * Counts tokens with a model's own tokenizer and chat template: exact for texts and for messages that make a prompt,
 * with their images and the reasoning that the model gets back. Content that a chat template refuses to render, or
 * renders only if tools are offered, is counted as plain text. Thread-safe.
 *
 * <p>All methods throw {@link UnsupportedFeatureException} for content that the model does not read.
 */
public final class MlxTokenCountEstimator implements TokenCountEstimator {
    private final ToIntFunction<String> tokensOfText;
    private final ToIntFunction<List<ChatMessage>> tokensOfPrompt;

    /**
     * @param tokensOfText tokens of a text, without special tokens around it
     * @param tokensOfPrompt tokens of the prompt that messages make, at least one of them; throws
     *     {@link InvalidRequestException} where the template refuses them
     */
    MlxTokenCountEstimator(ToIntFunction<String> tokensOfText, ToIntFunction<List<ChatMessage>> tokensOfPrompt) {
        this.tokensOfText = Objects.requireNonNull(tokensOfText, "tokensOfText");
        this.tokensOfPrompt = Objects.requireNonNull(tokensOfPrompt, "tokensOfPrompt");
    }

    /** Counts what a model's prompts have. */
    static MlxTokenCountEstimator of(MlxModel model, OutputFormat format) {
        return new MlxTokenCountEstimator(model.prompts()::count, messages -> model.prompts()
                .write(new PromptRequest(
                        messages, List.of(), Map.of(), format, null, Isolation.SHARED, false, model.pictures(messages)))
                .tokens()
                .length);
    }

    /** Tokens of a text, without special tokens around it. */
    @Override
    public int estimateTokenCountInText(String text) {
        return text.isEmpty() ? 0 : tokensOfText.applyAsInt(text);
    }

    /**
     * Tokens that one more message adds to a prompt, its markers included, but without what every prompt has once, such
     * as a default system message and the opening of the answer.
     */
    @Override
    public int estimateTokenCountInMessage(ChatMessage message) {
        try {
            return tokensOfPrompt.applyAsInt(List.of(message, message)) - tokensOfPrompt.applyAsInt(List.of(message));
        } catch (InvalidRequestException e) {
            return estimateTokenCountInText(text(message));
        } catch (UnsupportedFeatureException e) {
            if (isTextOfTools(message)) {
                return estimateTokenCountInText(text(message));
            }
            throw e;
        }
    }

    /** Tokens of the whole prompt that these messages make; 0 if there are none. */
    @Override
    public int estimateTokenCountInMessages(Iterable<ChatMessage> messages) {
        List<ChatMessage> list = new ArrayList<>();
        messages.forEach(list::add);
        if (list.isEmpty()) {
            return 0;
        }
        try {
            return tokensOfPrompt.applyAsInt(list);
        } catch (LangChain4jException e) {
            if (!Failures.isRefusal(e)) {
                throw e;
            }
            return list.stream().mapToInt(this::estimateTokenCountInMessage).sum();
        }
    }

    private static String text(ChatMessage message) {
        return switch (message) {
            case SystemMessage system -> system.text();
            case UserMessage user -> text(user.contents());
            case AiMessage answer -> text(answer);
            case ToolExecutionResultMessage result -> text(result.contents());
            default -> message.toString();
        };
    }

    private static String text(List<Content> contents) {
        return contents.stream()
                .filter(TextContent.class::isInstance)
                .map(content -> ((TextContent) content).text())
                .collect(Collectors.joining("\n"));
    }

    /** Whether a message has calls or a result, and text only: a request that offers tools may have it. */
    private static boolean isTextOfTools(ChatMessage message) {
        return switch (message) {
            case AiMessage answer ->
                answer.hasToolExecutionRequests() && answer.images().isEmpty();
            case ToolExecutionResultMessage result ->
                result.contents().stream().allMatch(TextContent.class::isInstance);
            default -> false;
        };
    }

    private static String text(AiMessage answer) {
        StringBuilder text = new StringBuilder(Objects.requireNonNullElse(answer.text(), ""));
        answer.toolExecutionRequests()
                .forEach(call ->
                        text.append('\n').append(call.name()).append(' ').append(call.arguments()));
        return text.toString();
    }
}
