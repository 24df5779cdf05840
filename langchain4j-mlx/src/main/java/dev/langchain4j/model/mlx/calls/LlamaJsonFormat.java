package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.Input;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** Llama 3.1 to 4: one JSON object, with or without a marker. Llama 4 puts its Python markers around text, too. */
final class LlamaJsonFormat extends WireFormat {
    private static final String PYTHON_TAG = "<|python_tag|>";
    private static final String PYTHON_START = "<|python_start|>";

    LlamaJsonFormat() {
        super(PYTHON_TAG, PYTHON_START, "<|python_end|>");
    }

    @Override
    boolean isToldBy(Clues clues) {
        return clues.says(PYTHON_TAG) || clues.says("\"parameters\": dictionary");
    }

    @Override
    CallReader openBare(CallEmitter calls, ToolSchemas tools) {
        return new JsonCalls(calls, tools, JsonCalls.Block.BARE_BY_NATURE, "");
    }

    /** Behind the markers of Python a call stands only where it looks like one. */
    @Override
    public Input.Match opensCall(String start, Input in) {
        if (start.equals(PYTHON_TAG)) {
            return Input.Match.YES;
        }
        boolean python = start.equals(PYTHON_START);
        int at = in.skipBlank(start.length());
        at = python ? CallReader.nameEnd(in, at) : at;
        if (at == in.available()) {
            return in.ended() ? Input.Match.NO : Input.Match.MAYBE;
        }
        return (python ? "{[(" : "{").indexOf(in.ahead(at)) >= 0 ? Input.Match.YES : Input.Match.NO;
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new TaggedCalls(calls, tools, "", "");
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return text.each(calls, "; ", call -> text.object(call, "parameters"));
    }

    @Override
    boolean isWrittenIntoText() {
        return true;
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.object("parameters");
    }
}
