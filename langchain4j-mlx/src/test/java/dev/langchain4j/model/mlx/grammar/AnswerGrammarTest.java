package dev.langchain4j.model.mlx.grammar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.text.Grammar;
import dev.langchain4j.mlx.text.GrammarMatcher;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.mlx.calls.ToolCallFormat;
import dev.langchain4j.model.mlx.grammar.AnswerGrammar.Reasoning;
import dev.langchain4j.model.mlx.parse.ReasoningFormat;
import dev.langchain4j.model.mlx.testing.DemoModel;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which whole answers the grammars let through, marker by marker. */
class AnswerGrammarTest {
    private static final String SCHEMA =
            "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},\"required\":[\"a\"]}";
    private static final String VALUE = "{\"a\":1}";

    private long handles;
    private Tokenizer tokenizer;
    private GrammarCache grammars;

    @BeforeEach
    void open() {
        handles = LiveHandles.count();
        tokenizer = Tokenizer.fromFile(DemoModel.folder().resolve("tokenizer.json"));
        grammars = new GrammarCache(() -> tokenizer.grammarCompiler(tokenizer.vocabularySize(), 1));
    }

    @AfterEach
    void close() {
        grammars.close();
        tokenizer.close();
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static ObjectNode schema(String json) {
        return JsonSchemas.of(JsonRawSchema.from(json));
    }

    /** Whether a text is allowed to its last token and may end there. */
    private boolean allows(Grammar grammar, String text) {
        int[] ids = tokenizer.encode(text, false);
        try (GrammarMatcher matcher = grammars.matcher(grammar)) {
            if (matcher.allowed(ids) < ids.length) {
                return false;
            }
            matcher.commit(ids);
            return matcher.isAccepting();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "NONE, CLOSED, ''",
        "NONE, OPEN, ''",
        "THINK, CLOSED, ''",
        "THINK, OPEN, 'some thoughts, {\"a\": no json}</think>'",
        "THINK, OPEN, '</think>\n\n'",
        "THINK, ALLOWED, ''",
        "THINK, ALLOWED, '<think>\nthoughts\n</think>\n\n'",
        "MISTRAL, ALLOWED, '[THINK]thoughts[/THINK]'",
        "GEMMA4, ALLOWED, '<|channel>thought\nthoughts<channel|>'",
        "COHERE, ALLOWED, '<|START_THINKING|>thoughts<|END_THINKING|><|START_RESPONSE|>'",
        "COHERE, CLOSED, '<|START_TEXT|>'",
        "HARMONY, ALLOWED, '<|channel|>final<|message|>'",
        "HARMONY, ALLOWED, '<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>'",
    })
    void reasoningComesFirst(ReasoningFormat format, Reasoning where, String before) {
        Grammar grammar = new AnswerGrammar(tokenizer, format)
                .reasoning(where)
                .json(schema(SCHEMA))
                .build();
        assertThat(allows(grammar, before + VALUE)).isTrue();
        assertThat(allows(grammar, before + "{\"a\":true}")).isFalse();
        assertThat(allows(grammar, before)).isFalse();
    }

    @Test
    void reasoningThatIsSwitchedOffDoesNotOpen() {
        Grammar grammar = new AnswerGrammar(tokenizer, ReasoningFormat.THINK)
                .reasoning(Reasoning.CLOSED)
                .json(schema(SCHEMA))
                .build();
        assertThat(allows(grammar, "<think>x</think>" + VALUE)).isFalse();
    }

    @Test
    void namedPropertiesAreAllThereAreUnlessTheSchemaSaysMore() {
        AnswerGrammar closed = new AnswerGrammar(tokenizer, ReasoningFormat.NONE).json(schema(SCHEMA));
        assertThat(allows(closed.build(), "{\"a\":1,\"b\":2}")).isFalse();
        ObjectNode open = schema(SCHEMA).put("additionalProperties", true);
        Grammar grammar =
                new AnswerGrammar(tokenizer, ReasoningFormat.NONE).json(open).build();
        assertThat(allows(grammar, "{\"a\":1,\"b\":2}")).isTrue();
        assertThat(allows(grammar, "{\"a\":1,\"a\":2}")).isFalse();
        assertThat(allows(grammar, "{\"a\":1,\"\\u0061\":2}")).isFalse();
        ObjectNode both =
                schema("{\"allOf\":[" + SCHEMA + ",{\"properties\":{\"b\":{\"const\":0}},\"required\":[\"b\"]}]}");
        Grammar composed =
                new AnswerGrammar(tokenizer, ReasoningFormat.NONE).json(both).build();
        assertThat(allows(composed, "{\"a\":1,\"b\":0}")).isTrue();
    }

    @Test
    void aRawSchemaInsideOfAnotherKeepsItsReferences() {
        JsonRawSchema raw = JsonRawSchema.from(
                "{\"items\":{\"$ref\":\"#/$defs/x\"},\"type\":\"array\",\"$defs\":{\"x\":{\"type\":\"boolean\"}}}");
        ObjectNode schema = JsonSchemas.of(JsonObjectSchema.builder()
                .addProperty("a~b/c %", raw)
                .required("a~b/c %")
                .build());
        assertThat(schema.at("/properties/a~0b~1c %/items/$ref").asText())
                .isEqualTo("#/properties/a~0b~1c%20%25/$defs/x");
        Grammar grammar =
                new AnswerGrammar(tokenizer, ReasoningFormat.NONE).json(schema).build();
        assertThat(allows(grammar, "{\"a~b/c %\":[true,false]}")).isTrue();
        assertThat(allows(grammar, "{\"a~b/c %\":[1]}")).isFalse();
    }

    @Test
    void jsonHasNoWhiteSpaceButASpaceBehindAColonOrAComma() {
        Grammar grammar = new AnswerGrammar(tokenizer, ReasoningFormat.NONE)
                .json(schema("{\"type\":\"array\",\"items\":{\"type\":\"object\"}}"))
                .build();
        for (String compact : new String[] {"[{\"a\":[1,2]},{}]", "[{\"a\": 1}]", "[{\"a\":1}, {}]"}) {
            assertThat(allows(grammar, compact)).as(compact).isTrue();
        }
        for (String spaced :
                new String[] {"[ ]", "[{\"a\":  1}]", "[{\"a\" :1}]", "[{\"a\":1},  {}]", "[\n{}]", "[] "}) {
            assertThat(allows(grammar, spaced)).as(spaced).isFalse();
        }
    }

    @Test
    void aListWithoutALimitEnds() {
        Grammar free = new AnswerGrammar(tokenizer, ReasoningFormat.NONE)
                .json(schema("{\"type\":\"array\",\"items\":{\"const\":1}}"))
                .build();
        assertThat(allows(free, "[1" + ",1".repeat(SchemaRewriter.ITEMS_MAX - 1) + "]"))
                .isTrue();
        assertThat(allows(free, "[1" + ",1".repeat(SchemaRewriter.ITEMS_MAX) + "]"))
                .isFalse();
        Grammar named = new AnswerGrammar(tokenizer, ReasoningFormat.NONE)
                .json(schema("{\"type\":\"array\",\"items\":{\"const\":1},\"maxItems\":300}"))
                .build();
        assertThat(allows(named, "[1" + ",1".repeat(299) + "]")).isTrue();
    }

    @Test
    void whatCannotBeCompiledIsRefusedAgain() {
        Grammar grammar = Grammar.jsonSchema("{\"type\":\"array\",\"uniqueItems\":true}");
        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(() -> grammars.matcher(grammar))
                    .isInstanceOf(UnsupportedFeatureException.class)
                    .hasMessageContaining("uniqueItems");
        }
    }

    @Test
    void grammarsAreKeptUpToALimit() throws Exception {
        for (int i = 0; i < GrammarCache.ENTRIES_MAX + 10; i++) {
            ObjectNode schema = (ObjectNode) new ObjectMapper().readTree("{\"const\":" + i % 70 + "}");
            Grammar grammar = new AnswerGrammar(tokenizer, ReasoningFormat.NONE)
                    .json(schema)
                    .build();
            assertThat(allows(grammar, "" + i % 70)).isTrue();
        }
        assertThat(grammars.size()).isEqualTo(GrammarCache.ENTRIES_MAX);
        grammars.close();
        Grammar grammar = Grammar.regex("a");
        assertThatThrownBy(() -> grammars.matcher(grammar)).isInstanceOf(IllegalStateException.class);
    }

    /** Who drafts asks for it on the model's thread, where others would wait as well. */
    @Test
    void aGrammarThatIsCompiledAlreadyIsNotWaitedFor() throws Exception {
        CountDownLatch compiles = new CountDownLatch(1);
        CountDownLatch goesOn = new CountDownLatch(1);
        Grammar grammar = Grammar.regex("a");
        try (GrammarCache slow = new GrammarCache(() -> {
            compiles.countDown();
            assertThat(awaited(goesOn)).isTrue();
            return tokenizer.grammarCompiler(tokenizer.vocabularySize(), 1);
        })) {
            CompletableFuture<int[]> compiling = CompletableFuture.supplyAsync(() -> slow.beginning(grammar));
            assertThat(awaited(compiles)).isTrue();
            assertThat(slow.compiled(grammar)).isNull();
            goesOn.countDown();
            compiling.get(30, TimeUnit.SECONDS);
            try (GrammarMatcher found = slow.compiled(grammar)) {
                assertThat(found.isStopped()).isFalse();
            }
        }
    }

    private static boolean awaited(CountDownLatch latch) {
        try {
            return latch.await(30, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Calls as the templates of the families render them for earlier turns; {@code ¶} stands for a line break,
     * {@code ␣} for a space.
     */
    @ParameterizedTest
    @CsvSource(
            delimiter = '@',
            quoteCharacter = '\0',
            value = {
                "HERMES @ @ <tool_call>¶{JSON}¶</tool_call>¶<tool_call>¶{JSON}¶</tool_call>",
                "HERMES @ @ <tool_call>{JSON}</tool_call>",
                "QWEN3_CODER @ @ <tool_call>¶<function=find>¶<parameter=city>¶Porto¶</parameter>¶<parameter=days>¶2¶</parameter>¶"
                        + "</function>¶</tool_call>",
                "SEED @ @ <seed:tool_call>¶<function=find>¶<parameter=city>Porto</parameter>¶<parameter=days>2</parameter>¶"
                        + "</function>¶</seed:tool_call>",
                "GLM @ @ <tool_call>find¶<arg_key>city</arg_key>¶<arg_value>Porto</arg_value>¶<arg_key>days</arg_key>¶"
                        + "<arg_value>2</arg_value>¶</tool_call>",
                "MINIMAX_M2 @ @ <minimax:tool_call>¶<invoke name=\"find\">¶<parameter name=\"city\">Porto</parameter>¶"
                        + "</invoke>¶<invoke name=\"ping\">¶</invoke>¶</minimax:tool_call>",
                "DEEPSEEK_DSML @ @ <｜DSML｜function_calls>¶<｜DSML｜invoke name=\"find\">¶"
                        + "<｜DSML｜parameter name=\"city\" string=\"true\">Porto</｜DSML｜parameter>¶"
                        + "<｜DSML｜parameter name=\"days\" string=\"false\">2</｜DSML｜parameter>¶"
                        + "</｜DSML｜invoke>¶</｜DSML｜function_calls>",
                "MISTRAL @ @ [TOOL_CALLS] [{JSON},{JSON}]",
                "MISTRAL @ [ARGS] @ [TOOL_CALLS]find[ARGS]{ARGS}[TOOL_CALLS]ping[ARGS]{}",
                "MISTRAL @ [CALL_ID] [ARGS] @ [TOOL_CALLS]find[CALL_ID]call00001[ARGS]{ARGS}",
                "LLAMA_JSON @ @ {\"name\":\"find\",\"parameters\":{ARGS}}",
                "PYTHONIC @ @ <|tool_call_start|>[find(city=\"Porto\", days=2), ping()]<|tool_call_end|>",
                "LLAMA_PYTHONIC @ @ [find(city=\"Porto\")]",
                "KIMI_K2 @ @ <|tool_calls_section_begin|><|tool_call_begin|>functions.find:0<|tool_call_argument_begin|>"
                        + "{ARGS}<|tool_call_end|><|tool_calls_section_end|>",
                "GEMMA4 @ @ <|tool_call>call:find{city:<|\"|>Porto<|\"|>,days:2}<tool_call|>",
                "FUNCTION_GEMMA @ @ <start_function_call>call:find{city:<escape>Porto<escape>}<end_function_call>",
                "DEEPSEEK @ ```json @ <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>find¶```json¶{ARGS}¶```"
                        + "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
                "DEEPSEEK @ @ <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>find<｜tool▁sep｜>{ARGS}<｜tool▁call▁end｜>"
                        + "<｜tool▁calls▁end｜>",
                "GRANITE @ @ <|tool_call|>[{JSON}]",
                "GRANITE_20B @ @ <function_call> {JSON}¶<function_call> {JSON}",
                "COHERE @ tool_call_id @ <|START_ACTION|>[{\"tool_call_id\":\"0\",\"tool_name\":\"find\","
                        + "\"parameters\":{ARGS}}]<|END_ACTION|>",
                "COMMAND_R @ @ Action: ```json¶[{\"tool_name\":\"find\",\"parameters\":{ARGS}}]¶```",
                "PHI4 @ <|tool_call|> @ <|tool_call|>[{JSON}]<|/tool_call|>",
                "TOOL_CALLS_LIST @ @ <tool_calls>[{JSON},{JSON}]</tool_calls>",
                "NEMOTRON @ @ <TOOLCALL>[{JSON}]</TOOLCALL>",
                "INTERNLM @ 'arguments' @ <|action_start|><|plugin|>¶{JSON}<|action_end|>",
                "FIREFUNCTION @ @ functools[{JSON}]",
                "FUNCTIONARY @ @ <function=find>{ARGS}</function>",
                "HARMONY @ @ ␣to=functions.find<|channel|>commentary json<|message|>{ARGS}",
                "HARMONY @ @ <|channel|>commentary to=functions.find <|constrain|>json<|message|>{ARGS}",
                "GENERIC @ @ {JSON}",
            })
    void callsAreWrittenAsTheFamilyWritesThem(ToolCallFormat format, String template, String text) throws Exception {
        Map<String, ObjectNode> tools = Map.of(
                "find",
                schema("{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"},"
                        + "\"days\":{\"type\":\"integer\"}},\"required\":[\"city\"]}"),
                "ping",
                JsonSchemas.ofArguments(null));
        Grammar grammar = new AnswerGrammar(tokenizer, ReasoningFormat.NONE)
                .calls(format::grammar, template == null ? "" : template, tools)
                .build();
        String call = text.replace('¶', '\n')
                .replace('␣', ' ')
                .replace("{JSON}", "{\"name\":\"find\",\"arguments\":{ARGS}}")
                .replace("{ARGS}", "{\"city\":\"Porto\",\"days\":2}");
        assertThat(allows(grammar, call)).as(call).isTrue();
        assertThat(allows(grammar, call.replace("find", "fund"))).isFalse();
        assertThat(allows(grammar, call.replace("city", "town"))).isFalse();
    }
}
