package dev.langchain4j.model.mlx.calls;

import static dev.langchain4j.model.mlx.grammar.CallGrammar.BLANK;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** Command R and R+: a JSON list in a code fence. */
final class CommandRFormat extends WireFormat {
    private static final String START = "Action: ```json";
    private static final String END = "```";

    CommandRFormat() {
        super("Action:```json", START);
    }

    @Override
    boolean isToldBy(Clues clues) {
        return clues.says("directly_answer");
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new JsonCalls(calls, tools, JsonCalls.Block.MARKED, END);
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return START + "\n" + text.list(calls, "tool_name", "parameters", "") + "\n" + END;
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.text(START) + BLANK + grammar.list("tool_name", "parameters", "") + grammar.end(END);
    }
}
