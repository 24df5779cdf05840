package dev.langchain4j.mlx.text;

/** The tokens of a text with their places in it. Immutable. */
public final class Encoding {
    private final int[] ids;
    private final int[] starts;
    private final int[] ends;

    /** From (id, start, end) for each token. */
    Encoding(int[] triples) {
        int size = triples.length / 3;
        ids = new int[size];
        starts = new int[size];
        ends = new int[size];
        for (int i = 0; i < size; i++) {
            ids[i] = triples[3 * i];
            starts[i] = triples[3 * i + 1];
            ends[i] = triples[3 * i + 2];
        }
    }

    /** The token ids, as a new array. */
    public int[] ids() {
        return ids.clone();
    }

    /** Number of tokens. */
    public int size() {
        return ids.length;
    }

    /** The id of the token at this index. */
    public int id(int index) {
        return ids[index];
    }

    /**
     * Where the token starts in the text, as an index into the Java string. Tokens that share a character all start at
     * it; a token that is not in the text, such as an added start token, has start and end 0.
     */
    public int start(int index) {
        return starts[index];
    }

    /** Where the token ends in the text, exclusive. */
    public int end(int index) {
        return ends[index];
    }

    /** How many tokens, from the first on, lie wholly in the text's first {@code chars} chars. */
    public int tokensWithin(int chars) {
        int count = 0;
        while (count < ids.length && ends[count] <= chars) {
            count++;
        }
        return count;
    }
}
