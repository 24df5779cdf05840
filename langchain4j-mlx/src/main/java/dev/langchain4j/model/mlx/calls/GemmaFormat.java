package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.LenientJson;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** Gemma 4 and FunctionGemma: {@code call:name{..}} with strings between quotes of the family. */
final class GemmaFormat extends MarkedFormat {
    private final String quote;
    private final LenientJson.Dialect dialect;

    GemmaFormat(String start, String end, String quote, LenientJson.Dialect dialect) {
        super(start, end);
        this.quote = quote;
        this.dialect = dialect;
    }

    @Override
    String token() {
        return start;
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new GemmaCalls(calls, tools, dialect, end);
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return text.each(calls, "", call -> start + "call:" + call.name() + text.gemma(call, quote) + end);
    }

    @Override
    String grammar(CallGrammar grammar) {
        return grammar.gemma(start, end, quote);
    }
}
