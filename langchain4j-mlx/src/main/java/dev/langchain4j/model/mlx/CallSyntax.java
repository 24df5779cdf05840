package dev.langchain4j.model.mlx;

import dev.langchain4j.mlx.text.Grammar;
import dev.langchain4j.mlx.text.GrammarMatcher;
import dev.langchain4j.model.mlx.draft.CallDrafter;
import dev.langchain4j.model.mlx.grammar.GrammarCache;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The syntax of calls of some tools, to draft with. Its grammar is compiled beside the first request that offers them,
 * and nobody waits for it. Thread-safe.
 */
final class CallSyntax implements CallDrafter.Syntax {
    private static final Logger log = LoggerFactory.getLogger(CallSyntax.class);

    private record Compiled(Grammar grammar, int[] marker) {}

    private final GrammarCache grammars;
    private volatile Compiled compiled;

    /** @param grammar makes the grammar, compiled by these grammars; throws where a model's calls have none */
    CallSyntax(GrammarCache grammars, Supplier<Grammar> grammar) {
        this.grammars = grammars;
        Thread.ofVirtual().name("mlx-call-syntax").start(() -> compile(grammar));
    }

    private void compile(Supplier<Grammar> maker) {
        try {
            Grammar grammar = maker.get();
            compiled = new Compiled(grammar, grammars.beginning(grammar));
        } catch (Throwable e) {
            log.debug("the syntax of calls is not drafted", e);
        }
    }

    @Override
    public int[] marker() {
        Compiled now = compiled;
        return now == null ? new int[0] : now.marker;
    }

    @Override
    public GrammarMatcher open() {
        Compiled now = compiled;
        return now == null ? null : grammars.compiled(now.grammar);
    }
}
