package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.calls.OutputFormat;
import dev.langchain4j.model.mlx.vision.PromptPictures.Picture;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What is to be written as a prompt.
 *
 * @param messages the conversation so far
 * @param tools the tools that are offered
 * @param arguments more variables for the template, see {@link ChatTemplate#arguments}; null for none
 * @param format how the model writes its answers with these tools
 * @param conversation the memory ID, or null
 * @param isolation whether turns that were generated for other conversations may be recognised
 * @param allowControlTokens whether names of control tokens in the request's texts are those tokens, not text
 * @param pictures the images of the messages, in order
 */
public record PromptRequest(
        List<ChatMessage> messages,
        List<ToolSpecification> tools,
        Map<String, Object> arguments,
        OutputFormat format,
        Object conversation,
        Isolation isolation,
        boolean allowControlTokens,
        List<Picture> pictures) {
    /** A request without images. */
    public PromptRequest(
            List<ChatMessage> messages,
            List<ToolSpecification> tools,
            Map<String, Object> arguments,
            OutputFormat format,
            Object conversation,
            Isolation isolation,
            boolean allowControlTokens) {
        this(messages, tools, arguments, format, conversation, isolation, allowControlTokens, List.of());
    }

    /** A request in whose texts names of control tokens are text. */
    public PromptRequest(
            List<ChatMessage> messages,
            List<ToolSpecification> tools,
            Map<String, Object> arguments,
            OutputFormat format,
            Object conversation,
            Isolation isolation) {
        this(messages, tools, arguments, format, conversation, isolation, false);
    }

    /** Checks that what is required is there. */
    public PromptRequest {
        messages = List.copyOf(messages);
        tools = List.copyOf(tools);
        pictures = List.copyOf(pictures);
        arguments = arguments == null ? Map.of() : Collections.unmodifiableMap(new LinkedHashMap<>(arguments));
        Objects.requireNonNull(format, "format");
        Objects.requireNonNull(isolation, "isolation");
    }

    /** The same request with other messages, which have the same images. */
    public PromptRequest withMessages(List<ChatMessage> others) {
        return new PromptRequest(
                others, tools, arguments, format, conversation, isolation, allowControlTokens, pictures);
    }

    /** The same request with other messages, which have not the first so many images. */
    PromptRequest behind(List<ChatMessage> others, int images) {
        return new PromptRequest(
                others,
                tools,
                arguments,
                format,
                conversation,
                isolation,
                allowControlTokens,
                pictures.subList(Math.min(images, pictures.size()), pictures.size()));
    }
}
