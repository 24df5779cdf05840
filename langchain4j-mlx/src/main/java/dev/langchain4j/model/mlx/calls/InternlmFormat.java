package dev.langchain4j.model.mlx.calls;

import static dev.langchain4j.model.mlx.grammar.CallGrammar.BLANK;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** InternLM 2: JSON between action tokens. */
final class InternlmFormat extends WireFormat {
    private static final String START = "<|action_start|><|plugin|>";
    private static final String END = "<|action_end|>";

    InternlmFormat() {
        super(START);
    }

    @Override
    boolean isToldBy(Clues clues) {
        return clues.says("<|action_start|>");
    }

    @Override
    public List<String> ends() {
        return List.of(END);
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new JsonCalls(calls, tools, JsonCalls.Block.MARKED, END);
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return text.each(calls, "\n", call -> START + "\n" + text.object(call, argumentsKey(text.template())) + END);
    }

    @Override
    String grammar(CallGrammar grammar) {
        String call = BLANK + grammar.object(argumentsKey(grammar.template()));
        return grammar.repeated(BLANK, START, call, END);
    }

    /** The word that the template itself uses for arguments. */
    private static String argumentsKey(String template) {
        boolean arguments = template.contains("\"arguments\"") || template.contains("'arguments'");
        return arguments ? "arguments" : "parameters";
    }
}
