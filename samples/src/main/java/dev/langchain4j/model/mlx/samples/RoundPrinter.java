package dev.langchain4j.model.mlx.samples;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.listener.ChatModelRequestContext;
import dev.langchain4j.model.chat.listener.ChatModelResponseContext;
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
        RoundCost cost = RoundCost.of(context);
        out.accept(String.format(
                Locale.ROOT, "      [%s at %.0f/s]", cost, cost.metadata().decodeTokensPerSecond()));
    }
}
