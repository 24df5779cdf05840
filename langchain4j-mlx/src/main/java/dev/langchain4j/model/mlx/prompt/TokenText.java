package dev.langchain4j.model.mlx.prompt;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A rendered text and its tokens, put together from pieces that were tokenized and turns that were generated. */
final class TokenText {
    /** A part of the text and its tokens; {@code shift} is where the part begins in the piece, if there is one. */
    private record Part(int start, int end, int firstToken, Piece piece, int shift, int[] ids) {}

    private final List<Part> parts = new ArrayList<>();
    private int[] ids = new int[256];
    private int count;

    /** Adds a piece whose chars from {@code shift} on are {@code [start, end)} of the text. */
    void add(int start, int end, Piece piece, int shift) {
        parts.add(new Part(start, end, count, piece, shift, piece.ids()));
        append(piece.ids());
    }

    /** Adds a generated turn in the place of {@code [start, end)} of the text. */
    void add(int start, int end, int[] generated) {
        parts.add(new Part(start, end, count, null, 0, generated));
        append(generated);
    }

    private void append(int[] more) {
        if (count + more.length > ids.length) {
            ids = Arrays.copyOf(ids, Math.max(ids.length * 2, count + more.length));
        }
        System.arraycopy(more, 0, ids, count, more.length);
        count += more.length;
    }

    int size() {
        return count;
    }

    int[] ids() {
        return Arrays.copyOf(ids, count);
    }

    /** How many tokens lie wholly in the first {@code chars} chars of the text; a generated turn counts as one. */
    int tokensWithin(int chars) {
        int low = 0;
        int high = parts.size() - 1;
        while (low < high) {
            int middle = (low + high + 1) >>> 1;
            if (parts.get(middle).start <= chars) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        if (parts.isEmpty()) {
            return 0;
        }
        Part part = parts.get(low);
        if (chars >= part.end) {
            return part.firstToken + part.ids.length;
        }
        return part.piece == null
                ? part.firstToken
                : part.firstToken + part.piece.tokensWithin(chars - part.start + part.shift);
    }
}
