package dev.langchain4j.model.mlx.grammar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.text.Grammar;
import dev.langchain4j.mlx.text.GrammarMatcher;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.mlx.grammar.AnswerGrammar.Reasoning;
import dev.langchain4j.model.mlx.parse.ReasoningFormat;
import dev.langchain4j.model.mlx.testing.DemoModel;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which whole answers the grammars let through, marker by marker. */
class AnswerGrammarTest {
    private static final String SCHEMA =
            "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},\"required\":[\"a\"]}";
    private static final String VALUE = "{\"a\": 1}";

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
        assertThat(allows(grammar, before + "{\"a\": true}")).isFalse();
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
        assertThat(allows(closed.build(), "{\"a\": 1, \"b\": 2}")).isFalse();
        ObjectNode open = schema(SCHEMA).put("additionalProperties", true);
        Grammar grammar =
                new AnswerGrammar(tokenizer, ReasoningFormat.NONE).json(open).build();
        assertThat(allows(grammar, "{\"a\": 1, \"b\": 2}")).isTrue();
        assertThat(allows(grammar, "{\"a\": 1, \"a\": 2}")).isFalse();
        assertThat(allows(grammar, "{\"a\": 1, \"\\u0061\": 2}")).isFalse();
        ObjectNode both =
                schema("{\"allOf\":[" + SCHEMA + ",{\"properties\":{\"b\":{\"const\":0}},\"required\":[\"b\"]}]}");
        Grammar composed =
                new AnswerGrammar(tokenizer, ReasoningFormat.NONE).json(both).build();
        assertThat(allows(composed, "{\"a\": 1, \"b\": 0}")).isTrue();
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
        assertThat(allows(grammar, "{\"a~b/c %\": [true, false]}")).isTrue();
        assertThat(allows(grammar, "{\"a~b/c %\": [1]}")).isFalse();
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
}
