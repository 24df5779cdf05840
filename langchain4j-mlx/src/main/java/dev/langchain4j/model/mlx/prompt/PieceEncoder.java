package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.model.mlx.jinja.common.TextRanges;
import java.util.ArrayList;
import java.util.List;

/**
 * Tokenizes stretches of one prompt, but for the parts that its conversation had in an earlier one: a stretch is cut
 * before control tokens that the template wrote. The tokens are those of {@link Piece#encode}.
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
        List<Piece> parts = new ArrayList<>();
        KnownPieces.Key key = KnownPieces.Key.beginning(owner, leading);
        Piece beginning = known.find(key);
        int start = 0;
        if (beginning != null && beginsWith(text, beginning, outside)) {
            parts.add(beginning);
            start = beginning.text().length();
        }
        for (int end : control.cuts().places(text, start, outside)) {
            if (end == text.length() && start > 0) {
                // The last part goes on in the next prompt, all before it are the beginning of that.
                Piece all = joined(leading, text.substring(0, start), parts);
                parts = new ArrayList<>(List.of(all));
                known.replace(key, all, evictions);
            }
            parts.add(part(start == 0 ? leading : "", text.substring(start, end), outside.within(start, end)));
            start = end;
        }
        return joined(leading, text, parts);
    }

    /** Whether the tokens of a text begin with these, whatever follows. */
    private boolean beginsWith(String text, Piece beginning, TextRanges outside) {
        int length = beginning.text().length();
        return length < text.length()
                && text.startsWith(beginning.text())
                && control.cuts().isPlace(text, length, outside)
                && beginning.fits(outside.within(0, length), control);
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
        if (parts.size() == 1) {
            return parts.getFirst();
        }
        int count = 0;
        for (Piece part : parts) {
            count += part.ids().length;
        }
        int[] ids = new int[count];
        int[] ends = new int[count];
        TextRanges.Builder spelled = new TextRanges.Builder();
        int at = 0;
        int shift = 0;
        for (Piece part : parts) {
            System.arraycopy(part.ids(), 0, ids, at, part.ids().length);
            for (int end : part.ends()) {
                ends[at++] = end + shift;
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
