package dev.langchain4j.model.mlx.calls;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.model.mlx.parse.OutputParser;
import dev.langchain4j.model.mlx.parse.OutputSink;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CallWriterTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<CallWriter.Call> CALLS = List.of(
            new CallWriter.Call("get_weather", "{\"city\":\"São Paulo, \\\"SP\\\"\",\"days\":3}"),
            new CallWriter.Call("book", "{\"options\":{\"flex\":true,\"seat\":null,\"bags\":[1,2.5]}}"),
            new CallWriter.Call("now", "{}"));

    @ParameterizedTest
    @EnumSource
    void whatIsWrittenIsReadBack(ToolCallFormat format) throws JsonProcessingException {
        String text = CallWriter.write(format, CALLS).orElse(null);
        if (text == null) {
            assertThat(format.reading().starts())
                    .as("formats without a marker have to be written")
                    .satisfiesAnyOf(starts -> assertThat(starts).isNotEmpty(), starts -> assertThat(format)
                            .isIn(
                                    ToolCallFormat.NONE,
                                    ToolCallFormat.HARMONY,
                                    ToolCallFormat.FUNCTIONARY_V2,
                                    ToolCallFormat.FUNCTIONARY_V3));
            return;
        }
        List<String> read = new ArrayList<>();
        OutputSink sink = new OutputSink() {
            @Override
            public void text(String piece) {
                read.add("text " + piece);
            }

            @Override
            public void thinking(String piece) {
                read.add("thinking " + piece);
            }

            @Override
            public void partialToolCall(int index, String id, String name, String argumentsPiece) {}

            @Override
            public void toolCall(int index, String id, String name, String arguments) {
                read.add(name + " " + arguments);
            }
        };
        Map<String, com.fasterxml.jackson.databind.JsonNode> schemas = Map.of(
                "get_weather",
                JSON.createObjectNode(),
                "book",
                JSON.createObjectNode(),
                "now",
                JSON.createObjectNode());
        OutputParser parser = OutputParser.builder(sink)
                .toolCalls(format.reading(), ToolSchemas.of(schemas))
                .build();
        parser.accept(text);
        parser.finish();
        assertThat(read).hasSameSizeAs(CALLS);
        for (int i = 0; i < read.size(); i++) {
            String call = read.get(i);
            assertThat(call).startsWith(CALLS.get(i).name() + " ");
            assertThat(JSON.readTree(call.substring(call.indexOf(' ') + 1)))
                    .isEqualTo(JSON.readTree(CALLS.get(i).arguments()));
        }
    }

    @Test
    void pythonHasItsOwnWordsForConstants() {
        assertThat(CallWriter.write(ToolCallFormat.PYTHONIC, CALLS.subList(1, 2)))
                .contains("<|tool_call_start|>[book(options={\"flex\": True, \"seat\": None, \"bags\": [1, 2.5]})]"
                        + "<|tool_call_end|>");
    }
}
