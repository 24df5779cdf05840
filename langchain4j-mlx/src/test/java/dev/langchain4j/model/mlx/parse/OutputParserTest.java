package dev.langchain4j.model.mlx.parse;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.model.mlx.calls.OutputFormat;
import dev.langchain4j.model.mlx.calls.ToolCallFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OutputParserTest {

    static final ToolSchemas TOOLS = tools();

    private static ToolSchemas tools() {
        try {
            JsonNode weather = new ObjectMapper()
                    .readTree("{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"},"
                            + "\"days\":{\"type\":\"integer\"},\"when\":{\"anyOf\":[{\"type\":\"string\"},"
                            + "{\"type\":\"null\"}]},\"tags\":{\"type\":\"array\"}}}");
            JsonNode none = new ObjectMapper().readTree("{\"type\":\"object\",\"properties\":{}}");
            return ToolSchemas.of(Map.of("weather", weather, "now", none));
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static Recorder read(ToolCallFormat format, ReasoningFormat reasoning, boolean open, String... pieces) {
        Recorder recorder = new Recorder();
        OutputParser parser = OutputParser.builder(recorder)
                .toolCalls(format.reading(), TOOLS)
                .reasoning(reasoning, open)
                .ids(Recorder.countingIds())
                .build();
        for (String piece : pieces) {
            parser.accept(piece);
        }
        parser.finish();
        return recorder;
    }

    private static Recorder read(ToolCallFormat format, String output) {
        Recorder whole = read(format, ReasoningFormat.NONE, false, output);
        assertThat(read(format, ReasoningFormat.NONE, false, output.split("")).summary())
                .isEqualTo(whole.summary());
        return whole;
    }

    private static final String CALL = "id0 weather {\"city\":\"Paris\",\"days\":3}";

    private static List<String> calls(Recorder recorder) {
        return recorder.calls.stream()
                .map(call -> call.id() + " " + call.name() + " " + call.arguments())
                .toList();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            quoteCharacter = '`',
            value = {
                "HERMES ~ <tool_call>\\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\", \"days\": 3}}\\n</tool_call>",
                "HERMES ~ <tool_call>{'name': 'weather', 'arguments': {'city': 'Paris', 'days': 3,}}</tool_call>",
                "HERMES ~ <tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\", \"days\": 3}</tool_call>",
                "HERMES ~ <tool_call>{\"arguments\": {\"city\": \"Paris\", \"days\": 3}, \"name\": \"weather\"}</tool_call>",
                "HERMES ~ <tool_call>{\"name\": \"weather\", \"arguments\": \"{\\\"city\\\": \\\"Paris\\\", \\\"days\\\": 3}\"}",
                "HERMES ~ <tool_call>{\"type\": \"function\", \"function\": {\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\", \"days\": 3}}}</tool_call>",
                "QWEN3_CODER ~ <function=weather>\\n<parameter=city>\\nParis\\n</parameter>\\n<parameter=days>\\n3\\n</parameter>\\n</function>\\n</tool_call>",
                "GLM ~ <tool_call>weather\\n<arg_key>city</arg_key>\\n<arg_value>Paris</arg_value>\\n<arg_key>days</arg_key>\\n<arg_value>3</arg_value>\\n</tool_call>",
                "MISTRAL ~ [TOOL_CALLS] [{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\", \"days\": 3}}]",
                "PYTHONIC ~ <|tool_call_start|>[weather(city=\"Paris\", days=3)]<|tool_call_end|>",
                "PYTHONIC ~ <|tool_call_start|>\\n```python\\nweather(city='Paris', days=3)\\n```\\n<|tool_call_end|>",
                "LLAMA_PYTHONIC ~ [weather(city='Paris', days=3)]",
                "LLAMA_JSON ~ {\"name\": \"weather\", \"parameters\": {\"city\": \"Paris\", \"days\": 3}}",
                "LLAMA_JSON ~ <|python_tag|>{\"name\": \"weather\", \"parameters\": {\"city\": \"Paris\", \"days\": 3}}",
                "LLAMA_JSON ~ <|python_tag|>weather.call(city=\"Paris\", days=3)",
                "DEEPSEEK ~ <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\\n```json\\n{\"city\": \"Paris\", \"days\": 3}\\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
                "DEEPSEEK ~ <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>{\"city\": \"Paris\", \"days\": 3}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
                "DEEPSEEK_DSML ~ <｜DSML｜function_calls>\\n<｜DSML｜invoke name=\"weather\">\\n<｜DSML｜parameter name=\"city\" string=\"true\">Paris</｜DSML｜parameter>\\n<｜DSML｜parameter name=\"days\" string=\"false\">3</｜DSML｜parameter>\\n</｜DSML｜invoke>\\n</｜DSML｜function_calls>",
                "GRANITE ~ <|tool_call|>[{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\", \"days\": 3}}]",
                "GRANITE_20B ~ <function_call> {\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\", \"days\": 3}}",
                "COMMAND_R ~ Action:```json\\n[{\"tool_name\": \"weather\", \"parameters\": {\"city\": \"Paris\", \"days\": 3}}]```",
                "PHI4 ~ <|tool_call|>[{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\", \"days\": 3}}]<|/tool_call|>",
                "PHI4 ~ functools[{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\", \"days\": 3}}]",
                "TOOL_CALLS_LIST ~ <tool_calls>[{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\", \"days\": 3}}]</tool_calls>",
                "NEMOTRON ~ <TOOLCALL>[{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\", \"days\": 3}}]</TOOLCALL>",
                "INTERNLM ~ <|action_start|><|plugin|>\\n{\"name\": \"weather\", \"parameters\": {\"city\": \"Paris\", \"days\": 3}}<|action_end|>",
                "FUNCTIONARY ~ <function=weather>{\"city\": \"Paris\", \"days\": 3}</function>",
                "SEED ~ <seed:tool_call>\\n<function=weather>\\n<parameter=city>Paris</parameter>\\n<parameter=days>3</parameter>\\n</function>\\n</seed:tool_call>",
                "LLAMA_JSON ~ <|python_start|><|python_end|>{\"name\": \"weather\", \"parameters\": {\"city\": \"Paris\", \"days\": 3}}",
                "LLAMA_JSON ~ <|python_start|>{\"name\": \"weather\", \"parameters\": {\"city\": \"Paris\", \"days\": 3}}<|python_end|>",
                "FUNCTIONARY_V3 ~ weather\\n{\"city\": \"Paris\", \"days\": 3}",
                "FUNCTIONARY_V3 ~ >>>weather\\n{\"city\": \"Paris\", \"days\": 3}",
                "FUNCTIONARY_V2 ~ weather\\n<|content|>{\"city\": \"Paris\", \"days\": 3}\\n",
                "MUSE_SPARK ~ <atem:function_calls>\\n<atem:invoke name=\"weather\">\\n<atem:parameter name=\"city\">Paris</atem:parameter>\\n<atem:parameter name=\"days\">3</atem:parameter>\\n</atem:invoke>\\n</atem:function_calls>",
                "MINICPM5 ~ <function name=\"weather\"><param name=\"city\">Paris</param><param name=\"days\">3</param></function>",
                "MINICPM5 ~ <function name='weather'>\\n<param name = city><![CDATA[Paris]]></param>\\n<param name='days'> 3 </param></function>",
                "KIMI_K3 ~ <|open|>tools<|sep|>\\n<|open|>call tool=\"weather\" index=\"1\"<|sep|>\\n<|open|>argument key=\"city\" type=\"string\"<|sep|>Paris<|close|>argument<|sep|><|open|>argument key=\"days\" type=\"number\"<|sep|>3<|close|>argument<|sep|>\\n<|close|>call<|sep|>\\n<|close|>tools<|sep|>",
                "KIMI_K3 ~ <|open|>tools<|sep|><|open|>call index=\"1\" tool=\"weather\"<|sep|><|open|>json type=\"object\"<|sep|>{\"city\": \"Paris\", \"days\": 3}<|close|>json<|sep|><|close|>call<|sep|><|close|>tools<|sep|>",
                "PYTHONIC ~ <|tool_call_start|>[weather(city=Paris, days=3)]<|tool_call_end|>",
                "GIGACHAT ~ function call<|role_sep|> {\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\", \"days\": 3}}",
                "GENERIC ~ [{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\", \"days\": 3}, \"id\": \"x\"}]",
                "GENERIC ~ {\"name\": \"weather\", \"parameters\": {\"city\": \"Paris\", \"days\": 3}}",
            })
    void a_call_is_read_in_every_wire_format(ToolCallFormat format, String output) {
        Recorder recorder = read(format, output.replace("\\n", "\n"));
        assertThat(calls(recorder)).as(recorder.summary()).containsExactly(CALL);
        assertThat(recorder.text.toString()).isEmpty();
    }

    @Test
    void mistral_may_write_the_marker_once() {
        Recorder recorder =
                read(ToolCallFormat.MISTRAL, "[TOOL_CALLS]now[ARGS]{}weather[CALL_ID]a1[ARGS]{\"city\": \"A\"} Done");
        assertThat(calls(recorder)).containsExactly("id0 now {}", "a1 weather {\"city\":\"A\"}");
        assertThat(recorder.text.toString()).isEqualTo("Done");
    }

    @Test
    void a_value_that_is_none_ends_at_white_space_however_it_was_cut() {
        Recorder recorder = read(ToolCallFormat.MISTRAL, "[TOOL_CALLS]now[ARGS]all\nSure.");
        assertThat(recorder.reasons).containsExactly("'all' is not a value");
    }

    @Test
    void the_id_of_a_call_is_not_given_again_behind_a_block_that_is_none() {
        String call = "[TOOL_CALLS]weather[CALL_ID]a1[ARGS]{\"city\": \"A\"}";
        Recorder recorder = read(ToolCallFormat.MISTRAL, ReasoningFormat.COHERE, false, call + "[TOOL_CALLS]n" + call);
        assertThat(calls(recorder)).containsExactly("a1 weather {\"city\":\"A\"}", "id0 weather {\"city\":\"A\"}");
    }

    @Test
    void arguments_that_are_null_go_out_as_none() {
        Recorder recorder = read(ToolCallFormat.MISTRAL, "[TOOL_CALLS]now[ARGS]null");
        assertThat(calls(recorder)).containsExactly("id0 now {}");
    }

    @Test
    void a_marker_behind_reasoning_with_a_call_in_it_is_not_lost() {
        String call = "<tool_call>{\"name\": \"now\"}</tool_call>";
        Recorder recorder =
                read(ToolCallFormat.QWEN3_CODER, ReasoningFormat.THINK, true, call + "</think> <tool_call>, he said.");
        assertThat(recorder.text.toString()).isEqualTo("<tool_call>, he said.");
        assertThat(recorder.thinking.toString()).isEqualTo(call);
    }

    @Test
    void llama_4_puts_text_between_python_markers_and_the_call_behind() {
        Recorder recorder = read(
                ToolCallFormat.LLAMA_JSON, "<|python_start|>So. <|python_end|>{\"name\": \"now\", \"parameters\": {}}");
        assertThat(recorder.text.toString()).isEqualTo("So.");
        assertThat(calls(recorder)).containsExactly("id0 now {}");
        assertThat(read(ToolCallFormat.LLAMA_JSON, "<|python_start|>print(1)<|python_end|>").calls)
                .hasSize(0);
    }

    @Test
    void functionary_names_the_recipient_of_each_message() {
        Recorder recorder = read(
                ToolCallFormat.FUNCTIONARY_V3, "all\nIn Python:\n>>> 1 + 1>>>now\n{}>>>weather\n{\"city\": \"A\"}");
        assertThat(recorder.text.toString()).isEqualTo("In Python:\n>>> 1 + 1");
        assertThat(calls(recorder)).containsExactly("id0 now {}", "id1 weather {\"city\":\"A\"}");
        Recorder older = read(
                ToolCallFormat.FUNCTIONARY_V2,
                "all\n<|content|>Yes.\n<|from|>assistant\n<|recipient|>now\n<|content|>{}\n");
        assertThat(older.text.toString()).isEqualTo("Yes.");
        assertThat(calls(older)).containsExactly("id0 now {}");
        assertThat(read(ToolCallFormat.FUNCTIONARY_V3, "Without a header").text).hasToString("Without a header");
        Recorder broken = read(ToolCallFormat.FUNCTIONARY_V3, "now\nis the time");
        assertThat(broken.text.toString()).isEqualTo("now\nis the time");
    }

    @Test
    void recipients_are_no_text_without_tools_either() {
        Recorder recorder = new Recorder();
        OutputParser parser = new OutputFormat(ReasoningFormat.NONE, ToolCallFormat.FUNCTIONARY_V3, ToolSchemas.none())
                .parser(recorder, false)
                .build();
        parser.accept("all\nHi, now\n{}");
        parser.finish();
        assertThat(recorder.text.toString()).isEqualTo("Hi, now\n{}");
        assertThat(recorder.calls).isEmpty();
    }

    @Test
    void muse_sends_messages_to_itself_to_tools_and_to_the_user() {
        Recorder recorder = read(
                ToolCallFormat.MUSE_SPARK,
                ReasoningFormat.MUSE,
                false,
                " to=self<|message|>Hm.<|eom|><|start|>assistant to=now<|message|><atem:function_calls>"
                        + "<atem:invoke name=\"now\"></atem:invoke></atem:function_calls><|eom|>"
                        + "<|start|>assistant to=user<|message|>Wait.");
        assertThat(recorder.thinking.toString()).isEqualTo("Hm.");
        assertThat(calls(recorder)).containsExactly("id0 now {}");
        assertThat(recorder.text.toString()).isEqualTo("Wait.");
    }

    @Test
    void cdata_holds_tags_as_text() {
        Recorder recorder = read(
                ToolCallFormat.MINICPM5,
                "<function name=\"weather\"><param name=\"city\"><![CDATA[a </param> & <b>]]></param></function>");
        assertThat(calls(recorder)).containsExactly("id0 weather {\"city\":\"a </param> & <b>\"}");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            quoteCharacter = '`',
            value = {
                "city=New York, days=3 ~ {\"city\":\"New York\",\"days\":3}",
                "city=Berlin, Mitte (DE), days=3 ~ {\"city\":\"Berlin, Mitte (DE)\",\"days\":3}",
                "city=it's late,when=None ~ {\"city\":\"it's late\",\"when\":null}",
                "days=-3, when = 2024-05-01, ~ {\"days\":-3,\"when\":\"2024-05-01\"}",
                "city=a=b, tags=[1, x] ~ ",
            })
    void python_strings_may_lack_their_quotes(String arguments, String json) {
        Recorder recorder = read(ToolCallFormat.LLAMA_PYTHONIC, "[weather(" + arguments + ")]");
        assertThat(calls(recorder)).isEqualTo(json == null ? List.of() : List.of("id0 weather " + json));
    }

    @Test
    void ids_that_the_model_writes_are_kept_and_repeated_ones_replaced() {
        Recorder mistral = read(ToolCallFormat.MISTRAL, "[TOOL_CALLS]now[CALL_ID]abc123def[ARGS]{}");
        assertThat(calls(mistral)).containsExactly("abc123def now {}");
        String call = "<|tool_call_begin|>functions.now:0<|tool_call_argument_begin|>{}<|tool_call_end|>";
        Recorder kimi = read(
                ToolCallFormat.KIMI_K2, "<|tool_calls_section_begin|>" + call + call + "<|tool_calls_section_end|>");
        assertThat(calls(kimi)).containsExactly("functions.now:0 now {}", "id0 now {}");
        Recorder cohere = read(
                ToolCallFormat.COHERE,
                "<|START_ACTION|>[\n {\"tool_call_id\": \"0\", \"tool_name\": \"now\", \"parameters\": {}}\n]<|END_ACTION|>");
        assertThat(calls(cohere)).containsExactly("0 now {}");
    }

    @Test
    void parallel_calls_have_their_own_indexes_and_leave_no_white_space() {
        String call = "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>";
        Recorder recorder = read(ToolCallFormat.HERMES, "Let me look.\n" + call + "\n" + call + "\n");
        assertThat(recorder.text.toString()).isEqualTo("Let me look.");
        assertThat(recorder.calls).extracting(Recorder.Call::index).containsExactly(0, 1);
    }

    @Test
    void arguments_stream_before_the_call_is_complete() {
        Recorder recorder = new Recorder();
        OutputParser parser = OutputParser.builder(recorder)
                .toolCalls(ToolCallFormat.HERMES.reading(), TOOLS)
                .build();
        parser.accept("<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"Par");
        assertThat(recorder.partials.values()).hasToString("[{\"city\":\"Par]");
        assertThat(recorder.calls).isEmpty();
    }

    @Test
    void markers_and_braces_inside_of_strings_are_text_of_the_argument() {
        Recorder recorder = read(
                ToolCallFormat.HERMES,
                "<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"}]</tool_call><tool_call>{\"}}</tool_call>");
        assertThat(calls(recorder)).containsExactly("id0 weather {\"city\":\"}]</tool_call><tool_call>{\"}");
    }

    @Test
    void a_call_without_a_name_stays_text() {
        String nameless = "<|python_tag|>.call(city=\"A\")";
        Recorder recorder = read(ToolCallFormat.LLAMA_JSON, nameless);
        assertThat(recorder.calls).isEmpty();
        assertThat(recorder.partials).isEmpty();
        assertThat(recorder.text.toString()).isEqualTo(nameless);
        assertThat(recorder.reasons).containsExactly("'' is not the name of a tool");
    }

    @Test
    void a_call_that_breaks_off_is_reported_and_stays_text() {
        String broken = "<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": ";
        Recorder recorder = read(ToolCallFormat.HERMES, "So: " + broken);
        assertThat(recorder.text.toString()).isEqualTo("So: " + broken);
        assertThat(recorder.malformed).containsExactly(broken);
        assertThat(recorder.reasons).containsExactly("the output ended inside of a tool call");
        assertThat(recorder.calls).isEmpty();
    }

    @Test
    void a_good_call_behind_a_broken_one_is_still_read() {
        Recorder recorder = read(
                ToolCallFormat.HERMES,
                "<tool_call>{\"name\": } </tool_call><tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>");
        assertThat(calls(recorder)).containsExactly("id0 now {}");
        assertThat(recorder.text.toString()).isEqualTo("<tool_call>{\"name\": } </tool_call>");
    }

    @Test
    void json_that_is_no_call_of_a_known_tool_is_the_answer() {
        String answer = "{\"name\": \"Ann\", \"parameters\": {}}";
        Recorder recorder = read(ToolCallFormat.LLAMA_JSON, answer);
        assertThat(recorder.calls).isEmpty();
        assertThat(recorder.malformed).isEmpty();
        assertThat(recorder.text.toString()).isEqualTo(answer);
        assertThat(read(ToolCallFormat.LLAMA_PYTHONIC, "[1] a footnote (see b)").text)
                .hasToString("[1] a footnote (see b)");
    }

    @Test
    void without_tools_markers_are_text() {
        Recorder recorder = new Recorder();
        OutputParser parser = OutputParser.builder(recorder)
                .toolCalls(ToolCallFormat.HERMES.reading(), ToolSchemas.none())
                .build();
        parser.accept("<tool_call>{}</tool_call>");
        parser.finish();
        assertThat(recorder.text.toString()).isEqualTo("<tool_call>{}</tool_call>");
    }

    @Test
    void reasoning_is_kept_out_of_the_answer() {
        Recorder recorder = read(
                ToolCallFormat.NONE, ReasoningFormat.THINK, false, "<thi", "nk>\nHm.\n\nYes.\n</th", "ink>\n\nHi <b>.");
        assertThat(recorder.thinking.toString()).isEqualTo("Hm.\n\nYes.");
        assertThat(recorder.text.toString()).isEqualTo("Hi <b>.");
    }

    @Test
    void reasoning_that_the_prompt_opened_needs_no_marker() {
        assertThat(ReasoningFormat.THINK.opensIn("<|im_start|>assistant\n<think>\n"))
                .isTrue();
        assertThat(ReasoningFormat.THINK.opensIn("<think>\n\n</think>\n\n")).isFalse();
        Recorder recorder = read(ToolCallFormat.NONE, ReasoningFormat.THINK, true, "Hm.</think>Hi");
        assertThat(recorder.thinking.toString()).isEqualTo("Hm.");
        assertThat(recorder.text.toString()).isEqualTo("Hi");
    }

    @Test
    void reasoning_that_is_cut_off_stays_reasoning() {
        Recorder recorder = read(ToolCallFormat.NONE, ReasoningFormat.THINK, true, "Hm. <tag> </th");
        assertThat(recorder.thinking.toString()).isEqualTo("Hm. <tag> </th");
        assertThat(recorder.text.toString()).isEmpty();
    }

    @Test
    void a_call_ends_reasoning_that_was_not_closed() {
        Recorder recorder = read(
                ToolCallFormat.HERMES,
                ReasoningFormat.THINK,
                true,
                "I need it.\n<tool_call>{\"name\": \"now\", \"arguments\": {}}</tool_call>");
        assertThat(recorder.thinking.toString()).isEqualTo("I need it.");
        assertThat(calls(recorder)).containsExactly("id0 now {}");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            quoteCharacter = '`',
            value = {
                "THINK ~ {\"html\": \"<think>a</think>\", \"n\": [1, \"\\\"</think>\"]}",
                "THINK ~ [\"</think>\"]",
                "THINK_RESPONSE ~ {\"xml\": \"<response></response></think>\"}",
                "MISTRAL ~ {\"a\": \"[THINK]b[/THINK]\"}",
                "GEMMA4 ~ {\"a\": \"<|channel>thought<channel|>\"}",
                "THINK ~ {\"call\": \"<tool_call>{}</tool_call>\"}",
            })
    void markers_inside_of_a_json_answer_are_text(ReasoningFormat format, String json) {
        assertThat(read(ToolCallFormat.HERMES, format, false, json).text).hasToString(json);
        assertThat(read(ToolCallFormat.HERMES, format, false, json.split("")).text)
                .hasToString(json);
        String reasoned = format.open() + "Hm." + format.close() + "\n\n" + json;
        Recorder recorder = read(ToolCallFormat.HERMES, format, false, reasoned);
        assertThat(recorder.text).hasToString(json);
        assertThat(recorder.thinking).hasToString("Hm.");
        assertThat(recorder.calls).isEmpty();
    }

    @Test
    void a_closing_tag_counts_before_the_answer_only() {
        Recorder recorder = read(
                ToolCallFormat.NONE, ReasoningFormat.THINK, false, "</think>\n\n</think>Write </think> to end it.");
        assertThat(recorder.text.toString()).isEqualTo("Write </think> to end it.");
        Recorder over =
                read(ToolCallFormat.HERMES, ReasoningFormat.THINK, false, "{\"a\": 1}\n<tool_call>{\"name\": \"now\"}");
        assertThat(calls(over)).containsExactly("id0 now {}");
        assertThat(over.text.toString()).isEqualTo("{\"a\": 1}");
    }

    @Test
    void prose_about_a_think_tag_is_no_reasoning() {
        Recorder recorder = read(ToolCallFormat.NONE, ReasoningFormat.THINK, false, "Use <think> for it.");
        assertThat(recorder.text.toString()).isEqualTo("Use <think> for it.");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            value = {
                "LONGCAT ~ <longcat_think>Hm.</longcat_think>Hi",
                "THINK_TOKENS ~ <|think:start|>Hm.<|think:end|>Hi",
                "XTML ~ <|open|>think<|sep|>Hm.<|close|>think<|sep|><|open|>response<|sep|>Hi<|close|>response<|sep|><|close|>message<|sep|>",
                "MUSE ~ ' to=self<|message|>Hm.<|eom|><|start|>assistant to=user<|message|>Hi'",
                "GEMMA4 ~ <|channel>thought\\nHm.\\n<channel|>Hi",
                "MISTRAL ~ [THINK]Hm.[/THINK]Hi",
                "COHERE ~ <|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>Hi<|END_RESPONSE|>",
                "THINK_RESPONSE ~ <think>Hm.</think><response>Hi</response>",
                "SEED ~ <seed:think>Hm.</seed:think>Hi",
                "APRIEL ~ Here are my reasoning steps:\\nHm.\\n[BEGIN FINAL RESPONSE]\\nHi",
                "HARMONY ~ <|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Hi",
            })
    void every_family_sets_its_reasoning_apart(ReasoningFormat format, String output) {
        String text = output.replace("\\n", "\n");
        Recorder recorder = read(ToolCallFormat.NONE, format, false, text);
        assertThat(recorder.thinking.toString()).isEqualTo("Hm.");
        assertThat(recorder.text.toString()).isEqualTo("Hi");
        assertThat(read(ToolCallFormat.NONE, format, false, text.split("")).summary())
                .isEqualTo(recorder.summary());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            value = {
                "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary to=functions.weather <|constrain|>json<|message|>{\"city\": \"Paris\", \"days\": 3}<|call|>",
                "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant to=functions.weather<|channel|>commentary json<|message|>{\"city\": \"Paris\", \"days\": 3}",
            })
    void harmony_calls_are_messages_to_a_function(String output) {
        Recorder recorder = read(ToolCallFormat.HARMONY, ReasoningFormat.HARMONY, false, output);
        assertThat(calls(recorder)).containsExactly(CALL);
        assertThat(recorder.thinking.toString()).isEqualTo("Hm.");
        assertThat(recorder.text.toString()).isEmpty();
    }

    @Test
    void harmony_calls_that_break_off_stay_text() {
        String output = "<|channel|>commentary to=functions.weather<|message|>{\"city\": \"Pa";
        Recorder recorder = read(ToolCallFormat.HARMONY, ReasoningFormat.HARMONY, false, output);
        assertThat(recorder.calls).isEmpty();
        assertThat(recorder.text.toString()).isEqualTo(output);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            value = {
                "city ~ 2025 ~ \"2025\"",
                "days ~ 2025 ~ 2025",
                "days ~ soon ~ \"soon\"",
                "when ~ null ~ null",
                "when ~ 2025-10-01 ~ \"2025-10-01\"",
                "tags ~ ['a', \"b\"] ~ [\"a\",\"b\"]",
                "other ~ 007 ~ \"007\"",
                "other ~ {\"a\": 1} ~ {\"a\":1}",
            })
    void plain_text_becomes_what_the_schema_allows(String argument, String text, String json) {
        assertThat(TOOLS.typed("weather", argument, text)).isEqualTo(json);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            value = {
                "<tool_call>{\"name\"..}</tool_call> <think> ~ HERMES ~ THINK",
                "<tool_call><function=f><parameter=p> ~ QWEN3_CODER ~ NONE",
                "<tool_call>name<arg_key>k</arg_key> <think> ~ GLM ~ THINK",
                "[AVAILABLE_TOOLS] [TOOL_CALLS] [THINK] ~ MISTRAL ~ MISTRAL",
                "List of tools: <|tool_list_start|> ~ PYTHONIC ~ NONE",
                "<|start|>assistant<|channel|>final<|message|> ~ HARMONY ~ HARMONY",
                "<|tool_call>call:f{} <|channel>thought <channel|> ~ GEMMA4 ~ GEMMA4",
                "tools <|START_ACTION|> <|START_THINKING|> ~ COHERE ~ COHERE",
                "<｜tool▁calls▁begin｜> </think> ~ DEEPSEEK ~ THINK",
                "<｜DSML｜function_calls> ~ DEEPSEEK_DSML ~ NONE",
                "tools <|tool_call|> <think></think><response></response> ~ GRANITE ~ THINK_RESPONSE",
                "tools <|python_tag|> ~ LLAMA_JSON ~ NONE",
                "tools {role: 'function call'} ~ GIGACHAT ~ NONE",
                "tools >>>all ~ FUNCTIONARY_V3 ~ NONE",
                "<|recipient|>all <|content|> ~ FUNCTIONARY_V2 ~ NONE",
                "<atem:function_calls> ' to=self<|message|>' ~ MUSE_SPARK ~ MUSE",
                "<function name=\"f\"><param name=\"p\"> <think> ~ MINICPM5 ~ THINK",
                "<|open|>tools<|sep|> <|open|>think<|sep|> ~ KIMI_K3 ~ XTML",
                "<longcat_tool_call> <longcat_think> ~ LONGCAT ~ LONGCAT",
                "for tool in tools ~ GENERIC ~ NONE",
                "message.content ~ NONE ~ NONE",
            })
    void formats_are_recognised_from_the_template(String template, ToolCallFormat calls, ReasoningFormat reasoning) {
        assertThat(ToolCallFormat.detect(template)).isEqualTo(calls);
        assertThat(ReasoningFormat.detect(template)).isEqualTo(reasoning);
    }
}
