package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** Functionary 2: messages to recipients behind {@code <|recipient|>}. */
final class FunctionaryV2Format extends WireFormat {
    private static final Recipients RECIPIENTS =
            new Recipients("<|from|>assistant\n<|recipient|>", "\n<|content|>", "all");

    @Override
    boolean isToldBy(Clues clues) {
        return clues.says("<|recipient|>all");
    }

    @Override
    public Recipients recipients() {
        return RECIPIENTS;
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        throw new IllegalStateException("messages have no blocks of calls");
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return text.each(
                calls, RECIPIENTS.start(), call -> call.name() + RECIPIENTS.headerEnd() + text.arguments(call));
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.messages(RECIPIENTS.start(), RECIPIENTS.headerEnd());
    }
}
