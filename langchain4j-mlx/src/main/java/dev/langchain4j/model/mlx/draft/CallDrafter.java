package dev.langchain4j.model.mlx.draft;

import dev.langchain4j.Internal;
import dev.langchain4j.mlx.text.GrammarMatcher;
import java.util.Arrays;

/**
 * The syntax of a call that a model begins by itself: once it has written the marker of its wire format, the grammar of
 * calls of the tools on offer is followed beside the answer, and what it leaves no choice about is drafted. The answer
 * is not held to it: with the first token that the grammar does not have, it is left until the next marker.
 */
@Internal
public final class CallDrafter implements Drafter {

    /** The grammar of calls of the tools that a request offers. */
    public interface Syntax {
        /** The tokens that calls begin with; empty if that is not known, or not yet. */
        int[] marker();

        /** A matcher at the beginning of calls, which the caller closes; null if there is none. */
        GrammarMatcher open();
    }

    private final Syntax syntax;
    private final Punctuation punctuation;
    private final int[] marker;
    /** The last tokens of the answer, as many as the marker has. */
    private final int[] last;

    /** Within a call; null elsewhere. */
    private GrammarMatcher call;

    private ForcedDrafter forced;

    /** A drafter of one answer. */
    public CallDrafter(Syntax syntax, Punctuation punctuation) {
        this.syntax = syntax;
        this.punctuation = punctuation;
        this.marker = syntax.marker();
        this.last = new int[marker.length];
        Arrays.fill(last, -1);
    }

    @Override
    public Draft propose(int max) {
        return call == null || call.isStopped() ? null : forced.propose(max);
    }

    @Override
    public void committed(int token) {
        if (marker.length == 0) {
            return;
        }
        if (call != null && !call.isStopped() && call.allowed(token) == 1) {
            call.commit(token);
            forced.committed(token);
            return;
        }
        leave();
        System.arraycopy(last, 1, last, 0, last.length - 1);
        last[last.length - 1] = token;
        if (Arrays.equals(last, marker)) {
            Arrays.fill(last, -1);
            begin();
        }
    }

    private void begin() {
        call = syntax.open();
        if (call != null && call.allowed(marker) == marker.length) {
            call.commit(marker);
            forced = new ForcedDrafter(DraftKind.SYNTAX, call, punctuation);
        } else {
            leave();
        }
    }

    private void leave() {
        if (call != null) {
            call.close();
            call = null;
        }
    }

    @Override
    public void close() {
        leave();
    }
}
