package dev.langchain4j.model.mlx.prompt;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.jinja.common.TextRanges;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.io.IOException;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Before which control tokens a text is cut: those alone that leave the tokens around them as they are. */
class CutTokensTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<String> TEMPLATES = List.of("<|im_start|>user<|im_end|>");
    private static final List<String> PARTS = List.of(
            "<|im_start|>",
            "<|im_end|>",
            "<|im_",
            "|>",
            "<",
            " ",
            "\n",
            "  \n",
            "a",
            "it's",
            "7",
            "é",
            "\u0301",
            "日本",
            "🙂",
            "word");

    /** The demo model's tokenizer with other settings. */
    private static Tokenizer tokenizer(Consumer<ObjectNode> change) throws IOException {
        ObjectNode json = (ObjectNode)
                JSON.readTree(DemoModel.folder().resolve("tokenizer.json").toFile());
        change.accept(json);
        return Tokenizer.fromJson(json.toString());
    }

    private static Consumer<ObjectNode> with(String name, String flag) {
        return json -> {
            for (JsonNode token : json.get("added_tokens")) {
                if (token.get("content").asText().equals(name)) {
                    ((ObjectNode) token).put(flag, true);
                }
            }
        };
    }

    private static int[] places(Tokenizer tokenizer, String text, TextRanges outside) {
        return new ControlTokens(tokenizer, TEMPLATES).cuts().places(text, 0, outside);
    }

    @Test
    void aTextIsCutBeforeWhatTheTemplateWrites() throws IOException {
        try (Tokenizer tokenizer = tokenizer(json -> {})) {
            String text = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant";
            assertThat(places(tokenizer, text, TextRanges.NONE)).containsExactly(19, 30, text.length());
            TextRanges said = new TextRanges.Builder().add(17, 25).build();
            assertThat(places(tokenizer, text, said)).containsExactly(30, text.length());
            assertThat(places(tokenizer, "", TextRanges.NONE)).containsExactly(0);
        }
    }

    @Test
    void notBeforeATokenThatLooksAtWhatStandsBesideIt() throws IOException {
        String text = "<|im_start|>user\nHi <|im_end|>\n<|im_start|>assistant";
        for (String flag : List.of("lstrip", "single_word")) {
            try (Tokenizer tokenizer = tokenizer(with("<|im_end|>", flag))) {
                assertThat(places(tokenizer, text, TextRanges.NONE)).as(flag).containsExactly(31, text.length());
            }
        }
    }

    @Test
    void notBeforeATokenThatIsLookedForInAChangedText() throws IOException {
        Consumer<ObjectNode> prepended = json -> {
            json.set(
                    "normalizer", JSON.createObjectNode().put("type", "Prepend").put("prepend", "_"));
            with("<|im_end|>", "normalized").accept(json);
        };
        String text = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant";
        try (Tokenizer tokenizer = tokenizer(prepended)) {
            assertThat(places(tokenizer, text, TextRanges.NONE)).doesNotContain(19);
        }
    }

    @Test
    void notBeforeATokenThatAnotherOneReachesInto() throws IOException {
        Consumer<ObjectNode> longer = json -> {
            ObjectNode token = json.withArray("added_tokens").get(0).deepCopy();
            json.withArray("added_tokens").add(token.put("id", 2048).put("content", "!<|im_end|>"));
        };
        try (Tokenizer tokenizer = tokenizer(longer)) {
            String text = "<|im_start|>user\nHi!<|im_end|>\n<|im_start|>assistant";
            assertThat(places(tokenizer, text, TextRanges.NONE)).containsExactly(31, text.length());
        }
    }

    @Test
    void thePartsAreTogetherWhatTheWholeIs() throws IOException {
        long seed = Seeds.seed(CutTokensTest.class);
        Random random = new Random(seed);
        for (String flag : List.of("special", "lstrip", "rstrip", "single_word", "normalized")) {
            try (Tokenizer tokenizer = tokenizer(with("<|im_end|>", flag))) {
                ControlTokens control = new ControlTokens(tokenizer, TEMPLATES);
                for (int i = 0; i < 300; i++) {
                    StringBuilder text = new StringBuilder();
                    TextRanges.Builder outside = new TextRanges.Builder();
                    for (int part = random.nextInt(20); part >= 0; part--) {
                        int start = text.length();
                        text.append(PARTS.get(random.nextInt(PARTS.size())));
                        outside.add(start, random.nextInt(4) == 0 ? text.length() : start);
                    }
                    String leading = random.nextBoolean() ? "" : "<|im_end|>";
                    String as = flag + ": " + leading + " + " + text;
                    Piece whole = Piece.encode(leading, text.toString(), outside.build(), control);
                    Piece parts = new PieceEncoder(control, new KnownPieces(1 << 20), "ann")
                            .encode(leading, text.toString(), outside.build());
                    assertThat(parts.ids()).as(as).isEqualTo(whole.ids());
                    assertThat(parts.ends()).as(as).isEqualTo(whole.ends());
                    assertThat(parts.spelled()).as(as).isEqualTo(whole.spelled());
                }
            }
        }
    }
}
