package dev.langchain4j.model.mlx.generate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.text.Grammar;
import dev.langchain4j.mlx.text.GrammarCompiler;
import dev.langchain4j.mlx.text.GrammarMatcher;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.testing.DemoModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** When reasoning is closed, told with somebody who reads the answer and knows where it reasons. */
class ReasoningTest {
    private static final int[][] CLOSING = {{90, 91}};
    private static final int[][] AGAIN = {{99}};

    private boolean thinking;

    private final GenerationListener reader = new GenerationListener() {
        @Override
        public void onText(String text) {}

        @Override
        public boolean isThinking() {
            return thinking;
        }
    };

    private Reasoning reasoning(int maxTokens) {
        return new Reasoning(reader, new ReasoningLimit(maxTokens, CLOSING, AGAIN));
    }

    private static List<Integer> written(Reasoning reasoning) {
        List<Integer> tokens = new ArrayList<>();
        while (reasoning.isClosing()) {
            tokens.add(reasoning.next());
        }
        return tokens;
    }

    private static void pass(Reasoning reasoning, int tokens) {
        for (int i = 0; i < tokens; i++) {
            reasoning.passed(true);
        }
    }

    @Test
    void tokensCountWhileTheReaderSaysSo() {
        Reasoning reasoning = new Reasoning(reader, null);
        pass(reasoning, 3);
        thinking = true;
        pass(reasoning, 5);
        thinking = false;
        pass(reasoning, 2);
        assertThat(reasoning.count()).isEqualTo(5);
        assertThat(reasoning.isClosing()).isFalse();
        assertThat(reasoning.wasCut()).isFalse();
    }

    @Test
    void atTheLimitTheClosingTextIsWrittenOnce() {
        Reasoning reasoning = reasoning(4);
        thinking = true;
        reasoning.begin();
        pass(reasoning, 3);
        assertThat(reasoning.isClosing()).isFalse();
        pass(reasoning, 1);
        assertThat(written(reasoning)).containsExactly(90, 91);
        assertThat(reasoning.wasCut()).isTrue();
        pass(reasoning, 3);
        assertThat(reasoning.isClosing())
                .as("a reader that does not see the end")
                .isFalse();
    }

    @Test
    void eachFurtherOpeningIsClosedAtOnceInAnotherWay() {
        Reasoning reasoning = reasoning(2);
        thinking = true;
        pass(reasoning, 2);
        written(reasoning);
        for (int opening = 0; opening < 2; opening++) {
            thinking = false;
            pass(reasoning, 5);
            assertThat(reasoning.isClosing()).isFalse();
            thinking = true;
            pass(reasoning, 1);
            assertThat(written(reasoning)).containsExactly(99);
        }
    }

    @Test
    void openingsBeforeTheLimitCountTogether() {
        Reasoning reasoning = reasoning(4);
        for (int opening = 0; opening < 2; opening++) {
            thinking = true;
            pass(reasoning, 2);
            thinking = false;
            assertThat(reasoning.isClosing()).isEqualTo(opening == 1);
            pass(reasoning, opening == 0 ? 3 : 0);
        }
        assertThat(written(reasoning)).containsExactly(90, 91);
    }

    @Test
    void aLimitOfZeroClosesWhatThePromptOpened() {
        Reasoning reasoning = reasoning(0);
        reasoning.begin();
        assertThat(reasoning.isClosing()).as("nothing is open").isFalse();
        thinking = true;
        reasoning.begin();
        assertThat(written(reasoning)).containsExactly(90, 91);
        assertThat(reasoning.count()).isZero();
    }

    @Test
    void aCharacterThatWasBegunIsFinished() {
        Reasoning reasoning = reasoning(2);
        thinking = true;
        reasoning.passed(true);
        reasoning.passed(false);
        reasoning.passed(false);
        assertThat(reasoning.isClosing()).isFalse();
        reasoning.passed(true);
        assertThat(reasoning.isClosing()).isTrue();
        assertThat(reasoning.count()).isEqualTo(4);
    }

    @Test
    void underAGrammarTheFirstTextThatItAllowsIsWritten() {
        try (Tokenizer tokenizer = Tokenizer.fromFile(DemoModel.folder().resolve("tokenizer.json"))) {
            int[] yes = tokenizer.encode("yes", false);
            int[] no = tokenizer.encode("no", false);
            try (GrammarCompiler compiler = tokenizer.grammarCompiler(2048, 1);
                    GrammarMatcher matcher = compiler.compile(Grammar.lark("start: \"yes\""))) {
                thinking = true;
                Reasoning second = new Reasoning(reader, new ReasoningLimit(0, new int[][] {no, yes}, AGAIN));
                second.under(new TokenMask(matcher));
                second.begin();
                assertThat(written(second))
                        .containsExactlyElementsOf(Arrays.stream(yes).boxed().toList());
                Reasoning none = new Reasoning(reader, new ReasoningLimit(0, new int[][] {no}, AGAIN));
                none.under(new TokenMask(matcher));
                none.begin();
                assertThat(none.isClosing()).isFalse();
                assertThat(none.wasCut()).isFalse();
            }
        }
    }
}
