package dev.langchain4j.model.mlx.draft;

import dev.langchain4j.Internal;
import dev.langchain4j.mlx.text.GrammarMatcher;
import java.util.Arrays;

/**
 * The tokens of the text that a grammar leaves no choice about: names of properties, the syntax of a call. Where the choice is
 * only how punctuation is spaced and cut into tokens, it takes what the model is used to, and goes on behind it.
 */
@Internal
public final class ForcedDrafter implements Drafter {
    private final GrammarMatcher grammar;
    private final Punctuation punctuation;
    private int last = -1;

    /**
     * A drafter of one answer.
     *
     * @param grammar which whoever draws the answer's tokens moves on; borrowed
     */
    public ForcedDrafter(GrammarMatcher grammar, Punctuation punctuation) {
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
                int[] forced = grammar.forced();
                int part = Math.min(forced.length, max - count);
                System.arraycopy(forced, 0, tokens, count, part);
                grammar.commit(Arrays.copyOf(forced, part));
                count += part;
                int next = count < max && count > 0 && !grammar.isStopped() ? usual(tokens[count - 1]) : -1;
                more = next >= 0;
                if (more) {
                    grammar.commit(next);
                    tokens[count++] = next;
                }
            }
        } finally {
            grammar.rollback(count);
        }
        return count == 0 ? null : new Draft(DraftKind.FORCED, 0, Arrays.copyOf(tokens, count));
    }

    /**
     * Punctuation that the model uses behind a token and that the grammar allows there, of which the longest: a quote that
     * can be in the same token mostly is. -1 for none.
     */
    private int usual(int token) {
        int longest = -1;
        for (int candidate : punctuation.behind(token)) {
            boolean longer = candidate >= 0 && (longest < 0 || punctuation.length(candidate) > punctuation.length(longest));
            if (longer && grammar.allowed(candidate) == 1) {
                longest = candidate;
            }
        }
        return longest;
    }

    @Override
    public void committed(int token) {
        if (last >= 0) {
            punctuation.learn(last, token);
        }
        last = token;
    }
}
