package dev.langchain4j.model.mlx.draft;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.text.Grammar;
import dev.langchain4j.mlx.text.GrammarCompiler;
import dev.langchain4j.mlx.text.GrammarMatcher;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.testing.DemoModel;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class CallDrafterTest {
    private static final String CALL = "<tool_call>{\"name\": \"get_weather\", \"arguments\": {\"city\": \"";

    private final long handles = LiveHandles.count();
    private Tokenizer tokenizer;
    private GrammarCompiler compiler;
    private GrammarMatcher start;

    @BeforeEach
    void open() {
        tokenizer = Tokenizer.fromFile(DemoModel.folder().resolve("tokenizer.json"));
        compiler = tokenizer.grammarCompiler(2048, 1);
        start = compiler.compile(new Grammar(
                Grammar.Kind.LARK,
                "start: <tool_call> \"{\\\"name\\\": \\\"\" (\"get_weather\" | \"search\")"
                        + " \"\\\", \\\"arguments\\\": {\\\"city\\\": \\\"\" /[a-z]{1,9}/ \"\\\"}}\" </tool_call>"));
    }

    @AfterEach
    void close() {
        start.close();
        compiler.close();
        tokenizer.close();
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private CallDrafter drafter(boolean compiled) {
        int[] marker = start.forced();
        Punctuation punctuation = new Punctuation(token -> tokenizer.decode(new int[] {token}, false));
        CallDrafter.Syntax syntax = new CallDrafter.Syntax() {
            @Override
            public int[] marker() {
                return marker;
            }

            @Override
            public GrammarMatcher open() {
                return compiled ? start.copy() : null;
            }
        };
        return new CallDrafter(syntax, punctuation);
    }

    /** What is drafted while a model writes a text; the text of it. */
    private List<String> drafts(CallDrafter drafter, String text) {
        List<String> drafts = new ArrayList<>();
        for (int token : tokenizer.encode(text, false)) {
            drafter.committed(token);
            Draft draft = drafter.propose(31);
            if (draft != null) {
                assertThat(draft.kind()).isEqualTo(DraftKind.SYNTAX);
                drafts.add(tokenizer.decode(draft.tokens(), false));
            }
        }
        return drafts;
    }

    @Test
    void theSyntaxOfACallOnceItsMarkerWasWritten() {
        try (CallDrafter drafter = drafter(true)) {
            assertThat(drafts(drafter, "Let me look: {\"name\": \"get")).isEmpty();
            assertThat(drafts(drafter, CALL)).isNotEmpty().allSatisfy(text -> assertThat(CALL)
                    .contains(text));
        }
    }

    @Test
    void nothingBehindAnotherCall() {
        try (CallDrafter drafter = drafter(true)) {
            drafts(drafter, "<tool_call>{\"name\": \"book");
            assertThat(drafts(drafter, "_a_table\", \"arguments\": {\"city\": \""))
                    .isEmpty();
            assertThat(drafts(drafter, CALL)).as("the next one").isNotEmpty();
        }
    }

    @Test
    void nothingUntilTheGrammarIsCompiled() {
        try (CallDrafter drafter = drafter(false)) {
            assertThat(drafts(drafter, CALL)).isEmpty();
        }
    }
}
