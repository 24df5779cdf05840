package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.mlx.text.Encoding;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.jinja.common.TextRanges;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;
import java.util.List;

/**
 * The control tokens before which a prompt's text can be cut: the tokens of its parts, one behind the other, are those
 * of the whole. Immutable.
 *
 * <p>A tokenizer looks for added tokens first, from left to right, and makes tokens of what stands between two of them
 * by itself. So one that no other overlaps is found wherever its name stands, whatever is around it, and nothing behind
 * it changes the tokens before it. Whether it takes white space along, wants no letter beside it, or is looked for in a
 * normalized text is found out by trying; then it is none.
 */
final class CutTokens {
    private static final List<String> BEFORE = List.of("a ", "a\n\n", " ", "é", "<", "7");
    private static final List<String> BEHIND = List.of("a", " a", "\n\na", "\u0301", "'s", "");

    private final List<String> names = new ArrayList<>();
    private final BitSet first = new BitSet();

    /**
     * Finds them.
     *
     * @param control ids of the control tokens
     * @param templates sources of the chat templates
     */
    CutTokens(Tokenizer tokenizer, BitSet control, Collection<String> templates) {
        List<String> added = Arrays.stream(tokenizer.addedTokens())
                .mapToObj(id -> tokenizer.token(id).orElse(""))
                .toList();
        for (int id = control.nextSetBit(0); id >= 0; id = control.nextSetBit(id + 1)) {
            String name = tokenizer.token(id).orElse("");
            boolean written = name.length() > 1 && templates.stream().anyMatch(source -> source.contains(name));
            if (written
                    && !Character.isLetterOrDigit(name.codePointAt(0))
                    && added.stream().noneMatch(other -> reachesInto(other, name))
                    && cuts(tokenizer, id, name)) {
                names.add(name);
                first.set(name.charAt(0));
            }
        }
    }

    /** Whether a token that begins before another one's name may hold the beginning of it. */
    private static boolean reachesInto(String other, String name) {
        for (int i = 1; i < other.length(); i++) {
            if (other.regionMatches(i, name, 0, Math.min(name.length(), other.length() - i))) {
                return true;
            }
        }
        return false;
    }

    private static boolean cuts(Tokenizer tokenizer, int id, String name) {
        List<Encoding> right = BEHIND.stream()
                .map(behind -> tokenizer.encodeWithOffsets(name + behind, false))
                .toList();
        for (String before : BEFORE) {
            Encoding left = tokenizer.encodeWithOffsets(before, false);
            for (int i = 0; i < right.size(); i++) {
                Encoding behind = right.get(i);
                Encoding whole = tokenizer.encodeWithOffsets(before + name + BEHIND.get(i), false);
                if (behind.size() == 0 || behind.id(0) != id || !isBoth(whole, left, behind, before.length())) {
                    return false;
                }
            }
        }
        return true;
    }

    private static boolean isBoth(Encoding whole, Encoding left, Encoding right, int shift) {
        boolean same = whole.size() == left.size() + right.size();
        for (int i = 0; i < whole.size() && same; i++) {
            boolean before = i < left.size();
            Encoding part = before ? left : right;
            int at = before ? i : i - left.size();
            same = whole.id(i) == part.id(at) && whole.end(i) == part.end(at) + (before ? 0 : shift);
        }
        return same;
    }

    /**
     * The places behind a position where a text can be cut, rising, and its end.
     *
     * @param outside characters that texts of a request wrote, whose names of control tokens may be text
     */
    int[] places(String text, int from, TextRanges outside) {
        BitSet places = new BitSet();
        for (int c = first.nextSetBit(0); c >= 0; c = first.nextSetBit(c + 1)) {
            for (int i = text.indexOf(c, from + 1); i >= 0; i = text.indexOf(c, i + 1)) {
                if (isPlace(text, i, outside)) {
                    places.set(i);
                }
            }
        }
        places.set(text.length());
        return places.stream().toArray();
    }

    /** Whether a text can be cut before this character of it. */
    boolean isPlace(String text, int place, TextRanges outside) {
        for (String name : names) {
            if (text.startsWith(name, place) && !outside.overlaps(place, place + name.length())) {
                return true;
            }
        }
        return false;
    }
}
