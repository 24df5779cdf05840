package dev.langchain4j.model.mlx.draft;

import dev.langchain4j.Internal;
import java.util.Arrays;
import java.util.function.Supplier;

/**
 * What a text goes on with where it has the last tokens of the answer: the prompt, for code that is changed, results
 * that are repeated, calls that are made again; and what other conversations went on with. The answer itself is not
 * searched, for one that repeats itself should not become faster by it.
 *
 * <p>The places of each run of so many tokens are chained, the newest first. The index is made in parts while forward
 * passes are computed, the beginning of the text first; a proposal costs a look at a bounded number of places, however
 * long the text is. Source of the idea: the context copies of MTPLX and of Rapid-MLX.
 */
@Internal
public final class CopyDrafter implements Drafter {
    /** Tokens that must be equal: shorter runs are noise. */
    static final int KEY = 6;

    /** The same where a grammar lets few tokens through, and less is enough to tell which. */
    static final int CONSTRAINED_KEY = 3;

    private static final int PART = 8192;
    private static final int PLACES_MAX = 32;
    private static final int CHAIN_MAX = 256;
    /** More equal tokens tell no more. */
    private static final int EQUAL_MAX = 32;

    private static final int[] EQUAL_OF_GRADE = {1, 9, 16};
    private static final int[] TOKENS_OF_GRADE = {12, 24, 48};

    private final DraftKind kind;
    private final Supplier<int[]> source;
    private final int[] prompt;
    private final int key;
    private int[] answer = new int[64];
    private int count;

    /** Null before it is needed. */
    private int[] text;
    /** The newest place of each hash, plus one: a place is the position behind a run. Made with the first part. */
    private int[] newest;
    /** The place before, by place, plus one. */
    private int[] older;

    private int indexed;

    /**
     * A drafter of one answer, with what its prompt goes on with.
     *
     * @param prompt what it answers; borrowed
     * @param constrained whether the answer follows a grammar
     */
    public CopyDrafter(int[] prompt, boolean constrained) {
        this(DraftKind.COPIED, () -> prompt, prompt, constrained);
    }

    /**
     * The same with what another text goes on with.
     *
     * @param source tokens, and negative numbers where a text ends and another one begins; asked by {@link #prepare}
     */
    public CopyDrafter(DraftKind kind, Supplier<int[]> source, int[] prompt, boolean constrained) {
        this.kind = kind;
        this.source = source;
        this.prompt = prompt;
        this.key = constrained ? CONSTRAINED_KEY : KEY;
        this.indexed = key;
    }

    @Override
    public void prepare() {
        text = text == null ? source.get() : text;
        int end = Math.min(text.length, indexed + PART);
        if (indexed >= end) {
            return;
        }
        if (newest == null) {
            newest = new int[Integer.highestOneBit(text.length) * 2];
            older = new int[text.length];
        }
        for (int place = indexed; place < end; place++) {
            int slot = slot(text, place);
            older[place] = newest[slot];
            newest[slot] = place + 1;
        }
        indexed = end;
    }

    /** Of the run that ends before a position. */
    private int slot(int[] tokens, int end) {
        int hash = 0;
        for (int i = end - key; i < end; i++) {
            hash = (hash + tokens[i]) * 0x9E3779B1;
        }
        return (hash ^ hash >>> 15) & newest.length - 1;
    }

    @Override
    public Draft propose(int max) {
        if (newest == null || count < key || max < 1) {
            return null;
        }
        int best = 0;
        int longest = 0;
        int places = 0;
        int place = newest[slot(answer, count)] - 1;
        for (int i = 0; place >= 0 && i < CHAIN_MAX && places < PLACES_MAX && longest < EQUAL_MAX; i++) {
            int equal = equalBefore(place);
            if (equal >= key) {
                places++;
            }
            if (equal > longest && text[place] >= 0) {
                longest = equal;
                best = place;
            }
            place = older[place] - 1;
        }
        if (longest < key) {
            return null;
        }
        int grade = EQUAL_OF_GRADE.length - 1;
        while (longest < EQUAL_OF_GRADE[grade]) {
            grade--;
        }
        int end = best;
        int last = Math.min(text.length, best + Math.min(max, TOKENS_OF_GRADE[grade]));
        while (end < last && text[end] >= 0) {
            end++;
        }
        return new Draft(kind, grade, Arrays.copyOfRange(text, best, end));
    }

    /** How many tokens before a place are those at the end of the answer, and of the prompt before it. */
    private int equalBefore(int place) {
        int equal = 0;
        int most = Math.min(EQUAL_MAX, Math.min(place, count + prompt.length));
        while (equal < most && text[place - 1 - equal] == last(equal)) {
            equal++;
        }
        return equal;
    }

    private int last(int back) {
        return back < count ? answer[count - 1 - back] : prompt[prompt.length - 1 - (back - count)];
    }

    @Override
    public void committed(int token) {
        if (count == answer.length) {
            answer = Arrays.copyOf(answer, 2 * count);
        }
        answer[count++] = token;
    }
}
