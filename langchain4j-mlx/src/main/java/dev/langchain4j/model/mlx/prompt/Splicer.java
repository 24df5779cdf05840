package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.mlx.text.Encoding;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.calls.OutputFormat;
import dev.langchain4j.model.mlx.jinja.common.RenderResult;
import dev.langchain4j.model.mlx.jinja.common.TextRanges;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Makes tokens of a rendered text from its beginning to its end, with generated turns in the places that the template
 * wrote for them. For one prompt.
 */
final class Splicer {
    /*
     * A place begins where the prompt that the turn answered ended: behind the same stretch of text as then, or behind
     * the same opening in what the template wrote for this message. It ends at the turn's end token, or at another
     * special token. What stands between is read like an output and must say what the turn says; so a place that was
     * guessed wrong is none.
     *
     * Stretches are tokenized by themselves, and as they were in the turn's own prompt: the text of a prompt and the
     * one that follows it is cut at the same places, so their tokens agree as far as their texts do.
     */
    private static final int ENDS_TRIED = 8;

    private record Place(int start, int end, int next, String before) {}

    private final RenderResult rendered;
    /** What the template wrote for each message; null before anybody asked. */
    private Map<Integer, List<RenderResult.Span>> spans;

    private final String text;
    private final OutputFormat format;
    private final PieceEncoder encoder;
    private final Tokenizer tokenizer;
    private final String within;
    private final TokenText tokens = new TokenText();

    /** End of the text that has tokens. */
    private int cursor;
    /** What stands before the next stretch. */
    private String leading = "";
    /** The turn's text that begins the next stretch. */
    private String rest = "";

    Splicer(RenderResult rendered, OutputFormat format, PieceEncoder encoder, String within) {
        this.rendered = rendered;
        this.text = rendered.text();
        this.format = format;
        this.encoder = encoder;
        this.tokenizer = encoder.control().tokenizer();
        this.within = within;
    }

    /** Puts a turn in the place of a message, or says that there is no place where the template means the same. */
    boolean splice(int message, GeneratedTurn turn) {
        String endText = turn.endToken < 0 ? "" : encoder.control().text(turn.endToken);
        Place place = place(message, turn, endText);
        if (place == null) {
            return false;
        }
        stretch(place.start, place.before, turn.before);
        boolean ended = place.next > place.end;
        int[] ids = turn.tokens;
        if (ended) {
            ids = Arrays.copyOf(ids, ids.length + 1);
            ids[ids.length - 1] = turn.endToken;
        }
        tokens.add(place.start, place.next, ids);
        cursor = place.next;
        leading = ended ? endText : within;
        rest = turn.rest;
        return true;
    }

    /** Tokenizes what is left, and gives it. */
    Piece finish() {
        return stretch(text.length(), rest + text.substring(cursor), null);
    }

    TokenText tokens() {
        return tokens;
    }

    /** Adds the text up to {@code end}, which {@code piece} may be already. */
    private Piece stretch(int end, String stretch, Piece piece) {
        TextRanges outside = rendered.outside().within(cursor, end).behind(rest.length());
        boolean known = piece != null
                && piece.leading().equals(leading)
                && piece.text().equals(stretch)
                && piece.fits(outside, encoder.control());
        Piece added = known ? piece : encoder.encode(leading, stretch, outside);
        tokens.add(cursor, end, added, rest.length());
        return added;
    }

    private Place place(int message, GeneratedTurn turn, String endText) {
        String before = turn.before.text();
        Place place = behind(before, "", message, turn, endText);
        if (place == null && !turn.emptyReasoning.isEmpty()) {
            String bare = before.substring(0, before.length() - turn.emptyReasoning.length());
            place = behind(bare, turn.emptyReasoning, message, turn, endText);
        }
        if (place != null || turn.opening == null) {
            return place;
        }
        for (RenderResult.Span span : spans(message)) {
            if (span.start() >= cursor) {
                place = opened(span, turn.opening, "", message, turn, endText);
                if (place == null && turn.opening.endsWith(turn.emptyReasoning)) {
                    String bare = turn.opening.substring(0, turn.opening.length() - turn.emptyReasoning.length());
                    place = opened(span, bare, turn.emptyReasoning, message, turn, endText);
                }
                if (place != null) {
                    return place;
                }
            }
        }
        return null;
    }

    /**
     * The place behind a stretch of text that starts here; {@code added} stood behind it when the turn was generated.
     */
    private Place behind(String stretch, String added, int message, GeneratedTurn turn, String endText) {
        if (!stretch.startsWith(rest) || !text.startsWith(stretch.substring(rest.length()), cursor)) {
            return null;
        }
        int start = cursor + stretch.length() - rest.length();
        return placeAt(start, added, message, turn, endText);
    }

    private Place opened(
            RenderResult.Span span, String opening, String added, int message, GeneratedTurn turn, String endText) {
        if (!text.startsWith(opening, span.start())) {
            return null;
        }
        int start = span.start() + opening.length();
        return placeAt(start, added, message, turn, endText);
    }

    /** The place that begins at {@code start} and says what the turn says, or null. */
    private Place placeAt(int start, String added, int message, GeneratedTurn turn, String endText) {
        boolean reasoningOpen = turn.reasoningOpen && added.isEmpty();
        int limit = limit(start, message);
        if (limit < start) {
            return null;
        }
        String written = text.substring(start, Math.min(text.length(), limit + endText.length()));
        GeneratedTurn.Rejected rejected = new GeneratedTurn.Rejected(written, limit - start, reasoningOpen, format);
        if (turn.isRejected(rejected)) {
            return null;
        }
        if (!endText.isEmpty()) {
            int end = text.indexOf(endText, start);
            for (int tried = 0; end >= 0 && end <= limit && tried < ENDS_TRIED; tried++) {
                if (says(start, end, turn, reasoningOpen)) {
                    return new Place(start, end, end + endText.length(), before(start, added));
                }
                end = text.indexOf(endText, end + 1);
            }
        }
        for (int end : otherEnds(start, limit)) {
            if (says(start, end, turn, reasoningOpen)) {
                return new Place(start, end, end, before(start, added));
            }
        }
        turn.reject(rejected);
        return null;
    }

    /** The stretch that ends at {@code start}, with what stood behind it when the turn was generated. */
    private String before(int start, String added) {
        return rest + text.substring(cursor, start) + added;
    }

    /** Where what the template wrote for the message ends, if it began at or before {@code start}. */
    private int limit(int start, int message) {
        int limit = -1;
        for (RenderResult.Span span : spans(message)) {
            if (span.start() <= start && start <= span.end()) {
                limit = Math.max(limit, span.end());
            }
        }
        return spans(message).isEmpty() ? text.length() : limit;
    }

    private List<RenderResult.Span> spans(int message) {
        if (spans == null) {
            spans = rendered.spans().stream().collect(Collectors.groupingBy(RenderResult.Span::element));
        }
        return spans.getOrDefault(message, List.of());
    }

    /** Places where the turn may end without its own end token: special tokens, and the end of the message. */
    private List<Integer> otherEnds(int start, int limit) {
        String region = text.substring(start, limit);
        Encoding encoding = tokenizer.encodeWithOffsets(region, false);
        List<Integer> ends = new ArrayList<>();
        for (int i = 0; i < encoding.size() && ends.size() < ENDS_TRIED; i++) {
            if (tokenizer.isSpecial(encoding.id(i))) {
                ends.add(start + encoding.start(i));
            }
        }
        ends.add(start + region.stripTrailing().length());
        return ends;
    }

    private boolean says(int start, int end, GeneratedTurn turn, boolean reasoningOpen) {
        String spelled = text.substring(start, end);
        if (spelled.equals(turn.verified)) {
            return true;
        }
        if (!TurnReading.of(spelled, format, reasoningOpen).means(turn.reading)) {
            return false;
        }
        turn.verified = spelled;
        return true;
    }
}
