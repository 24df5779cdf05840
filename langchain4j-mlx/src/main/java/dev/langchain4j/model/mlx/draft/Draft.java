package dev.langchain4j.model.mlx.draft;

import dev.langchain4j.Internal;
import java.util.Arrays;

/**
 * Tokens that an answer may go on with.
 *
 * @param kind where they come from
 * @param grade how sure they are, of drafts of this kind: from 0 to {@link #GRADES} - 1
 * @param tokens at least one
 */
@Internal
public record Draft(DraftKind kind, int grade, int[] tokens) {
    /** Number of grades. */
    public static final int GRADES = 3;

    /** The first ones of these tokens; null for none. */
    public Draft first(int count) {
        return count >= tokens.length ? this : count <= 0 ? null : new Draft(kind, grade, Arrays.copyOf(tokens, count));
    }

    /** What is left when the first token has come; null if nothing is. */
    public Draft rest() {
        return tokens.length == 1 ? null : new Draft(kind, grade, Arrays.copyOfRange(tokens, 1, tokens.length));
    }
}
