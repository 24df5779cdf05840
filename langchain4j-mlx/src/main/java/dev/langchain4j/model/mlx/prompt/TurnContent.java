package dev.langchain4j.model.mlx.prompt;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import java.util.List;

/**
 * What identifies an assistant's message, whoever kept it in between: its text and calls. Reasoning is no part of it,
 * for most applications do not keep it; nor is the spelling of arguments.
 */
record TurnContent(String text, List<Call> calls, int hash) {

    record Call(String id, String name, JsonNode arguments) {}

    TurnContent(String text, List<Call> calls) {
        this(text, calls, 31 * text.hashCode() + calls.hashCode());
    }

    static TurnContent of(AiMessage message) {
        return new TurnContent(
                message.text() == null ? "" : message.text(),
                message.toolExecutionRequests().stream().map(TurnContent::call).toList());
    }

    private static Call call(ToolExecutionRequest request) {
        return new Call(request.id(), request.name(), TurnReading.arguments(request.arguments()));
    }

    /** Made once: it is asked for whenever a message comes back. */
    @Override
    public int hashCode() {
        return hash;
    }

    boolean hasCallIds() {
        return calls.stream().anyMatch(call -> call.id != null && !call.id.isBlank());
    }
}
