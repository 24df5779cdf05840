package dev.langchain4j.mlx.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.TextLibraryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class GrammarMatcherTest {
    private static final String SCHEMA = """
            {"type": "object", "additionalProperties": false, "required": ["city", "days", "express"],
             "properties": {"city": {"enum": ["Lisbon", "Oslo", "Zürich"]},
                            "days": {"type": "integer", "minimum": 1, "maximum": 99},
                            "express": {"type": "boolean"}}}""";
    private static final Pattern CONFORMING =
            Pattern.compile("\\{\\s*\"city\"\\s*:\\s*\"(Lisbon|Oslo|Zürich)\"\\s*,\\s*\"days\"\\s*:\\s*[1-9][0-9]?\\s*,"
                    + "\\s*\"express\"\\s*:\\s*(true|false)\\s*}");

    private long handles;
    private Tokenizer tokenizer;
    private GrammarCompiler compiler;
    private int end;

    @BeforeEach
    void open() {
        handles = LiveHandles.count();
        tokenizer = Tokenizer.fromFile(Tokenizers.BYTE_LEVEL);
        end = tokenizer.id("<|im_end|>").orElseThrow();
        compiler = tokenizer.grammarCompiler(tokenizer.vocabularySize() + 40, end);
    }

    @AfterEach
    void close() {
        compiler.close();
        tokenizer.close();
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    static Stream<Path> tokenizers() {
        return Stream.of(Tokenizers.BYTE_LEVEL, Tokenizers.SENTENCEPIECE);
    }

    @ParameterizedTest
    @MethodSource("tokenizers")
    void randomChoicesUnderASchemaMakeConformingJson(Path file) {
        long seed = Long.getLong("seed", 20261129);
        Random random = new Random(seed);
        try (Tokenizer chosen = Tokenizer.fromFile(file);
                GrammarCompiler grammars =
                        chosen.grammarCompiler(chosen.vocabularySize(), chosen.encode(lastSpecial(chosen), false)[0])) {
            for (int round = 0; round < 20; round++) {
                try (GrammarMatcher matcher = grammars.compile(Grammar.jsonSchema(SCHEMA))) {
                    String text = generate(matcher, chosen, random);
                    assertThat(text).as("seed %d", seed).matches(CONFORMING);
                }
            }
        }
    }

    @Test
    void regexBoundsTheWholeText() {
        try (GrammarMatcher matcher = compiler.compile(Grammar.regex("[a-c]{3}"))) {
            Random random = new Random(1);
            assertThat(generate(matcher, tokenizer, random)).matches("[a-c]{3}");
        }
    }

    @Test
    void larkMayNameSpecialTokens() {
        int call = tokenizer.id("<tool_call>").orElseThrow();
        try (GrammarMatcher matcher = compiler.compile(Grammar.lark("start: <tool_call> \"x\""))) {
            assertThat(allowed(matcher).stream().toArray()).containsExactly(call);
            matcher.commit(call);
            assertThat(matcher.allowed(tokenizer.encode("x", false))).isEqualTo(1);
        }
    }

    @Test
    void certainTokensAreForced() {
        try (GrammarMatcher matcher = compiler.compile(Grammar.regex("the only text"))) {
            int[] forced = matcher.forced();

            assertThat(forced).isNotEmpty();
            assertThat("the only text").startsWith(tokenizer.decode(forced, false));
            matcher.commit(forced);
        }
    }

    @Test
    void endTokenIsAllowedExactlyWhereTheTextMayEnd() {
        int a = tokenizer.encode("a", false)[0];
        try (GrammarMatcher matcher = compiler.compile(Grammar.regex("a{1,2}"))) {
            assertThat(allowed(matcher).get(end)).isFalse();
            assertThat(matcher.isAccepting()).isFalse();

            matcher.commit(a);
            assertThat(allowed(matcher).get(end)).isTrue();
            assertThat(matcher.isAccepting()).isTrue();
            assertThat(matcher.isStopped()).isFalse();

            matcher.commit(end);
            assertThat(matcher.isStopped()).isTrue();
            assertThat(allowed(matcher).stream().toArray()).containsExactly(end);
        }
    }

    @Test
    void logitsBeyondTheVocabularyAreNeverAllowed() {
        try (GrammarMatcher matcher = compiler.compile(Grammar.lark("start: /(.|\\n)*/"))) {
            BitSet allowed = allowed(matcher);

            assertThat(allowed.cardinality()).isGreaterThan(1000);
            assertThat(allowed.nextSetBit(tokenizer.vocabularySize())).isEqualTo(-1);
        }
    }

    @Test
    void rollbackResetAndCopyGoWhereTheySay() {
        int[] ids = tokenizer.encode("abcabc", false);
        try (GrammarMatcher matcher = compiler.compile(Grammar.regex("(abc)+"))) {
            BitSet start = allowed(matcher);
            matcher.commit(ids[0]);
            BitSet second = allowed(matcher);
            try (GrammarMatcher copy = matcher.copy()) {
                matcher.commit(Arrays.copyOfRange(ids, 1, ids.length));
                assertThat(allowed(copy)).isEqualTo(second);
            }
            matcher.rollback(ids.length - 1);
            assertThat(allowed(matcher)).isEqualTo(second);
            matcher.reset();
            assertThat(allowed(matcher)).isEqualTo(start);
            assertThatThrownBy(() -> matcher.rollback(1)).isInstanceOf(TextLibraryException.class);
            assertThatThrownBy(() -> matcher.rollback(-1)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void tokenThatIsNotAllowedBreaksTheMatcherOnly() {
        int x = tokenizer.encode("x", false)[0];
        try (GrammarMatcher matcher = compiler.compile(Grammar.regex("a"));
                GrammarMatcher other = compiler.compile(Grammar.regex("a"))) {
            assertThat(matcher.allowed(x)).isZero();
            assertThatThrownBy(() -> matcher.commit(x)).isInstanceOf(TextLibraryException.class);
            assertThatThrownBy(() -> matcher.mask(new int[matcher.maskWords()]))
                    .isInstanceOf(TextLibraryException.class);
            assertThat(matcher.isStopped()).isTrue();
            assertThat(allowed(other).cardinality()).isPositive();
        }
    }

    @Test
    void idsOutOfRangeAreRefused() {
        for (int id : new int[] {-1, tokenizer.vocabularySize() + 40, Integer.MAX_VALUE}) {
            try (GrammarMatcher matcher = compiler.compile(Grammar.regex("a"))) {
                assertThatThrownBy(() -> matcher.commit(id)).isInstanceOf(TextLibraryException.class);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"{", "not json", "{\"type\": \"no such type\"}", "{\"$ref\": \"#/nowhere\"}"})
    void refusesBadSchemas(String schema) {
        assertThatThrownBy(() -> compiler.compile(Grammar.jsonSchema(schema)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("grammar (JSON_SCHEMA): ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"(", "[z-a]", "*"})
    void refusesBadRegexes(String regex) {
        assertThatThrownBy(() -> compiler.compile(Grammar.regex(regex)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("grammar (REGEX): ");
    }

    /** A model may have fewer logits than its tokenizer has ids: those beyond are never asked for. */
    @Test
    void goesOnWithFewerLogitsThanTokens() {
        int logits = tokenizer.vocabularySize() - 700;
        long seed = Long.getLong("seed", 20261129);
        try (GrammarCompiler fewer = tokenizer.grammarCompiler(logits, end);
                GrammarMatcher matcher = fewer.compile(Grammar.jsonSchema(SCHEMA))) {
            assertThat(allowed(matcher).nextSetBit(logits)).isEqualTo(-1);
            assertThat(generate(matcher, tokenizer, new Random(seed)))
                    .as("seed %d", seed)
                    .matches(CONFORMING);
        }
    }

    @Test
    void compilerChecksItsArguments() {
        assertThatThrownBy(() -> tokenizer.grammarCompiler(end, end))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("end token (" + end + ")");
        assertThatThrownBy(() -> tokenizer.grammarCompiler(tokenizer.vocabularySize()))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> tokenizer.grammarCompiler(tokenizer.vocabularySize(), -1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("end token (-1)");
    }

    private static String lastSpecial(Tokenizer tokenizer) {
        return tokenizer.id("</s>").isPresent() ? "</s>" : "<|im_end|>";
    }

    private static BitSet allowed(GrammarMatcher matcher) {
        int[] words = new int[matcher.maskWords()];
        matcher.mask(words);
        BitSet allowed = new BitSet();
        for (int id = 0; id < words.length * 32; id++) {
            allowed.set(id, (words[id / 32] >>> id % 32 & 1) == 1);
        }
        return allowed;
    }

    /** Chooses among allowed tokens at random until nothing can follow. */
    private static String generate(GrammarMatcher matcher, Tokenizer tokenizer, Random random) {
        List<Integer> ids = new ArrayList<>();
        while (!matcher.isStopped() && ids.size() < 2_000) {
            int[] choices = allowed(matcher).stream().toArray();
            int id = choices[random.nextInt(choices.length)];
            matcher.commit(id);
            ids.add(id);
        }
        return tokenizer.decode(ids.stream().mapToInt(Integer::intValue).toArray(), true);
    }
}
