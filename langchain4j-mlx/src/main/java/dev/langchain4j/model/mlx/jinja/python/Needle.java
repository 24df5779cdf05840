package dev.langchain4j.model.mlx.jinja.python;

/**
 * A string that is searched for, in time proportional to what is searched: Java compares a long string at each place
 * anew, which takes hours for texts that repeat themselves.
 */
final class Needle {
    private static final int SHORT = 16;

    private final String text;
    private final Budget budget = Budget.current();
    /** For each of its beginnings, how long the longest end of it is that is a beginning too; null of a short one. */
    private final int[] borders;

    Needle(String text) {
        this.text = text;
        if (text.length() <= SHORT) {
            borders = null;
            return;
        }
        budget.scanSlowly(text.length());
        budget.made(2L * text.length());
        borders = new int[text.length()];
        for (int i = 1, k = 0; i < borders.length; i++) {
            while (k > 0 && text.charAt(i) != text.charAt(k)) {
                k = borders[k - 1];
            }
            k += text.charAt(i) == text.charAt(k) ? 1 : 0;
            borders[i] = k;
        }
    }

    int length() {
        return text.length();
    }

    /** Where it begins for the first time at or after an offset, or -1. */
    int in(String haystack, int from) {
        if (borders == null) {
            int found = haystack.indexOf(text, from);
            budget.scan(((found < 0 ? haystack.length() : found) - from) * (long) (text.length() / 4 + 1));
            return found;
        }
        for (int i = from, k = 0; i < haystack.length(); i++) {
            while (k > 0 && haystack.charAt(i) != text.charAt(k)) {
                k = borders[k - 1];
            }
            k += haystack.charAt(i) == text.charAt(k) ? 1 : 0;
            if (k == text.length()) {
                budget.scan(8L * (i - from));
                return i - k + 1;
            }
        }
        budget.scan(8L * (haystack.length() - from));
        return -1;
    }

    /** Where it begins for the last time so that it ends at or before an offset, or -1. */
    int lastIn(String haystack, int end) {
        int last = -1;
        if (borders == null) {
            last = end < text.length() ? -1 : haystack.lastIndexOf(text, end - text.length());
            budget.scan((end - Math.max(last, 0)) * (long) (text.length() / 4 + 1));
            return last;
        }
        return new Needle(reversed(text)).lastReversed(reversed(haystack.substring(0, end)), end);
    }

    private int lastReversed(String haystack, int end) {
        int found = in(haystack, 0);
        return found < 0 ? -1 : end - found - text.length();
    }

    /** By units, not by characters: only what is found counts. */
    private String reversed(String forward) {
        budget.scan(8L * forward.length());
        budget.made(2L * forward.length());
        char[] backward = new char[forward.length()];
        for (int i = 0; i < backward.length; i++) {
            backward[i] = forward.charAt(backward.length - 1 - i);
        }
        return new String(backward);
    }
}
