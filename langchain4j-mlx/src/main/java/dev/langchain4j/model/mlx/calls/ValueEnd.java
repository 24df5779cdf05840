package dev.langchain4j.model.mlx.calls;

import dev.langchain4j.model.mlx.parse.Input;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * Finds where a value between tags ends. Models forget closing tags, write them twice, and write values that spell
 * tags; which of them a tag is, is told from what stands around it. For one value, which stays unread until its end is
 * known.
 */
final class ValueEnd {

    /**
     * The tags around values.
     *
     * @param open opens a value or its key
     * @param close closes a value
     * @param outer what closes more than the value
     * @param starts what opens a further call or block
     * @param inline whether values stand in one line with their tags
     */
    record Tags(String open, String close, List<String> outer, List<String> starts, boolean inline) {
        /** Tags behind which a closing tag is none of the value's text. */
        List<String> followers() {
            List<String> followers = new ArrayList<>(outer);
            followers.add(open);
            return followers;
        }

        /** What may stand behind the end of a call. */
        List<String> behindCall() {
            List<String> behind = new ArrayList<>(outer);
            behind.addAll(starts);
            return behind;
        }
    }

    private final Tags tags;
    /** Whether the text behind {@link Tags#open} names an argument of the call that is still to come. */
    private final Predicate<String> expected;

    private int scanned;
    /**
     * Where a tag closes more than the value, unless the value's own closing tag follows further down; -1 for nowhere.
     */
    private int outerEnd = -1;
    /** Where a further value opens, unless that is text, too; -1 for nowhere. */
    private int nextOpen = -1;

    private String nextName = "";
    private int length = -1;
    private boolean strayCloses;
    private boolean ambiguous;
    private int closeLength;

    ValueEnd(Tags tags, Predicate<String> expected) {
        this.tags = tags;
        this.expected = expected;
    }

    /** Characters of the value. */
    int length() {
        return length;
    }

    /** Characters of the closing tag behind it; 0 if it was forgotten. */
    int closeLength() {
        return closeLength;
    }

    /** Whether it cannot be known where the value ends: it has a closing tag in the middle and none at its end. */
    boolean isAmbiguous() {
        return ambiguous;
    }

    /** Looks on; false if more text is needed. */
    boolean find(Input in) {
        while (true) {
            int at = in.findAhead(scanned, "<");
            if (at < 0) {
                scanned = in.available();
                return atEnd(in);
            }
            scanned = at;
            Input.Match close = in.matchAhead(at, tags.close);
            Input.Match outer = in.matchAny(at, tags.outer);
            Input.Match open = in.matchAhead(at, tags.open);
            if (close == Input.Match.MAYBE || outer == Input.Match.MAYBE || open == Input.Match.MAYBE) {
                return atEnd(in);
            }
            Input.Match known = close == Input.Match.YES
                    ? closes(in, at)
                    : outer == Input.Match.YES
                            ? closesMore(in, at)
                            : open == Input.Match.YES ? opens(in, at) : Input.Match.NO;
            if (known == Input.Match.MAYBE) {
                return atEnd(in);
            }
            if (known == Input.Match.YES) {
                return true;
            }
            scanned = at + 1;
        }
    }

    /** The output may be over: then a tag that closes more closed the value, too. */
    private boolean atEnd(Input in) {
        if (!in.ended() || in.cut()) {
            return false;
        }
        return (nextOpen >= 0 || outerEnd >= 0) && forgotten(outerEnd);
    }

    /** The closing tag was forgotten. */
    private boolean forgotten(int at) {
        ambiguous = strayCloses && nextOpen < 0;
        return found(nextOpen >= 0 ? nextOpen : at, 0);
    }

    private boolean found(int at, int close) {
        length = at;
        closeLength = close;
        return true;
    }

    /** A closing tag is one if the call goes on or ends behind it; else it is text. */
    private Input.Match closes(Input in, int at) {
        int behind = in.skipBlank(at + tags.close.length());
        boolean doubled = false;
        boolean ownLine = false;
        while (in.matchAhead(behind, tags.close) == Input.Match.YES) {
            doubled = true;
            ownLine |= startsLine(in, behind);
            behind = in.skipBlank(behind + tags.close.length());
        }
        Input.Match follows = in.matchAny(behind, tags.followers());
        if (in.matchAhead(behind, tags.close) == Input.Match.MAYBE) {
            follows = Input.Match.MAYBE;
        }
        if (behind == in.available()) {
            follows = !in.ended() || in.cut() ? Input.Match.MAYBE : Input.Match.YES;
        }
        if (follows == Input.Match.NO) {
            // Text that closes what it did not open: a tag that seemed to open a value is text, too.
            nextOpen = -1;
            strayCloses = true;
            return follows;
        }
        if (follows == Input.Match.MAYBE) {
            return follows;
        }
        if (doubled && ownLine && !startsLine(in, at) && in.ahead(0) == '\n') {
            return Input.Match.NO;
        }
        if (nextOpen >= 0 && !opensAgain(in, behind)) {
            found(nextOpen, 0);
        } else {
            found(at, tags.close.length());
        }
        return Input.Match.YES;
    }

    /** Whether the argument that seemed to open in the middle of the value opens here. */
    private boolean opensAgain(Input in, int at) {
        return in.matchAhead(at, tags.open) == Input.Match.YES
                && in.matchAhead(at + tags.open.length(), nextName) == Input.Match.YES;
    }

    /** A tag that closes more than the value closes the value, too, if nothing of the call follows. */
    private Input.Match closesMore(Input in, int at) {
        if (!tags.inline && in.ahead(0) == '\n' && !startsLine(in, at)) {
            return Input.Match.NO;
        }
        int behind = at;
        boolean more = true;
        while (more) {
            more = false;
            for (String end : tags.outer) {
                if (in.matchAhead(behind, end) == Input.Match.YES) {
                    behind = in.skipBlank(behind + end.length());
                    more = true;
                }
            }
        }
        if (behind == in.available()) {
            outerEnd = outerEnd < 0 ? at : outerEnd;
            return Input.Match.MAYBE;
        }
        Input.Match another = in.matchAny(behind, tags.behindCall());
        if (another == Input.Match.NO) {
            outerEnd = outerEnd < 0 ? at : outerEnd;
        } else if (another == Input.Match.YES) {
            forgotten(outerEnd >= 0 ? outerEnd : at);
        }
        return another;
    }

    /** A further value opens on a line of its own where the closing tag before it was forgotten. */
    private Input.Match opens(Input in, int at) {
        int from = at + tags.open.length();
        int to = from;
        while (to < in.available() && ">\n<".indexOf(in.ahead(to)) < 0) {
            to++;
        }
        if (to == in.available()) {
            return in.ended() ? Input.Match.NO : Input.Match.MAYBE;
        }
        String name = in.lookAhead(to).substring(from);
        if (nextOpen < 0 && (tags.inline || startsLine(in, at)) && expected.test(name)) {
            nextOpen = at;
            nextName = name;
        }
        return Input.Match.NO;
    }

    private static boolean startsLine(Input in, int at) {
        int before = at - 1;
        while (before >= 0 && (in.ahead(before) == ' ' || in.ahead(before) == '\t')) {
            before--;
        }
        return before < 0 || in.ahead(before) == '\n';
    }
}
