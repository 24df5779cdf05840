package dev.langchain4j.model.mlx.draft;

import dev.langchain4j.Internal;
import dev.langchain4j.mlx.text.GrammarMatcher;
import java.util.Arrays;

/**
 * The tokens of the text that a grammar leaves no choice about: names of properties, the syntax of a call. Where the
 * choice is only how punctuation is spaced and cut into tokens, it takes what the model is used to, and goes on behind
 * it.
 */
@Internal
public final class ForcedDrafter implements Drafter {
    private static final int[] NONE = {};

    private final DraftKind kind;
    private final GrammarMatcher grammar;
    private final Punctuation punctuation;
    private int last = -1;

    /**
     * A drafter of one answer.
     *
     * @param grammar which whoever draws the answer's tokens moves on; borrowed
     */
    public ForcedDrafter(GrammarMatcher grammar, Punctuation punctuation) {
        this(DraftKind.FORCED, grammar, punctuation);
    }

    ForcedDrafter(DraftKind kind, GrammarMatcher grammar, Punctuation punctuation) {
        this.kind = kind;
        this.grammar = grammar;
        this.punctuation = punctuation;
    }

    @Override
    public Draft propose(int max) {
        int[] tokens = new int[max];
        int count = 0;
        boolean more = true;
        try {
            while (more && count < max && !grammar.isStopped()) {
                int[] next = grammar.forced();
                if (next.length == 0) {
                    boolean begins = count == 0 && (last < 0 || punctuation.length(last) == 0);
                    next = begins ? NONE : usual(count > 0 ? tokens[count - 1] : last);
                }
                int part = Math.min(next.length, max - count);
                System.arraycopy(next, 0, tokens, count, part);
                grammar.commit(Arrays.copyOf(next, part));
                count += part;
                more = part > 0;
            }
        } finally {
            grammar.rollback(count);
        }
        return count == 0 ? null : new Draft(kind, 0, Arrays.copyOf(tokens, count));
    }

    /**
     * Punctuation that the model uses behind a token and that the grammar allows there, of which the longest: a quote
     * that can be in the same token mostly is. Nothing where the grammar allows any text.
     */
    private int[] usual(int token) {
        if (mayBeAnything()) {
            return NONE;
        }
        int longest = -1;
        for (int candidate : punctuation.behind(token)) {
            boolean longer =
                    candidate >= 0 && (longest < 0 || punctuation.length(candidate) > punctuation.length(longest));
            if (longer && grammar.allowed(candidate) == 1) {
                longest = candidate;
            }
        }
        return longest < 0 ? NONE : new int[] {longest};
    }

    private boolean mayBeAnything() {
        for (int letter : punctuation.letters()) {
            if (grammar.allowed(letter) == 0) {
                return false;
            }
        }
        return true;
    }

    @Override
    public void committed(int token) {
        if (last >= 0) {
            punctuation.learn(last, token);
        }
        last = token;
    }
}
