package dev.langchain4j.mlx.text;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.LiveHandles;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class DecodeStreamTest {
    private static final String TEXT =
            "hello world é東京\uD83D\uDE80\uD83D\uDC69\u200D\uD83D\uDCBB  hello\n world {\"a\": 1}";

    private long handles;

    @BeforeEach
    void count() {
        handles = LiveHandles.count();
    }

    @AfterEach
    void nothingIsLeft() {
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    static Stream<Path> tokenizers() {
        return Stream.of(Tokenizers.BYTE_LEVEL, Tokenizers.SENTENCEPIECE);
    }

    @ParameterizedTest
    @MethodSource("tokenizers")
    void piecesMakeTheTextAndNeverSplitACharacter(Path file) {
        try (Tokenizer tokenizer = Tokenizer.fromFile(file);
                DecodeStream stream = tokenizer.decodeStream(true)) {
            int[] ids = tokenizer.encode(TEXT, true);
            List<String> pieces = pieces(stream, ids);

            assertThat(String.join("", pieces)).isEqualTo(TEXT);
            assertThat(pieces).noneMatch(piece -> piece.contains("\uFFFD"));
            for (String piece : pieces) {
                assertThat(Character.isLowSurrogate(piece.isEmpty() ? 'a' : piece.charAt(0)))
                        .isFalse();
            }
        }
    }

    @Test
    void waitsUntilACharacterIsWhole() {
        try (Tokenizer tokenizer = Tokenizer.fromFile(Tokenizers.SENTENCEPIECE);
                DecodeStream stream = tokenizer.decodeStream(true)) {
            assertThat(stream.step(byteToken(tokenizer, 0xF0))).isEmpty();
            assertThat(stream.step(byteToken(tokenizer, 0x9F))).isEmpty();
            assertThat(stream.step(byteToken(tokenizer, 0x9A))).isEmpty();
            assertThat(stream.step(byteToken(tokenizer, 0x80))).isEqualTo("\uD83D\uDE80");
            assertThat(stream.finish()).isEmpty();
        }
    }

    @Test
    void finishGivesWhatWaitsAndStartsAnew() {
        try (Tokenizer tokenizer = Tokenizer.fromFile(Tokenizers.BYTE_LEVEL);
                DecodeStream stream = tokenizer.decodeStream(true)) {
            int[] rocket = tokenizer.encode("\uD83D\uDE80", false);
            assertThat(rocket).hasSizeGreaterThan(1);

            assertThat(stream.step(rocket[0])).isEmpty();
            assertThat(stream.finish()).isEqualTo("\uFFFD");
            assertThat(String.join("", pieces(stream, rocket))).isEqualTo("\uD83D\uDE80");
        }
    }

    @Test
    void specialTokensComeOutOrNotAndSpacesStay() {
        try (Tokenizer tokenizer = Tokenizer.fromFile(Tokenizers.SENTENCEPIECE);
                DecodeStream skipping = tokenizer.decodeStream(true);
                DecodeStream showing = tokenizer.decodeStream(false)) {
            int end = tokenizer.id("</s>").orElseThrow();
            int hello = tokenizer.id("▁hello").orElseThrow();
            int[] ids = {hello, end, end, hello};

            assertThat(pieces(skipping, ids)).containsExactly("hello", "", "", " hello", "");
            assertThat(String.join("", pieces(showing, ids))).isEqualTo(tokenizer.decode(ids, false));
        }
    }

    @ParameterizedTest
    @MethodSource("tokenizers")
    void anyTokensDecodeAsInOnePiece(Path file) {
        long seed = Long.getLong("seed", 20261129);
        Random random = new Random(seed);
        try (Tokenizer tokenizer = Tokenizer.fromFile(file)) {
            // SentencePiece's decoder replaces a whole run of bytes when one of them is wrong, also those that are out.
            int[] choices = IntStream.range(0, tokenizer.vocabularySize() + 3)
                    .filter(id -> !tokenizer.token(id).orElse("").startsWith("<0x"))
                    .toArray();
            for (int round = 0; round < 100; round++) {
                int[] ids = random.ints(random.nextInt(1, 40), 0, choices.length)
                        .map(choice -> choices[choice])
                        .toArray();
                try (DecodeStream stream = tokenizer.decodeStream(true)) {
                    assertThat(String.join("", pieces(stream, ids)))
                            .as(
                                    "seed %d, ids %s",
                                    seed, IntStream.of(ids).boxed().toList())
                            .isEqualTo(tokenizer.decode(ids, true));
                }
            }
        }
    }

    @Test
    void brokenByteRunsNeitherFailNorWaitForEver() {
        try (Tokenizer tokenizer = Tokenizer.fromFile(Tokenizers.SENTENCEPIECE);
                DecodeStream stream = tokenizer.decodeStream(true)) {
            int broken = byteToken(tokenizer, 0xE2);
            int hello = tokenizer.id("hello").orElseThrow();
            int[] ids = new int[1_001];
            Arrays.fill(ids, broken);
            ids[1_000] = hello;

            String text = String.join("", pieces(stream, ids));

            assertThat(text).isEqualTo("\uFFFD".repeat(1_000) + "hello");
        }
    }

    @Test
    void randomBytesDecodeAsInOnePiece() {
        long seed = Long.getLong("seed", 20261129);
        Random random = new Random(seed);
        try (Tokenizer tokenizer = Tokenizer.fromFile(Tokenizers.BYTE_LEVEL)) {
            int[] tokens = singleBytes(tokenizer);
            for (int round = 0; round < 50; round++) {
                byte[] bytes = new byte[200];
                random.nextBytes(bytes);
                // Mostly continuation and lead bytes, so that characters are broken in every way.
                for (int i = 0; i < bytes.length; i++) {
                    bytes[i] |= (byte) (random.nextInt(10) == 0 ? 0 : 0x80);
                }
                int[] ids = IntStream.range(0, bytes.length)
                        .map(i -> tokens[bytes[i] & 0xFF])
                        .toArray();
                try (DecodeStream stream = tokenizer.decodeStream(true)) {
                    assertThat(String.join("", pieces(stream, ids)))
                            .as("seed %d", seed)
                            .isEqualTo(tokenizer.decode(ids, true));
                }
            }
        }
    }

    private static int byteToken(Tokenizer tokenizer, int value) {
        return tokenizer.id("<0x%02X>".formatted(value)).orElseThrow();
    }

    /** The tokens of the 256 single bytes, found by the text that they have with and without others around. */
    private static int[] singleBytes(Tokenizer tokenizer) {
        int[] tokens = new int[256];
        int next = 0x100;
        for (int value = 0; value < 256; value++) {
            boolean printable = (value >= '!' && value <= '~') || (value >= 0xA1 && value != 0xAD);
            tokens[value] =
                    tokenizer.id(Character.toString(printable ? value : next++)).orElseThrow();
        }
        return tokens;
    }

    /** What each step gives, then what finishing gives. */
    private static List<String> pieces(DecodeStream stream, int[] ids) {
        List<String> pieces = new ArrayList<>();
        for (int id : ids) {
            pieces.add(stream.step(id));
        }
        pieces.add(stream.finish());
        return pieces;
    }
}
