package dev.langchain4j.model.mlx.calls;

import static dev.langchain4j.model.mlx.grammar.CallGrammar.BLANK;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** A JSON list of calls behind a marker: Nemotron Nano 2, Jamba, Apriel. */
class JsonListFormat extends MarkedFormat {
    JsonListFormat(String start, String end) {
        super(start, end);
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new JsonCalls(calls, tools, JsonCalls.Block.MARKED, end);
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return start + text.list(calls, "arguments") + end;
    }

    @Override
    boolean isWrittenIntoText() {
        return true;
    }

    @Override
    String grammar(CallGrammar grammar) {
        String list = grammar.text(start) + BLANK + grammar.list("arguments");
        return end.isEmpty() ? list : list + grammar.end(end);
    }
}
