package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.ArgumentTags;
import dev.langchain4j.model.mlx.grammar.CallGrammar;
import dev.langchain4j.model.mlx.parse.CallEmitter;
import dev.langchain4j.model.mlx.parse.CallReader;
import dev.langchain4j.model.mlx.parse.Input;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.List;

/** Muse Spark and Glimmer: invoke tags with a prefix, in messages to the tool. */
final class MuseSparkFormat extends MarkedFormat {
    private static final String TO = " to=";
    private static final String MESSAGE = "<|message|>";
    private static final String START = "<atem:function_calls>";
    private static final String END = "</atem:function_calls>";
    private static final ArgumentTags TAGS = new ArgumentTags(
            "<atem:invoke name=\"%s\">",
            "<atem:parameter name=\"%s\">", "</atem:parameter>", "</atem:invoke>", false, true, true, false);

    MuseSparkFormat() {
        super(START, END);
    }

    /** The header of a message to a tool: {@code  to=NAME<|message|>}. */
    @Override
    public int headerLength(Input in, int at) {
        Input.Match match = in.ahead(at) == ' ' ? in.matchAhead(at, TO) : Input.Match.NO;
        if (match != Input.Match.YES) {
            return match == Input.Match.MAYBE ? -1 : 0;
        }
        int end = CallReader.nameEnd(in, at + TO.length());
        if (end - at > CallReader.NAME_MAX) {
            return 0;
        }
        return switch (in.matchAhead(end, MESSAGE)) {
            case YES -> end + MESSAGE.length() - at;
            case MAYBE -> -1;
            case NO -> 0;
        };
    }

    @Override
    CallReader openMarked(String start, CallEmitter calls, ToolSchemas tools) {
        return new XmlCalls(calls, tools, XmlCalls.Tags.nameAttribute("atem:"), END, false);
    }

    @Override
    String write(List<Call> calls, CallText text) {
        return text.each(
                calls,
                "<|eom|><|start|>assistant",
                call -> " to=" + call.name() + MESSAGE + START + "\n" + text.tagged(call, TAGS, "\n") + END);
    }

    @Override
    String grammar(CallGrammar grammar) {
        String call = grammar.each((name, schema) -> grammar.text(" to=" + name + MESSAGE + START + "\n")
                + grammar.tagged(name, schema, TAGS)
                + grammar.text(END));
        String several = grammar.severalWith(call, grammar.text("<|eom|><|start|>assistant"));
        return "((" + grammar.text("<|start|>assistant") + ")? " + several + ")";
    }
}
