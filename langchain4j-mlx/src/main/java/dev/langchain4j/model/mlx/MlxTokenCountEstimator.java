package dev.langchain4j.model.mlx;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.TokenCountEstimator;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;

/**
 * Counts tokens with a model's own tokenizer and chat template: exact for texts and for messages that make a prompt. What
 * a chat template refuses to render, such as a tool's result without its call, is counted as plain text. Thread-safe.
 *
 * <p>All methods throw {@link dev.langchain4j.exception.UnsupportedFeatureException} for content that is no text.
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
        } catch (InvalidRequestException e) {
            return list.stream().mapToInt(this::estimateTokenCountInMessage).sum();
        }
    }

    private static String text(ChatMessage message) {
        return switch (message) {
            case SystemMessage system -> system.text();
            case UserMessage user ->
                user.contents().stream()
                        .filter(TextContent.class::isInstance)
                        .map(content -> ((TextContent) content).text())
                        .collect(Collectors.joining("\n"));
            case AiMessage answer -> text(answer);
            case ToolExecutionResultMessage result -> Objects.requireNonNullElse(result.text(), "");
            default -> message.toString();
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
