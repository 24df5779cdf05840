package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** Functionary 2 and 3.2: messages to recipients, the answer being one to everyone. */
final class RecipientFormat extends WireFormat {
    private final String clue;
    private final Recipients recipients;

    /** @param clue opens a message to everyone, as templates say it */
    RecipientFormat(String clue, Recipients recipients) {
        this.clue = clue;
        this.recipients = recipients;
    }

    @Override
    boolean isToldBy(Clues clues) {
        return clues.says(clue);
    }

    @Override
    public Recipients recipients() {
        return recipients;
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        throw new IllegalStateException("messages have no blocks of calls");
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return text.each(
                calls, recipients.start(), call -> call.name() + recipients.headerEnd() + text.arguments(call));
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.messages(recipients.start(), recipients.headerEnd());
    }
}
