package dev.langchain4j.model.mlx.calls;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.text.GrammarMatcher;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.calls.CallWriter.Call;
import dev.langchain4j.model.mlx.grammar.AnswerGrammar;
import dev.langchain4j.model.mlx.grammar.GrammarCache;
import dev.langchain4j.model.mlx.parse.OutputParser;
import dev.langchain4j.model.mlx.parse.OutputSink;
import dev.langchain4j.model.mlx.parse.ReasoningFormat;
import dev.langchain4j.model.mlx.parse.ToolSchemas;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Writer, grammar and reader of each format agree: for random schemas and arguments the grammar lets through what the
 * writer writes, and the reader gives back what was written.
 */
class CallGrammarTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int ROUNDS = Integer.getInteger("random.calls", 8);
    private static final List<String> WORDS = List.of(
            "amsterdam",
            "Tokyo",
            "false start",
            "None of it",
            "nothing",
            "-",
            "3 days",
            "v1.2",
            "<b>",
            "a < b",
            "</",
            "{x}",
            "[draft]",
            "it's",
            "\"quoted\"",
            "a, b=c",
            "two\nlines",
            "é 東京",
            "`code`",
            "(NY)",
            "true-ish",
            "\\d+",
            "a\tb",
            "x\n");

    /** A format, and what of a template tells its variant. */
    private record Variant(ToolCallFormat format, String template) {
        @Override
        public String toString() {
            return format + " " + template;
        }
    }

    private static long handles;
    private static Tokenizer tokenizer;
    private static GrammarCache grammars;

    @BeforeAll
    static void open() {
        handles = LiveHandles.count();
        tokenizer = Tokenizer.fromFile(DemoModel.folder().resolve("tokenizer.json"));
        grammars = new GrammarCache(() -> tokenizer.grammarCompiler(tokenizer.vocabularySize(), 1));
    }

    @AfterAll
    static void close() {
        grammars.close();
        tokenizer.close();
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    static Stream<Variant> variants() {
        Stream<Variant> plain = Stream.of(ToolCallFormat.values())
                .filter(format -> format != ToolCallFormat.NONE)
                .map(format -> new Variant(format, ""));
        Stream<Variant> others = Stream.of(
                new Variant(ToolCallFormat.MISTRAL, "[ARGS]"),
                new Variant(ToolCallFormat.MISTRAL, "[CALL_ID] [ARGS]"),
                new Variant(ToolCallFormat.DEEPSEEK, "```json"),
                new Variant(ToolCallFormat.DEEPSEEK_DSML, "｜DSML｜tool_calls>"),
                new Variant(ToolCallFormat.COHERE, "tool_call_id"),
                new Variant(ToolCallFormat.INTERNLM, "'arguments'"),
                new Variant(ToolCallFormat.PHI4, "<|tool_call|>"));
        return Stream.concat(plain, others);
    }

    @ParameterizedTest
    @MethodSource("variants")
    void what_a_format_writes_its_grammar_allows_and_its_reader_reads(Variant variant) throws Exception {
        long seed = Seeds.seed(CallGrammarTest.class);
        Random random = new Random(seed);
        for (int round = 0; round < ROUNDS; round++) {
            ObjectNode schema = object(random, 2);
            ObjectNode arguments = (ObjectNode) value(schema, random, textFormat(variant.format));
            List<Call> calls = List.of(new Call("find_it", arguments.toString()));
            if (several(variant.format) && random.nextBoolean()) {
                calls = List.of(calls.getFirst(), new Call("ping", "{}"));
            }
            check(variant, schema, calls, "seed " + seed + ", round " + round);
        }
    }

    /** Strings that could be the beginning of something else. */
    @ParameterizedTest
    @ValueSource(strings = {"integer", "number", "boolean", "null", "object"})
    void every_word_can_be_an_argument_beside_another_type(String other) throws Exception {
        ObjectNode schema = JSON.createObjectNode().put("type", "object");
        ArrayNode options = schema.putObject("properties").putObject("a").putArray("anyOf");
        options.addObject().put("type", "string");
        options.addObject().put("type", other);
        schema.putArray("required").add("a");
        for (Variant variant : variants().toList()) {
            for (String word : WORDS) {
                boolean bracket = other.matches("array|object") && word.matches("(?s)[\\[{(].*");
                if (expressible(variant.format, word) && !(bracket && textFormat(variant.format))) {
                    Call call = new Call(
                            "find_it", JSON.createObjectNode().put("a", word).toString());
                    check(variant, schema, List.of(call), word);
                }
            }
        }
    }

    private void check(Variant variant, ObjectNode schema, List<Call> calls, String what) throws Exception {
        String text = CallWriter.write(variant.format, calls, variant.template);
        String as = variant + ", " + what + ", schema " + schema + ": " + text;
        ObjectNode none = JSON.createObjectNode().put("type", "object").put("additionalProperties", false);
        AnswerGrammar grammar = new AnswerGrammar(tokenizer, ReasoningFormat.NONE)
                .calls(variant.format::grammar, variant.template, Map.of("find_it", schema, "ping", none));
        int[] ids = tokenizer.encode(text, false);
        try (GrammarMatcher matcher = grammars.matcher(grammar.build())) {
            int allowed = matcher.allowed(ids);
            if (allowed < ids.length) {
                throw new AssertionError("the grammar stops at '"
                        + tokenizer.decode(java.util.Arrays.copyOfRange(ids, allowed, ids.length), false) + "' of "
                        + as);
            }
            matcher.commit(ids);
            assertThat(matcher.isAccepting()).as(as).isTrue();
        }
        List<JsonNode> read = new ArrayList<>();
        List<JsonNode> written = new ArrayList<>();
        for (Call call : calls) {
            written.add(JSON.readTree(call.arguments()));
        }
        ToolSchemas schemas = ToolSchemas.of(Map.of("find_it", schema, "ping", none));
        OutputParser parser = OutputParser.builder(new Calls(read))
                .reasoning(reasoning(variant.format), false)
                .toolCalls(variant.format.reading(), schemas)
                .build();
        parser.accept(text);
        parser.finish();
        assertThat(read).as(as).isEqualTo(written);
    }

    private static ReasoningFormat reasoning(ToolCallFormat format) {
        return switch (format) {
            case HARMONY -> ReasoningFormat.HARMONY;
            case MUSE_SPARK -> ReasoningFormat.MUSE;
            default -> ReasoningFormat.NONE;
        };
    }

    private record Calls(List<JsonNode> read) implements OutputSink {
        @Override
        public void text(String piece) {
            throw new AssertionError("text: " + piece);
        }

        @Override
        public void thinking(String piece) {
            throw new AssertionError("thinking: " + piece);
        }

        @Override
        public void partialToolCall(int index, String id, String name, String argumentsPiece) {}

        @Override
        public void toolCall(int index, String id, String name, String arguments) {
            try {
                read.add(JSON.readTree(arguments));
            } catch (java.io.IOException e) {
                throw new AssertionError(arguments, e);
            }
        }
    }

    // ---- random schemas and values -------------------------------------------------------------------------------

    private static ObjectNode object(Random random, int depth) {
        ObjectNode schema = JSON.createObjectNode().put("type", "object");
        ObjectNode properties = schema.putObject("properties");
        ArrayNode required = schema.putArray("required");
        int count = 1 + random.nextInt(3);
        for (int i = 0; i < count; i++) {
            String name = List.of("city", "days", "tag_list", "with-dash").get((i + random.nextInt(2)) % 4);
            if (!properties.has(name)) {
                properties.set(name, schema(random, depth));
                if (random.nextInt(3) > 0) {
                    required.add(name);
                }
            }
        }
        return schema;
    }

    private static ObjectNode schema(Random random, int depth) {
        ObjectNode schema = JSON.createObjectNode();
        switch (random.nextInt(depth > 0 ? 9 : 6)) {
            case 0, 1 -> schema.put("type", "string");
            case 2 -> schema.put("type", "integer");
            case 3 -> schema.put("type", "boolean");
            case 4 ->
                schema.put("type", "string")
                        .putArray("enum")
                        .add("kg")
                        .add("piece of")
                        .add("1");
            case 5 -> schema.putArray("type").add("string").add("integer").add("null");
            case 6 -> schema.put("type", "array").set("items", schema(random, depth - 1));
            case 7 -> {
                ArrayNode options = schema.putArray("anyOf");
                options.addObject().put("type", "string").put("maxLength", 40);
                options.addObject().put("type", "number");
            }
            default -> schema.setAll(object(random, depth - 1));
        }
        return schema;
    }

    private static JsonNode value(JsonNode schema, Random random, boolean text) {
        JsonNode type = schema.path("type");
        if (schema.has("enum")) {
            return schema.get("enum").get(random.nextInt(3));
        }
        if (schema.has("anyOf")) {
            return random.nextBoolean() ? word(random) : JSON.getNodeFactory().numberNode(random.nextInt(100) / 4.0);
        }
        String kind = type.isArray() ? type.get(random.nextInt(3)).asText() : type.asText();
        return switch (kind) {
            case "integer" -> JSON.getNodeFactory().numberNode(random.nextInt(2000) - 1000);
            case "boolean" -> JSON.getNodeFactory().booleanNode(random.nextBoolean());
            case "null" -> JSON.getNodeFactory().nullNode();
            case "array" -> {
                ArrayNode list = JSON.createArrayNode();
                for (int i = random.nextInt(3); i > 0; i--) {
                    list.add(value(schema.get("items"), random, text));
                }
                yield list;
            }
            case "object" -> {
                ObjectNode object = JSON.createObjectNode();
                for (Map.Entry<String, JsonNode> e : schema.get("properties").properties()) {
                    boolean required = false;
                    for (JsonNode name : schema.get("required")) {
                        required |= name.asText().equals(e.getKey());
                    }
                    if (required || random.nextBoolean()) {
                        object.set(e.getKey(), value(e.getValue(), random, text));
                    }
                }
                yield object;
            }
            default -> word(random);
        };
    }

    private static JsonNode word(Random random) {
        String word = WORDS.get(random.nextInt(WORDS.size() - 1));
        return JSON.getNodeFactory()
                .textNode(random.nextInt(4) == 0 ? word + " " + WORDS.get(random.nextInt(3)) : word);
    }

    /** Whether arguments are text, whose type the schema decides. */
    private static boolean textFormat(ToolCallFormat format) {
        return switch (format) {
            case QWEN3_CODER, SEED, GLM, LONGCAT, MINIMAX_M2, MUSE_SPARK, MINICPM5 -> true;
            default -> false;
        };
    }

    /** Seed's values have no line breaks at their ends, for a reader drops them. */
    private static boolean expressible(ToolCallFormat format, String word) {
        return format != ToolCallFormat.SEED || !word.endsWith("\n");
    }

    private static boolean several(ToolCallFormat format) {
        return switch (format) {
            case HARMONY, GIGACHAT, LLAMA_JSON -> false;
            default -> true;
        };
    }
}
