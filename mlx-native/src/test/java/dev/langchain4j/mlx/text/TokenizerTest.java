package dev.langchain4j.mlx.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.aggregator.ArgumentsAccessor;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerTest {
    private long handles;
    private Tokenizer tokenizer;

    @BeforeEach
    void open() {
        handles = LiveHandles.count();
        tokenizer = Tokenizer.fromFile(Tokenizers.BYTE_LEVEL);
    }

    @AfterEach
    void close() {
        tokenizer.close();
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "What is the weather in Lisbon?",
                "Zürich, 東京, Ελλάδα, \uD83D\uDE80\uD83D\uDC69\u200D\uD83D\uDCBB and \u0000 too",
                "line\r\nline\n\n\ttabbed   spaced",
                "<|im_start|>user\nhi<|im_end|>"
            })
    void decodesWhatItEncoded(String text) {
        assertThat(tokenizer.decode(tokenizer.encode(text, false), false)).isEqualTo(text);
    }

    @Test
    void encodesLongTextsWhole() {
        String text = "Book the first train to Lisbon. ".repeat(5_000);

        int[] ids = tokenizer.encode(text, false);

        assertThat(ids.length).isGreaterThan(20_000);
        assertThat(tokenizer.decode(ids, false)).isEqualTo(text);
    }

    @Test
    void ignoresTruncationAndPaddingOfTheFile() {
        try (Tokenizer truncating = Tokenizer.fromFile(Tokenizers.SENTENCEPIECE)) {
            assertThat(truncating.encode("hello world hello world hello world", false))
                    .hasSize(6);
        }
    }

    @Test
    void addsTheStartTokenOnlyWhenAsked() {
        try (Tokenizer starting = Tokenizer.fromFile(Tokenizers.SENTENCEPIECE)) {
            int start = starting.id("<s>").orElseThrow();

            assertThat(starting.encode("hello", true)).startsWith(start).hasSize(2);
            assertThat(starting.encode("hello", false)).doesNotContain(start).hasSize(1);
            assertThat(starting.decode(starting.encode("hello", true), true)).isEqualTo("hello");
        }
    }

    @Test
    void knowsSpecialTokens() {
        int end = tokenizer.id("<|im_end|>").orElseThrow();

        assertThat(tokenizer.encode("a<|im_end|>", false)).endsWith(end);
        assertThat(tokenizer.isSpecial(end)).isTrue();
        assertThat(tokenizer.isAdded(end)).isTrue();
        assertThat(tokenizer.decode(tokenizer.encode("a<|im_end|>", false), true))
                .isEqualTo("a");
        assertThat(tokenizer.token(end)).contains("<|im_end|>");
        int letter = tokenizer.encode("a", false)[0];
        assertThat(tokenizer.isSpecial(letter)).isFalse();
        assertThat(tokenizer.isSpecial(-1)).isFalse();
    }

    /** Texts of names of special tokens, parts of them, words and white space. */
    private static String named(Tokenizer tokenizer, Random random) {
        StringBuilder text = new StringBuilder();
        int[] added = tokenizer.addedTokens();
        for (int i = 0; i < 8; i++) {
            String name = tokenizer.token(added[random.nextInt(added.length)]).orElseThrow();
            int cut = random.nextInt(name.length() + 1);
            text.append(
                    switch (random.nextInt(6)) {
                        case 0, 1 -> name;
                        case 2 -> name.substring(0, cut);
                        case 3 -> name.substring(cut);
                        case 4 -> "é\uD83D\uDE80  x\n";
                        default -> " hello world ";
                    });
        }
        return text.toString();
    }

    @ParameterizedTest
    @MethodSource("files")
    void namesOfSpecialTokensAreTextWhereTheTextIsAUsers(Path file) {
        long seed = Long.getLong("seed", 20261129);
        Random random = new Random(seed);
        try (Tokenizer any = Tokenizer.fromFile(file)) {
            for (int round = 0; round < 300; round++) {
                String text = named(any, random);

                int[] ids = any.encodeText(text, false);
                int[] around = any.encodeText(text, true);

                assertThat(any.decode(ids, false)).as("seed %d", seed).isEqualTo(text);
                assertThat(IntStream.of(ids).noneMatch(any::isSpecial))
                        .as("seed %d: %s", seed, text)
                        .isTrue();
                assertThat(Arrays.copyOfRange(around, around.length - ids.length, around.length))
                        .as("seed %d", seed)
                        .isEqualTo(ids);
                assertThat(around.length - ids.length).isEqualTo(any.encode("", true).length);
            }
            String plain = "if (a < b | c > [d]) hello </ world";
            assertThat(any.encodeText(plain, true)).isEqualTo(any.encode(plain, true));
        }
    }

    @Test
    void onlyTheGivenSpansAreText() {
        String text = "<|im_start|>user\nhi<|im_end|> there<|im_end|>";
        int place = text.indexOf("<|im_end|>");
        int[] all = tokenizer.encode(text, false);

        Encoding encoding = tokenizer.encodeWithOffsets(text, false, place + 3, place + 5);

        int end = tokenizer.id("<|im_end|>").orElseThrow();
        assertThat(encoding.ids()).startsWith(all[0]).endsWith(end).containsOnlyOnce(end);
        assertThat(tokenizer.decode(encoding.ids(), false)).isEqualTo(text);
        assertThat(encoding.end(encoding.size() - 1)).isEqualTo(text.length());
        assertThat(tokenizer.encodeWithOffsets(text, false, 12, 14).ids()).isEqualTo(all);
    }

    @Test
    void whatTheModelSpellsByItselfIsTextToo() throws IOException {
        // With ignore_merges a model finds whole words in its vocabulary, also those that were added.
        String json = Files.readString(Tokenizers.BYTE_LEVEL)
                .replaceFirst("\"ignore_merges\": ?false", "\"ignore_merges\": true")
                .replace("[A-Za-z]+|[0-9]|[^A-Za-z0-9]+", ".+");
        assertThat(json).containsPattern("\"ignore_merges\": ?true").contains(".+");
        try (Tokenizer spelling = Tokenizer.fromJson(json)) {
            String text = "<|im_end|>";
            int end = spelling.id(text).orElseThrow();
            assertThat(spelling.encodeWithOffsets("a " + text, false, 2, 3).ids())
                    .doesNotContain(end);

            int[] ids = spelling.encodeText(text, false);

            assertThat(spelling.decode(ids, false)).isEqualTo(text);
            assertThat(IntStream.of(ids).noneMatch(spelling::isSpecial)).isTrue();
        }
    }

    @ParameterizedTest
    @CsvSource({"3, 3", "5, 4", "0, 100", "2, 4, 3, 6"})
    void spansMustRiseWithinTheText(ArgumentsAccessor spans) {
        int[] bounds = IntStream.range(0, spans.size()).map(spans::getInteger).toArray();

        assertThatThrownBy(() -> tokenizer.encodeWithOffsets("some text", false, bounds))
                .isInstanceOf(MlxException.class)
                .hasMessageContaining("must rise and lie within the text");
    }

    /** Files whose vocabulary is of another kind than their decoder, as some releases of Mistral models have them. */
    @ParameterizedTest
    @MethodSource("files")
    void theVocabularyDecidesHowTextIsPutTogether(Path file) throws IOException {
        Path other = file.equals(Tokenizers.BYTE_LEVEL) ? Tokenizers.SENTENCEPIECE : Tokenizers.BYTE_LEVEL;
        String json = Files.readString(file).replace(decoder(file), decoder(other));
        String text = "hello world, I am é\uD83D\uDE80 {\"a\": 1}\n";
        try (Tokenizer right = Tokenizer.fromFile(file);
                Tokenizer mended = Tokenizer.fromJson(json)) {
            int[] ids = right.encode(text, false);

            assertThat(mended.encode(text, false)).isEqualTo(ids);
            assertThat(mended.decode(ids, false).strip()).isEqualTo(text.strip());
            try (DecodeStream stream = mended.decodeStream(false)) {
                StringBuilder streamed = new StringBuilder();
                IntStream.of(ids).forEach(id -> streamed.append(stream.step(id)));
                assertThat((streamed + stream.finish()).strip()).isEqualTo(text.strip());
            }
            int end = mended.addedTokens()[1];
            try (GrammarCompiler compiler = mended.grammarCompiler(mended.vocabularySize(), end);
                    GrammarMatcher matcher = compiler.compile(Grammar.regex("(.|\\s)*I am(.|\\s)*"))) {
                assertThat(matcher.allowed(ids)).isEqualTo(ids.length);
            }
        }
    }

    private static String decoder(Path file) throws IOException {
        String json = Files.readString(file);
        return json.substring(json.indexOf("\"decoder\""), json.indexOf("\"model\""));
    }

    static Stream<Path> files() {
        return Stream.of(Tokenizers.BYTE_LEVEL, Tokenizers.SENTENCEPIECE);
    }

    @Test
    void vocabularyEntriesAndIdsBelongTogether() {
        for (int id = 0; id < tokenizer.vocabularySize(); id++) {
            assertThat(tokenizer.id(tokenizer.token(id).orElseThrow())).hasValue(id);
        }
        assertThat(tokenizer.token(tokenizer.vocabularySize())).isEmpty();
        assertThat(tokenizer.token(-1)).isEmpty();
        assertThat(tokenizer.id("no such entry")).isEmpty();
    }

    @Test
    void offsetsCountJavaChars() {
        String text = "é\uD83D\uDE80 Lisbon<|im_end|>東";
        int special = tokenizer.id("<|im_end|>").orElseThrow();

        Encoding encoding = tokenizer.encodeWithOffsets(text, false);

        assertThat(encoding.ids()).isEqualTo(tokenizer.encode(text, false));
        int index = IntStream.range(0, encoding.size())
                .filter(i -> encoding.id(i) == special)
                .findFirst()
                .orElseThrow();
        int start = text.indexOf("<|im_end|>");
        assertThat(encoding.start(index)).isEqualTo(start);
        assertThat(encoding.end(index)).isEqualTo(start + "<|im_end|>".length());
        assertThat(encoding.end(encoding.size() - 1)).isEqualTo(text.length());
        assertThat(encoding.tokensWithin(start)).isEqualTo(index);
        assertThat(encoding.tokensWithin(text.length())).isEqualTo(encoding.size());
        assertThat(encoding.tokensWithin(0)).isZero();
    }

    @Test
    void unknownIdsHaveNoText() {
        assertThat(tokenizer.decode(new int[] {-1, Integer.MAX_VALUE, 1 << 20}, false))
                .isEmpty();
    }

    @Test
    void loneSurrogatesDoNoHarm() {
        assertThat(tokenizer.decode(tokenizer.encode("a\uD83Db", false), false)).isEqualTo("a?b");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{",
                "{}",
                "[1, 2]",
                "null",
                "not json",
                "{\"version\": \"1.0\", \"model\": {\"type\": \"X\"}}"
            })
    void refusesWhatIsNoTokenizer(String json) {
        assertThatThrownBy(() -> Tokenizer.fromJson(json))
                .isInstanceOf(MlxException.class)
                .hasMessageStartingWith("not a tokenizer (given JSON)");
    }

    @Test
    void damagedFilesFailWithAnException(@TempDir Path folder) throws IOException {
        byte[] good = Files.readAllBytes(Tokenizers.SENTENCEPIECE);
        Path file = folder.resolve("tokenizer.json");
        long seed = Long.getLong("seed", 20261129);
        Random random = new Random(seed);
        for (int round = 0; round < 200; round++) {
            byte[] bad = good.clone();
            for (int i = 0; i < 20; i++) {
                bad[random.nextInt(bad.length)] = (byte) random.nextInt();
            }
            Files.write(file, bad);
            try (Tokenizer survivor = Tokenizer.fromFile(file)) {
                survivor.encode("hello world", true);
            } catch (MlxException e) {
                assertThat(e).as("seed %d", seed).hasMessageContaining(file.toString());
            }
        }
    }

    @Test
    void missingFileIsNamed() {
        assertThatThrownBy(() -> Tokenizer.fromFile(Path.of("no-such.json")))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("no-such.json");
    }

    @Test
    void manyThreadsShareOne() {
        String text = "The train to Lisbon leaves at nine. ".repeat(50);
        int[] expected = tokenizer.encode(text, false);

        CompletableFuture<?>[] calls = IntStream.range(0, 32)
                .mapToObj(i -> CompletableFuture.runAsync(
                        () -> assertThat(tokenizer.encode(text, false)).isEqualTo(expected)))
                .toArray(CompletableFuture[]::new);

        CompletableFuture.allOf(calls).join();
    }

    @Test
    void closedTokenizerIsRefusedButItsStreamLivesOn() {
        int[] ids = tokenizer.encode("Lisbon", false);
        try (DecodeStream stream = tokenizer.decodeStream(false)) {
            tokenizer.close();
            tokenizer.close();

            StringBuilder text = new StringBuilder();
            for (int id : ids) {
                text.append(stream.step(id));
            }
            assertThat(text + stream.finish()).isEqualTo("Lisbon");
        }
        assertThatThrownBy(() -> tokenizer.encode("a", false))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("tokenizer is closed");
    }
}
