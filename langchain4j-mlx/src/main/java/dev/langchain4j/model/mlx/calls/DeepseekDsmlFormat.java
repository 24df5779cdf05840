package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.ArgumentTags;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** DeepSeek V3.2 and V4: invoke tags whose parameters say whether they are strings. */
final class DeepseekDsmlFormat extends WireFormat {
    private static final ArgumentTags TAGS = new ArgumentTags(
            "<｜DSML｜invoke name=\"%s\">",
            "<｜DSML｜parameter name=\"%s\"", "</｜DSML｜parameter>", "</｜DSML｜invoke>", false, true, true, true);

    DeepseekDsmlFormat() {
        super("<｜DSML｜function_calls>", "<｜DSML｜tool_calls>");
    }

    @Override
    boolean isToldBy(Clues clues) {
        return clues.says("｜DSML｜");
    }

    @Override
    public List<String> ends() {
        return List.of("</｜DSML｜function_calls>", "</｜DSML｜tool_calls>");
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new XmlCalls(calls, tools, XmlCalls.Tags.nameAttribute("｜DSML｜"), "</" + start.substring(1), false);
    }

    @Override
    String write(List<Call> calls, CallText text) {
        String block = block(text.template());
        return "<" + block + "\n" + text.each(calls, "", call -> text.tagged(call, TAGS, "\n")) + "</" + block;
    }

    @Override
    String grammar(CallGrammar grammar) {
        String block = block(grammar.template());
        return grammar.tagged("<" + block, "</" + block, TAGS);
    }

    private static String block(String template) {
        boolean newer = template.contains("tool_calls>") && !template.contains("function_calls>");
        return newer ? "｜DSML｜tool_calls>" : "｜DSML｜function_calls>";
    }
}
