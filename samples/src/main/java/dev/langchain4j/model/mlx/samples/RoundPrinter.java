package dev.langchain4j.model.mlx.samples;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.listener.ChatModelRequestContext;
import dev.langchain4j.model.chat.listener.ChatModelResponseContext;
import dev.langchain4j.model.mlx.MlxChatResponseMetadata;
import dev.langchain4j.model.mlx.MlxTokenUsage;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/** Prints each round of a tool loop: results that came back, calls that were made, and what the round cost. */
final class RoundPrinter implements ChatModelListener {
    private final Consumer<String> out;

    /** Prints line by line. */
    RoundPrinter(Consumer<String> out) {
        this.out = out;
    }

    @Override
    public void onRequest(ChatModelRequestContext context) {
        List<ChatMessage> messages = context.chatRequest().messages();
        int first = messages.size();
        while (first > 0 && messages.get(first - 1) instanceof ToolExecutionResultMessage) {
            first--;
        }
        for (ChatMessage message : messages.subList(first, messages.size())) {
            out.accept("      <- " + ((ToolExecutionResultMessage) message).text());
        }
    }

    @Override
    public void onResponse(ChatModelResponseContext context) {
        for (ToolExecutionRequest call : context.chatResponse().aiMessage().toolExecutionRequests()) {
            out.accept("      -> " + call.name() + " " + call.arguments());
        }
        MlxChatResponseMetadata metadata =
                (MlxChatResponseMetadata) context.chatResponse().metadata();
        MlxTokenUsage usage = (MlxTokenUsage) metadata.tokenUsage();
        out.accept(String.format(
                Locale.ROOT,
                "      [prompt %d = %d cached + %d prefilled | first token %.0f ms | %d tokens at %.0f/s]",
                usage.inputTokenCount(),
                usage.cachedTokens(),
                usage.inputTokenCount() - usage.cachedTokens(),
                metadata.timeToFirstToken().toNanos() / 1e6,
                usage.outputTokenCount(),
                metadata.decodeTokensPerSecond()));
    }
}
