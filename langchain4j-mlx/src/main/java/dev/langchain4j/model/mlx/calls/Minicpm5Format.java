package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.ArgumentTags;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** MiniCPM 5: function tags with a name attribute, and values in CDATA where need be. */
final class Minicpm5Format extends WireFormat {
    private static final ArgumentTags TAGS = new ArgumentTags(
            "<function name=\"%s\">", "<param name=\"%s\">", "</param>", "</function>", false, false, false, false);

    Minicpm5Format() {
        super("<function name=");
    }

    @Override
    boolean isToldBy(Clues clues) {
        return clues.says("<function name=") && clues.says("<param name=");
    }

    @Override
    public List<String> ends() {
        return List.of("</function>");
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new XmlCalls(calls, tools, XmlCalls.Tags.MINICPM, "", true);
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return text.each(calls, "", call -> text.tagged(call, TAGS, ""));
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.tagged("", "", TAGS);
    }
}
