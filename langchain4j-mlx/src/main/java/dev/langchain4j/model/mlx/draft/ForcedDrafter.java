package dev.langchain4j.model.mlx.draft;

import dev.langchain4j.Internal;
import dev.langchain4j.mlx.text.GrammarMatcher;

/** The tokens of the text that a grammar leaves no choice about: names of properties, the syntax of a call. */
@Internal
public final class ForcedDrafter implements Drafter {
    private final GrammarMatcher grammar;

    /**
     * A drafter of one answer.
     *
     * @param grammar which whoever draws the answer's tokens moves on; borrowed
     */
    public ForcedDrafter(GrammarMatcher grammar) {
        this.grammar = grammar;
    }

    @Override
    public Draft propose(int max) {
        int[] tokens = grammar.isStopped() ? new int[0] : grammar.forced();
        return tokens.length == 0 ? null : new Draft(DraftKind.FORCED, 0, tokens).first(max);
    }

    @Override
    public void committed(int token) {
        // the grammar was moved on
    }
}
