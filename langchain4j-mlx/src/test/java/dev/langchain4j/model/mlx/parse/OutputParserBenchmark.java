package dev.langchain4j.model.mlx.parse;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.langchain4j.model.mlx.calls.ToolCallFormat;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Reading an output of 4,000 characters with reasoning, an answer and a call, four characters a piece as tokens are.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class OutputParserBenchmark {
    private static final int PIECE = 4;
    private static final Map<String, JsonNode> TOOLS = Map.of("weather", JsonNodeFactory.instance.objectNode());
    private static final String CALL = "{\"name\": \"weather\", \"arguments\": {\"city\": \"Rome\", \"days\": 3}}";

    /** The format; the other characters of the output are the same. */
    @Param({"HERMES", "MISTRAL", "HARMONY"})
    public ToolCallFormat format;

    @Benchmark
    public int read() {
        Counter counter = new Counter();
        OutputParser parser = OutputParser.builder(counter)
                .reasoning(format == ToolCallFormat.HARMONY ? ReasoningFormat.HARMONY : ReasoningFormat.THINK, false)
                .toolCalls(format.reading(), ToolSchemas.of(TOOLS))
                .build();
        String output = output();
        for (int i = 0; i < output.length(); i += PIECE) {
            parser.accept(output.substring(i, Math.min(output.length(), i + PIECE)));
        }
        parser.finish();
        return counter.chars;
    }

    private String output() {
        String thinking = "Let me think about it once more. ".repeat(60);
        String answer = "Here is what I know about it. ".repeat(60);
        return switch (format) {
            case HARMONY ->
                "<|channel|>analysis<|message|>" + thinking + "<|end|><|start|>assistant<|channel|>final<|message|>"
                        + answer
                        + "<|end|><|start|>assistant to=functions.weather<|channel|>commentary json<|message|>"
                        + "{\"city\": \"Rome\", \"days\": 3}<|call|>";
            case MISTRAL -> "<think>" + thinking + "</think>" + answer + "[TOOL_CALLS][" + CALL + "]";
            default -> "<think>" + thinking + "</think>" + answer + "<tool_call>" + CALL + "</tool_call>";
        };
    }

    private static final class Counter implements OutputSink {
        private int chars;

        @Override
        public void text(String piece) {
            chars += piece.length();
        }

        @Override
        public void thinking(String piece) {
            chars += piece.length();
        }

        @Override
        public void partialToolCall(int index, String id, String name, String argumentsPiece) {
            chars += argumentsPiece.length();
        }

        @Override
        public void toolCall(int index, String id, String name, String arguments) {
            chars += arguments.length();
        }
    }
}
