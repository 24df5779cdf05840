package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.ArgumentTags;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** MiniMax M2: invoke tags. */
final class MinimaxM2Format extends WireFormat {
    private static final String START = "<minimax:tool_call>";
    private static final String END = "</minimax:tool_call>";
    private static final ArgumentTags TAGS = new ArgumentTags(
            "<invoke name=\"%s\">", "<parameter name=\"%s\">", "</parameter>", "</invoke>", false, true, true, false);

    MinimaxM2Format() {
        super(START);
    }

    @Override
    boolean isToldBy(Clues clues) {
        return clues.says(START);
    }

    @Override
    String token() {
        return START;
    }

    @Override
    public List<String> ends() {
        return List.of(END);
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new XmlCalls(calls, tools, XmlCalls.Tags.nameAttribute(""), END, false);
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return START + "\n" + text.each(calls, "", call -> text.tagged(call, TAGS, "\n")) + END;
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.tagged(START, END, TAGS);
    }
}
