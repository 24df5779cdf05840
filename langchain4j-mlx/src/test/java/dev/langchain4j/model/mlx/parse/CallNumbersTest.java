package dev.langchain4j.model.mlx.parse;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.calls.ToolCallFormat;
import java.math.BigDecimal;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Numbers in arguments have the digits that the model wrote, also those that Java has no number for. */
class CallNumbersTest {
    private static final ToolSchemas TOOLS = OutputParserTest.TOOLS;

    private static Recorder read(String output) {
        Recorder recorder = new Recorder();
        OutputParser parser = OutputParser.builder(recorder)
                .toolCalls(ToolCallFormat.HERMES.reading(), TOOLS)
                .ids(Recorder.countingIds())
                .build();
        parser.accept(output);
        parser.finish(false);
        return recorder;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "1e400",
                "-1e2147483647",
                "1e-2147483647",
                "0.30000000000000000004",
                "1.0",
                "12345678901234567890123"
            })
    void a_number_keeps_its_digits(String number) {
        String arguments = "{\"city\": \"Paris\", \"other\": " + number + "}";
        for (String output : List.of(
                "<tool_call>{\"name\": \"weather\", \"arguments\": " + arguments + "}</tool_call>",
                "<tool_call>{\"name\": \"weather\", \"city\": \"Paris\", \"other\": " + number + "}</tool_call>",
                "<tool_call>{\"name\": \"weather\", \"arguments\": \"" + arguments.replace("\"", "\\\"")
                        + "\"}</tool_call>",
                "<tool_call><function=weather><parameter=city>Paris</parameter><parameter=other>" + number
                        + "</parameter></function></tool_call>")) {
            Recorder recorder = read(output);
            assertThat(recorder.calls).as(output).hasSize(1);
            assertThat(recorder.calls.getFirst().arguments()).as(output).contains(number);
        }
        String wrapped =
                "<tool_call>{\"name\": \"weather\", \"arguments\": {\"properties\": " + arguments + "}}</tool_call>";
        String written = read(wrapped).calls.getFirst().arguments();
        assertThat(new BigDecimal(written.replaceAll(".*other\":|}", ""))).isEqualTo(new BigDecimal(number));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            value = {
                "days ~ 3.0 ~ 3",
                "days ~ 2.5e1 ~ 25",
                "days ~ 1e400 ~ \"1e400\"",
                "days ~ 1e2147483647 ~ \"1e2147483647\"",
                "days ~ -1e2147483647 ~ \"-1e2147483647\"",
                "days ~ 1e-2147483647 ~ \"1e-2147483647\"",
                "days ~ 1e99999999999 ~ \"1e99999999999\"",
                "other ~ 1e400 ~ 1e400",
                "other ~ 0.30000000000000000004 ~ 0.30000000000000000004",
                "other ~ 1e99999999999 ~ \"1e99999999999\"",
            })
    void a_whole_number_is_one_however_it_is_written_and_what_is_too_large_is_text(
            String argument, String text, String json) {
        assertThat(TOOLS.typed("weather", argument, text)).isEqualTo(json);
    }
}
