package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.model.mlx.jinja.TextRanges;
import java.util.ArrayList;
import java.util.List;

/**
 * Tokenizes stretches of one prompt, but for the parts that its conversation had in an earlier one: a stretch is cut before
 * control tokens that the template wrote. The tokens are those of {@link Piece#encode}.
 */
final class PieceEncoder {
    private final ControlTokens control;
    private final KnownPieces known;
    private final Object owner;
    private final long evictions;
    private int tokenizedChars;

    /** @param owner whose parts are used and left; null for nobody's */
    PieceEncoder(ControlTokens control, KnownPieces known, Object owner) {
        this.control = control;
        this.known = known;
        this.owner = owner;
        this.evictions = known.evictions();
    }

    ControlTokens control() {
        return control;
    }

    /** As {@link Piece#encode}. */
    Piece encode(String leading, String text, TextRanges outside) {
        if (owner == null) {
            return tokenized(leading, text, outside);
        }
        int[] ends = control.cuts().places(text, outside);
        if (ends.length == 1) {
            return part(leading, text, outside);
        }
        List<Piece> parts = new ArrayList<>(ends.length);
        int start = 0;
        for (int end : ends) {
            parts.add(part(start == 0 ? leading : "", text.substring(start, end), outside.within(start, end)));
            start = end;
        }
        return joined(leading, text, parts);
    }

    private Piece part(String leading, String text, TextRanges outside) {
        KnownPieces.Key key = new KnownPieces.Key(owner, leading, text, outside);
        Piece piece = known.find(key);
        if (piece == null) {
            piece = tokenized(leading, text, outside);
            known.add(key, piece, evictions);
        }
        return piece;
    }

    private Piece tokenized(String leading, String text, TextRanges outside) {
        tokenizedChars += text.length();
        return Piece.encode(leading, text, outside, control);
    }

    private static Piece joined(String leading, String text, List<Piece> parts) {
        int count = parts.stream().mapToInt(part -> part.ids().length).sum();
        int[] ids = new int[count];
        int[] ends = new int[count];
        TextRanges.Builder spelled = new TextRanges.Builder();
        int at = 0;
        int shift = 0;
        for (Piece part : parts) {
            for (int i = 0; i < part.ids().length; i++) {
                ids[at] = part.ids()[i];
                ends[at++] = part.ends()[i] + shift;
            }
            int[] bounds = part.spelled().bounds();
            for (int i = 0; i < bounds.length; i += 2) {
                spelled.add(bounds[i] + shift, bounds[i + 1] + shift);
            }
            shift += part.text().length();
        }
        return new Piece(leading, text, ids, ends, spelled.build());
    }

    /** Chars that were tokenized, because nobody had them before. */
    int tokenizedChars() {
        return tokenizedChars;
    }
}
