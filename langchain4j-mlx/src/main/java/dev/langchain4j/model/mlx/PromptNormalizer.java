package dev.langchain4j.model.mlx;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import java.util.Objects;
import java.util.regex.Pattern;

/**
 * Rewrites volatile text in a message before the chat template renders it. The prompt cache reuses a prompt up to the
 * first token that differs, so a date or a counter at the beginning of a system message would prevent reuse. A
 * normalizer removes it, or makes it constant. The model reads what the normalizer returns.
 *
 * <p>It is called for every message of every request, on the caller's thread, and must be a pure function: the same
 * message gives the same message. What it throws, the request throws. Implementations must be thread-safe.
 *
 * <pre>{@code
 * MlxModel.builder().modelName("mlx-community/Qwen3-4B-4bit").promptNormalizer(PromptNormalizer.withoutBillingHeader())
 * }</pre>
 */
@FunctionalInterface
public interface PromptNormalizer {

    /**
     * The message as the model is to read it.
     *
     * @param message a message of the request
     * @return this message, or another one in its place; not null
     */
    ChatMessage normalize(ChatMessage message);

    /** Applies this one, then another. */
    default PromptNormalizer andThen(PromptNormalizer next) {
        Objects.requireNonNull(next, "next");
        return message -> next.normalize(normalize(message));
    }

    /** Leaves messages as they are. The default. */
    static PromptNormalizer none() {
        return message -> message;
    }

    /**
     * Takes the line {@code x-anthropic-billing-header: ...} out of system messages: some coding agents put it there,
     * with a checksum that differs in each request. Other lines stay, those of other headers of that prefix too. A
     * message of nothing else is left as it is.
     */
    static PromptNormalizer withoutBillingHeader() {
        Pattern line = Pattern.compile("(?m)^x-anthropic-billing-header:.*(?:\\R|\\z)");
        return message -> {
            if (!(message instanceof SystemMessage system)) {
                return message;
            }
            String text = line.matcher(system.text()).replaceAll("");
            return text.isBlank() || text.equals(system.text()) ? message : SystemMessage.from(text);
        };
    }
}
