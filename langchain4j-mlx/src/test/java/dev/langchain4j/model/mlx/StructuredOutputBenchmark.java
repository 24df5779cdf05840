package dev.langchain4j.model.mlx;

import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.mlx.text.Grammar;
import dev.langchain4j.mlx.text.GrammarCompiler;
import dev.langchain4j.mlx.text.GrammarMatcher;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.json.JsonRawSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.mlx.grammar.AnswerGrammar;
import dev.langchain4j.model.mlx.grammar.JsonSchemas;
import dev.langchain4j.model.mlx.parse.ReasoningFormat;
import dev.langchain4j.model.mlx.testing.DemoModel;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** What a grammar costs: to compile, to open, for each token, and for a whole answer beside one without a grammar. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class StructuredOutputBenchmark {
    private static final int TOKENS = 32;
    private static final String SCHEMA = "{\"type\":\"object\",\"properties\":{\"from\":{\"type\":\"string\"},"
            + "\"to\":{\"type\":\"string\"},\"seats\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9},"
            + "\"class\":{\"enum\":[\"first\",\"second\"]},\"stops\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}},"
            + "\"required\":[\"from\",\"to\",\"seats\",\"class\",\"stops\"]}";
    private static final String ANSWER =
            "{\"from\": \"Lisbon\", \"to\": \"Porto\", \"seats\": 2, \"class\": \"second\","
                    + " \"stops\": [\"Coimbra\", \"Aveiro\"]}";

    private MlxModel mlx;
    private GrammarCompiler compiler;
    private Grammar grammar;
    private int[] answer;
    private int[] words;
    private MlxChatModel free;
    private MlxChatModel constrained;

    @Setup
    public void load() {
        mlx = MlxModel.load(DemoModel.folder());
        compiler = mlx.tokenizer().grammarCompiler(mlx.tokenizer().vocabularySize(), 1);
        grammar = new AnswerGrammar(mlx.tokenizer(), ReasoningFormat.NONE)
                .json(JsonSchemas.of(JsonRawSchema.from(SCHEMA)))
                .build();
        answer = mlx.tokenizer().encode(ANSWER, false);
        words = new int[Math.ceilDiv(mlx.tokenizer().vocabularySize(), Integer.SIZE)];
        free = builder().logitBias(Map.of(1, -1000.0)).build();
        constrained = builder()
                .responseFormat(ResponseFormat.builder()
                        .type(ResponseFormatType.JSON)
                        .jsonSchema(JsonSchema.builder()
                                .name("Text")
                                .rootElement(JsonRawSchema.from("{\"type\":\"string\",\"minLength\":1000}"))
                                .build())
                        .build())
                .build();
    }

    private MlxChatModel.Builder builder() {
        return MlxChatModel.builder().model(mlx).temperature(0.0).maxOutputTokens(TOKENS);
    }

    @TearDown
    public void close() {
        compiler.close();
        mlx.close();
    }

    /** A schema that is seen for the first time. */
    @Benchmark
    public void compile() {
        compiler.compile(grammar).close();
    }

    /** A schema that is in the cache. */
    @Benchmark
    public void open() {
        mlx.grammars().matcher(grammar).close();
    }

    /** Taking a token and finding out what may follow. */
    @Benchmark
    @OperationsPerInvocation(TOKENS)
    public void tokenAndMask() {
        try (GrammarMatcher matcher = mlx.grammars().matcher(grammar)) {
            for (int i = 0; i < TOKENS; i++) {
                matcher.mask(words);
                matcher.commit(answer[i]);
            }
        }
    }

    /** A token of an answer of any text: prompt, 32 tokens and all. */
    @Benchmark
    @OperationsPerInvocation(TOKENS)
    public Object answerToken() {
        return free.chat(question());
    }

    /** A token of an answer under a grammar, whose mask is the largest there is: that of free text in a string. */
    @Benchmark
    @OperationsPerInvocation(TOKENS)
    public Object constrainedAnswerToken() {
        return constrained.chat(question());
    }

    private static ChatRequest question() {
        return ChatRequest.builder().messages(UserMessage.from("Hello!")).build();
    }
}
