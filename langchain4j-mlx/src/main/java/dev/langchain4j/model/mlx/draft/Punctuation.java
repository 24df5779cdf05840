package dev.langchain4j.model.mlx.draft;

import dev.langchain4j.Internal;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.function.IntFunction;

/**
 * The tokens that a model writes the punctuation of JSON with, where a grammar leaves it the choice: a space behind a
 * colon or none, one token for both or two. Learned from answers; it has no token with a letter or a digit, so no
 * conversation can learn of another's words by it. Belongs to the thread of one model.
 */
@Internal
public final class Punctuation {
    private static final String MARKS = "{}[]\":, \n";
    private static final int NEWEST = 6;
    private static final int WORD = -1;

    private final IntFunction<String> text;
    private final int[] letters;
    /** Length of the text of punctuation, by token; 0 for words. */
    private final Map<Integer, Integer> lengths = new HashMap<>();
    /** What came behind each token of punctuation, and behind words, the newest first. */
    private final Map<Integer, int[]> behind = new HashMap<>();

    /**
     * Nothing is known yet.
     *
     * @param text the text of a token
     * @param letters some tokens that have nothing in common: where all of them may come, any text may
     */
    public Punctuation(IntFunction<String> text, int... letters) {
        this.text = text;
        this.letters = letters;
    }

    int[] letters() {
        return letters;
    }

    /** Length of a token's text if it is punctuation; 0 for a word. */
    int length(int token) {
        return lengths.computeIfAbsent(token, id -> {
            String marks = text.apply(id);
            return marks.chars().allMatch(c -> MARKS.indexOf(c) >= 0) ? marks.length() : 0;
        });
    }

    private int[] list(int before) {
        return behind.computeIfAbsent(length(before) == 0 ? WORD : before, key -> {
            int[] none = new int[NEWEST];
            Arrays.fill(none, -1);
            return none;
        });
    }

    /** Learns that a token came behind another one. */
    void learn(int before, int token) {
        if (length(token) == 0) {
            return;
        }
        int[] list = list(before);
        int place = 0;
        while (place < NEWEST - 1 && list[place] != token) {
            place++;
        }
        System.arraycopy(list, 0, list, 1, place);
        list[0] = token;
    }

    /** What came behind this token, or behind words if it is one: ids, the newest first, and -1 for none. */
    int[] behind(int token) {
        return list(token);
    }
}
