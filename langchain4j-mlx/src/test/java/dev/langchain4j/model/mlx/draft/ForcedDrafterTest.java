package dev.langchain4j.model.mlx.draft;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.text.Grammar;
import dev.langchain4j.mlx.text.GrammarCompiler;
import dev.langchain4j.mlx.text.GrammarMatcher;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.testing.DemoModel;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ForcedDrafterTest {
    private static final Grammar ORDER = Grammar.jsonSchema(
            "{\"type\":\"object\",\"properties\":{\"order_number\":{\"type\":\"integer\"},\"express_delivery\":"
                    + "{\"type\":\"boolean\"},\"country_of_origin\":{\"type\":\"string\",\"maxLength\":9}},\"required\":"
                    + "[\"order_number\",\"express_delivery\",\"country_of_origin\"],\"additionalProperties\":false}");
    private static final String ANSWER =
            "{\"order_number\": 17, \"express_delivery\": true, \"country_of_origin\": \"Peru\"}";

    private final long handles = LiveHandles.count();
    private Tokenizer tokenizer;
    private GrammarCompiler compiler;
    private Punctuation punctuation;

    @BeforeEach
    void open() {
        tokenizer = Tokenizer.fromFile(DemoModel.folder().resolve("tokenizer.json"));
        compiler = tokenizer.grammarCompiler(2048, 1);
        punctuation = new Punctuation(token -> tokenizer.decode(new int[] {token}, false), letter("q"), letter("X"));
    }

    private int letter(String text) {
        int[] tokens = tokenizer.encode(text, false);
        return tokens[tokens.length - 1];
    }

    @AfterEach
    void close() {
        compiler.close();
        tokenizer.close();
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    /** How many passes a model needs that writes this, where all drafts are checked. */
    private int passes(Grammar grammar, String answer) {
        int[] tokens = tokenizer.encode(answer, false);
        int passes = 0;
        try (GrammarMatcher matcher = compiler.compile(grammar);
                ForcedDrafter drafter = new ForcedDrafter(matcher, punctuation)) {
            for (int i = 0; i < tokens.length; passes++) {
                Draft draft = drafter.propose(31);
                for (int k = 0; draft != null && k < draft.tokens().length && i < tokens.length; k++) {
                    if (draft.tokens()[k] != tokens[i]) {
                        break;
                    }
                    matcher.commit(tokens[i]);
                    drafter.committed(tokens[i++]);
                }
                if (i < tokens.length) {
                    matcher.commit(tokens[i]);
                    drafter.committed(tokens[i++]);
                }
            }
        }
        return passes;
    }

    @Test
    void namesAreDraftedAndPunctuationOnceItIsKnown() {
        int tokens = tokenizer.encode(ANSWER, false).length;
        int first = passes(ORDER, ANSWER);
        int second = passes(ORDER, ANSWER);
        System.out.printf("%d tokens, %d passes at first, then %d%n", tokens, first, second);
        assertThat(first).isLessThan(tokens * 2 / 3);
        assertThat(second).isLessThan(first);
    }

    @Test
    void aProposalTakesNothing() {
        passes(ORDER, ANSWER);
        int[] tokens = tokenizer.encode(ANSWER, false);
        try (GrammarMatcher matcher = compiler.compile(ORDER);
                ForcedDrafter drafter = new ForcedDrafter(matcher, punctuation)) {
            for (int token : tokens) {
                int[] before = new int[matcher.maskWords()];
                int[] behind = new int[matcher.maskWords()];
                matcher.mask(before);
                drafter.propose(31);
                drafter.propose(3);
                matcher.mask(behind);
                assertThat(behind).isEqualTo(before);
                matcher.commit(token);
                drafter.committed(token);
            }
            assertThat(drafter.propose(31) == null || matcher.isAccepting()).isTrue();
        }
    }

    @Test
    void punctuationHasNoWords() {
        passes(ORDER, ANSWER);
        for (int before = 0; before < 2048; before++) {
            for (int token : punctuation.behind(before)) {
                if (token >= 0) {
                    assertThat(tokenizer.decode(new int[] {token}, false)).matches("[{}\\[\\]\":, \n]+");
                }
            }
        }
    }
}
