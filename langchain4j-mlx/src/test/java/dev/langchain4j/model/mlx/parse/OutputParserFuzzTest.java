package dev.langchain4j.model.mlx.parse;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.calls.ToolCallFormat;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;

/** Mutated outputs through every parser: nothing is thrown, nothing hangs, no text is lost, cuts do not matter. */
class OutputParserFuzzTest {

    private static final int OUTPUTS = 10_000;
    /** Characters are counted in so many groups. */
    private static final int BUCKETS = 257;

    private static final List<String> SEEDS = List.of(
            "Hello, here is {\"a\": [1, 2]} and more.",
            "<think>\nHm, <b> &amp; {x}.\n</think>\n\nThe answer.",
            "Sure.\n<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"A \\\"b\\\" \\u00e9\", \"days\": 3}}\n</tool_call>",
            "<tool_call>{'name': 'now', 'arguments': {}}</tool_call>\n<tool_call>{\"name\": \"now\"}</tool_call>",
            "<tool_call>\n<function=weather>\n<parameter=city>\nA\nB\n</parameter>\n</function>\n</tool_call>",
            "<tool_call>weather<arg_key>city</arg_key><arg_value>A</arg_value></tool_call>",
            "<longcat_tool_call>weather\n<longcat_arg_key>city</longcat_arg_key>\n<longcat_arg_value>A</longcat_arg_value></longcat_tool_call>",
            "[TOOL_CALLS]weather[CALL_ID]a1b2c3d4e[ARGS]{\"city\": \"A\"}[TOOL_CALLS]now[ARGS]{}",
            "[TOOL_CALLS] [{\"name\": \"weather\", \"arguments\": {\"city\": \"[A]\"}, \"id\": \"123456789\"}]",
            "<|tool_call_start|>[weather(city='it\\'s', tags=['a', {'b': None}]), now()]<|tool_call_end|>",
            "[weather(city='A', days=2), now()]",
            "{\"name\": \"weather\", \"parameters\": {\"city\": \"A\", \"tags\": [[], {}]}}",
            "<|python_tag|>weather.call(city=\"A\")",
            "<|tool_calls_section_begin|><|tool_call_begin|>functions.now:0<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>",
            "<minimax:tool_call>\n<invoke name=\"weather\">\n<parameter name=\"city\">A</parameter>\n</invoke>\n</minimax:tool_call>",
            "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"weather\">\n<｜DSML｜parameter name=\"days\" string=\"false\">3</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>",
            "<|channel>thought\nHm.<channel|><|tool_call>call:weather{city:<|\"|>A, {b}<|\"|>,tags:[1,true]}<tool_call|>",
            "<start_function_call>call:weather{city:<escape>A<escape>,tags:[\"a\"]}<end_function_call>",
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n```json\n{\"city\": \"A\"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
            "<|tool_call|>[{\"name\": \"weather\", \"arguments\": {\"city\": \"A\"}}]<|/tool_call|>",
            "<|START_THINKING|>Hm.<|END_THINKING|><|START_ACTION|>[{\"tool_call_id\": \"0\", \"tool_name\": \"now\", \"parameters\": {}}]<|END_ACTION|>",
            "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary to=functions.weather <|constrain|>json<|message|>{\"city\": \"A\"}<|call|>",
            "<|message_sep|>\n\nfunction call<|role_sep|>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"A\"}}",
            "<|python_start|>{\"name\": \"now\", \"parameters\": {}}<|python_end|>",
            "<|python_start|>Let me look.<|python_end|>{\"name\": \"now\", \"parameters\": {}}",
            "[weather(city=New York (NY), days=2, when=None)]",
            "all\nSure.>>>weather\n{\"city\": \"A\"}>>>now\n{}",
            "weather\n<|content|>{\"city\": \"A\"}\n<|from|>assistant\n<|recipient|>all\n<|content|>Done.",
            " to=self<|message|>Hm.<|eom|><|start|>assistant to=weather<|message|><atem:function_calls>\n<atem:invoke name=\"weather\">\n<atem:parameter name=\"city\">A</atem:parameter>\n</atem:invoke>\n</atem:function_calls>",
            "<function name=\"weather\"><param name=\"city\"><![CDATA[A</param>]]></param><param name='days'>2</param></function>",
            "{\"a\": \"</think> <tool_call>\", \"b\": [1, true]}",
            "<function=weather>{\"city\": \"A\"}</function>");

    private static final List<String> SNIPPETS = List.of(
            "{",
            "}",
            "[",
            "]",
            "\"",
            "'",
            "\\",
            "\\u12",
            "<",
            ">",
            "</",
            "<tool_call>",
            "</tool_call>",
            "</think>",
            "<think>",
            "[TOOL_CALLS]",
            "<|",
            "|>",
            "\n",
            " ",
            "\uD83D",
            "\uDE00",
            "é",
            "\u0000",
            ",",
            ":",
            "=",
            "(",
            ")",
            "<function=",
            "</parameter>",
            "```",
            "call:",
            "<|end|>",
            "<|channel|>",
            "<|message|>",
            "null",
            "1e999",
            "-");

    /** What formats write around text that is no call. */
    private static final Map<ToolCallFormat, List<String>> MARKERS = Map.of(
            ToolCallFormat.LLAMA_JSON, List.of("<\\|python_(?:start|end)\\|>"),
            ToolCallFormat.MUSE_SPARK, List.of(" to=[\\w./:\\p{L}-]*<\\|message\\|>"),
            ToolCallFormat.FUNCTIONARY_V3, List.of("(?:>>>)?all\n"),
            ToolCallFormat.FUNCTIONARY_V2,
                    List.of("<\\|from\\|>assistant\n<\\|recipient\\|>", "[\\w./:\\p{L}-]*\n<\\|content\\|>"));

    @Test
    void mutated_outputs_neither_break_a_parser_nor_lose_text() {
        long seed = Seeds.seed(OutputParserFuzzTest.class);
        Random random = new Random(seed);
        Assertions.assertTimeoutPreemptively(Duration.ofMinutes(5), () -> {
            for (int i = 0; i < OUTPUTS; i++) {
                String output = mutate(SEEDS.get(random.nextInt(SEEDS.size())), random);
                for (ToolCallFormat format : ToolCallFormat.values()) {
                    ReasoningFormat reasoning = format == ToolCallFormat.HARMONY
                            ? ReasoningFormat.HARMONY
                            : ReasoningFormat.values()[random.nextInt(ReasoningFormat.values().length)];
                    check(output, format, reasoning, random);
                }
            }
        });
    }

    private static void check(String output, ToolCallFormat format, ReasoningFormat reasoning, Random random) {
        boolean open = random.nextInt(4) == 0;
        boolean limited = random.nextInt(4) == 0;
        Recorder whole = read(output, format, reasoning, open, List.of(output), limited);
        Recorder cut = read(output, format, reasoning, open, pieces(output, random), limited);
        assertThat(cut.summary())
                .as("%s %s cut differently: %s", format, reasoning, output)
                .isEqualTo(whole.summary());
        if (limited) {
            assertNothingInvented(output, whole);
        } else {
            assertNothingLost(output, whole, format, reasoning);
        }
    }

    private static Recorder read(
            String output,
            ToolCallFormat format,
            ReasoningFormat reasoning,
            boolean open,
            List<String> pieces,
            boolean limited) {
        Recorder recorder = new Recorder();
        OutputParser parser = OutputParser.builder(recorder)
                .toolCalls(format.reading(), OutputParserTest.TOOLS)
                .reasoning(reasoning, open)
                .ids(Recorder.countingIds())
                .build();
        try {
            pieces.forEach(parser::accept);
            parser.finish(limited);
        } catch (RuntimeException | AssertionError e) {
            throw new AssertionError(format + " " + reasoning + " failed on: " + output, e);
        }
        return recorder;
    }

    /** What a limit cut may miss its end, a call that is not whole, and nothing else is there. */
    private static void assertNothingInvented(String output, Recorder recorder) {
        int[] most = counts(output);
        int[] actual = counts(recorder.text.toString() + recorder.thinking);
        for (int i = 0; i < BUCKETS; i++) {
            assertThat(actual[i]).as("invented text of: %s", output).isLessThanOrEqualTo(most[i]);
        }
    }

    /** Without a call, text and reasoning are the whole output but for markers and white space. */
    private static void assertNothingLost(
            String output, Recorder recorder, ToolCallFormat format, ReasoningFormat reasoning) {
        boolean harmony = reasoning == ReasoningFormat.HARMONY;
        if (recorder.calls.isEmpty() && !(harmony && output.contains("<|message|>"))) {
            List<String> markers = new ArrayList<>(
                    harmony
                            ? List.of("<|end|>", "<|call|>", "<|return|>")
                            : List.of(reasoning.open(), reasoning.close()));
            markers.addAll(reasoning.ignored());
            markers.removeIf(String::isEmpty);
            markers.replaceAll(Pattern::quote);
            markers.addAll(MARKERS.getOrDefault(format, List.of()));
            int[] least = counts(markers.isEmpty() ? output : output.replaceAll(String.join("|", markers), ""));
            int[] most = counts(output);
            int[] actual = counts(recorder.text.toString() + recorder.thinking);
            for (int i = 0; i < BUCKETS; i++) {
                if (actual[i] < least[i] || actual[i] > most[i]) {
                    throw new AssertionError(format + " " + reasoning + " lost or invented text of: " + output);
                }
            }
        }
        for (Recorder.Call call : recorder.calls) {
            assertThat(unescaped(output)).as("name of %s", call).contains(call.name());
        }
    }

    /** With those escapes resolved that stand for a character which a name may have. */
    private static String unescaped(String output) {
        return Pattern.compile("\\\\(?:u([0-9a-fA-F]{4})|/)")
                .matcher(output)
                .replaceAll(escape -> Matcher.quoteReplacement(
                        escape.group(1) == null ? "/" : String.valueOf((char) Integer.parseInt(escape.group(1), 16))));
    }

    private static int[] counts(String text) {
        int[] counts = new int[BUCKETS];
        text.chars().filter(c -> !Character.isWhitespace(c)).forEach(c -> counts[c % BUCKETS]++);
        return counts;
    }

    private static List<String> pieces(String output, Random random) {
        List<String> pieces = new ArrayList<>();
        int most = random.nextBoolean() ? 1 : 8;
        for (int at = 0; at < output.length(); ) {
            int to = Math.min(output.length(), at + 1 + random.nextInt(most));
            pieces.add(output.substring(at, to));
            at = to;
        }
        return pieces;
    }

    private static String mutate(String output, Random random) {
        StringBuilder text = new StringBuilder(output);
        int changes = random.nextInt(5);
        for (int i = 0; i < changes && !text.isEmpty(); i++) {
            int at = random.nextInt(text.length());
            int to = Math.min(text.length(), at + random.nextInt(12));
            switch (random.nextInt(5)) {
                case 0 -> text.setLength(at);
                case 1 -> text.delete(at, to);
                case 2 -> text.insert(at, SNIPPETS.get(random.nextInt(SNIPPETS.size())));
                case 3 -> text.insert(at, text.substring(at, to));
                default -> text.insert(at, SEEDS.get(random.nextInt(SEEDS.size())));
            }
        }
        return text.toString();
    }
}
