package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallFormat;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.Input;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;
import java.util.function.Predicate;

/**
 * All that is known of one way to write tool calls: what tells it, its markers, its reader, its writer and its grammar.
 * A subclass for each, or for several that differ in their markers only; {@link ToolCallFormat} names them. Stateless.
 */
abstract class WireFormat implements CallFormat {

    /**
     * What a model's format is told from.
     *
     * @param template the source of its chat template
     * @param tokens whether a text is one of the tokens that were added to its vocabulary
     */
    record Clues(String template, Predicate<String> tokens) {
        boolean says(String text) {
            return template.contains(text);
        }
    }

    private final List<String> starts;

    /** @param starts markers that open a block of calls */
    WireFormat(String... starts) {
        this.starts = List.of(starts);
    }

    /** Whether the template alone tells this format. Formats are asked in their order; the first decides. */
    abstract boolean isToldBy(Clues clues);

    /** A marker that is a token of models of this format only, for templates that do not say it; empty for none. */
    String token() {
        return "";
    }

    /** The calls as the model writes them. */
    abstract String write(List<CallWriter.Call> calls, CallText text);

    /** An expression for one or more calls. */
    abstract String grammar(CallGrammar grammar);

    /** Whether templates of this family may show an assistant's text only, so that calls are to be written into it. */
    boolean isWrittenIntoText() {
        return false;
    }

    @Override
    public List<String> starts() {
        return starts;
    }

    /** JSON that can be nothing but calls of known tools is read without its markers. */
    @Override
    public boolean opensBare(Input in, int at, ToolSchemas tools) {
        return in.ahead(at) == '{' || in.ahead(at) == '[';
    }

    @Override
    public CallReader open(String start, CallEmitter calls, ToolSchemas tools) {
        return start.isEmpty() ? openBare(calls, tools) : openMarked(start, calls, tools);
    }

    /** A reader for a block that has no marker. */
    CallReader openBare(CallEmitter calls, ToolSchemas tools) {
        return new JsonCalls(calls, tools, JsonCalls.Block.BARE, "");
    }

    /** A reader for a block behind one of the markers. */
    abstract CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools);
}
