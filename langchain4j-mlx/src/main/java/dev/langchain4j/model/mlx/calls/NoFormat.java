package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.Input;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** The template does not know tools; nothing is read as a call. */
final class NoFormat extends WireFormat {
    @Override
    boolean isToldBy(Clues clues) {
        return false;
    }

    @Override
    public boolean opensBare(Input in, int at, ToolSchemas tools) {
        return false;
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return openBare(calls, tools);
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return "";
    }

    @Override
    String grammar(CallGrammar grammar) {
        throw new UnsupportedFeatureException(
                "ToolChoice.REQUIRED is not supported by this model: its chat template knows no tools");
    }
}
