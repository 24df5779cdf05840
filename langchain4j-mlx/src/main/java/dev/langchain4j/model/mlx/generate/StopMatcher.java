package dev.langchain4j.model.mlx.generate;

import java.util.List;

/**
 * Finds the first stop sequence in a text that comes in pieces. Text is passed on as soon as it cannot be the beginning
 * of a stop sequence, so that no part of one is ever passed on.
 */
final class StopMatcher {
    private final List<String> stops;
    private final int longest;
    private final StringBuilder held = new StringBuilder();
    private String matched;

    StopMatcher(List<String> stops) {
        this.stops = List.copyOf(stops);
        this.longest = stops.stream().mapToInt(String::length).max().orElse(0);
    }

    /** Takes a piece and gives the text that may be passed on; nothing more after a stop sequence was found. */
    String accept(String piece) {
        if (matched != null) {
            return "";
        }
        if (stops.isEmpty()) {
            return piece;
        }
        held.append(piece);
        int first = Integer.MAX_VALUE;
        for (String stop : stops) {
            int at = held.indexOf(stop);
            if (at >= 0 && (at < first || (at == first && stop.length() > matched.length()))) {
                first = at;
                matched = stop;
            }
        }
        return release(matched != null ? first : held.length() - heldBack());
    }

    /** The text that was held back and turned out to be none. */
    String finish() {
        return matched != null ? "" : release(held.length());
    }

    /** The stop sequence that was found, or null. */
    String matched() {
        return matched;
    }

    private String release(int chars) {
        String text = held.substring(0, chars);
        held.delete(0, chars);
        return text;
    }

    /** Length of the longest end of the held text that begins a stop sequence. */
    private int heldBack() {
        for (int length = Math.min(longest - 1, held.length()); length > 0; length--) {
            for (String stop : stops) {
                if (length < stop.length() && endsLikeBeginningOf(stop, length)) {
                    return length;
                }
            }
        }
        return 0;
    }

    private boolean endsLikeBeginningOf(String stop, int length) {
        int from = held.length() - length;
        int same = 0;
        while (same < length && held.charAt(from + same) == stop.charAt(same)) {
            same++;
        }
        return same == length;
    }
}
