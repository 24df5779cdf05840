package dev.langchain4j.model.mlx.jinja.python;

import dev.langchain4j.model.mlx.jinja.common.TextRanges;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * Which characters of strings came from outside of the template, for one render. Strings are known by identity: what
 * hands a string on needs no care; what makes a new one says here what it was made of. Where that cannot be told to the
 * character, the whole string counts as from outside.
 */
public final class Origins {
    /** The next character is from outside. A noncharacter of Unicode. */
    public static final char MARK = '\uFDD0';

    private static final int DEPTH_MAX = 50;

    private final Map<String, TextRanges> known = new IdentityHashMap<>();
    /** Of what is written now. */
    private TextRanges.Builder written = new TextRanges.Builder();

    public Origins() {
        // What loops and indexes take out of a string; which string that was is not known any more.
        for (int i = 0; i < 128; i++) {
            known.put(Strings.character(i), TextRanges.first(1));
        }
    }

    /** A value of the context, whose characters behind {@link #MARK} are from outside. */
    String input(String text) {
        int mark = text.indexOf(MARK);
        if (mark < 0) {
            return text;
        }
        StringBuilder plain = new StringBuilder(text.length());
        TextRanges.Builder outside = new TextRanges.Builder();
        int from = 0;
        for (; mark >= 0 && mark + 1 < text.length(); mark = text.indexOf(MARK, from)) {
            plain.append(text, from, mark).append(text.charAt(mark + 1));
            outside.add(plain.length() - 1, plain.length());
            from = mark + 2;
        }
        return made(plain.append(text, from, text.length()).toString(), outside.build());
    }

    private String made(String text, TextRanges outside) {
        if (!outside.isEmpty()) {
            known.put(text, outside);
        }
        return text;
    }

    private TextRanges of(String text) {
        return known.getOrDefault(text, TextRanges.NONE);
    }

    /** Whether anything in a value is from outside. A lazy value is not looked into: it can be read once. */
    private boolean isOutside(Object value, int depth) {
        if (depth > DEPTH_MAX) {
            return true;
        }
        return switch (value) {
            case null -> false;
            case String text -> known.containsKey(text);
            case Markup markup -> known.containsKey(markup.text());
            case Range _ -> false;
            case Dict dict ->
                dict.entrySet().stream()
                        .anyMatch(entry ->
                                isOutside(entry.getKey(), depth + 1) || isOutside(entry.getValue(), depth + 1));
            case List<?> list -> list.stream().anyMatch(item -> isOutside(item, depth + 1));
            case Dict.View view -> isOutside(view.dict(), depth + 1);
            case Namespace namespace -> isOutside(namespace.attributes(), depth + 1);
            case Args args ->
                isOutside(Arrays.asList(args.positional()), depth + 1)
                        || args.keywords().values().stream().anyMatch(item -> isOutside(item, depth + 1));
            case Lazy _ -> true;
            default -> false;
        };
    }

    // ---- output --------------------------------------------------------------------------------------------------

    /** Text is written at {@code offset}; {@code value} is what it is the text of. */
    void write(Object value, String text, int offset) {
        if (Values.text(value) == text) {
            written.add(of(text), offset);
        } else if (isOutside(value, 0)) {
            written.add(offset, offset + text.length());
        }
    }

    /** Begins another output; gives what {@link #endCapture} puts back. */
    TextRanges.Builder beginCapture() {
        TextRanges.Builder outer = written;
        written = new TextRanges.Builder();
        return outer;
    }

    void endCapture(String text, TextRanges.Builder outer) {
        made(text, written.build());
        written = outer;
    }

    TextRanges written() {
        return written.build();
    }

    // ---- what makes strings --------------------------------------------------------------------------------------

    /** A string that was put together from the texts of values, one behind the other. */
    public void joined(Object result, List<Object> parts, Object separator) {
        String text = Values.text(result);
        TextRanges.Builder outside = new TextRanges.Builder();
        int length = 0;
        for (int i = 0; i < parts.size(); i++) {
            if (i > 0) {
                length = append(separator, length, outside);
            }
            length = append(parts.get(i), length, outside);
        }
        // Escaped parts are longer.
        make(text, length == text.length() ? outside.build() : null, parts, separator);
    }

    private int append(Object value, int length, TextRanges.Builder outside) {
        String text = Repr.str(value);
        if (Values.text(value) == text) {
            outside.add(of(text), length);
        } else if (isOutside(value, 0)) {
            outside.add(length, length + text.length());
        }
        return length + text.length();
    }

    /** The result of an operator. */
    public Object operated(Object a, Object b, Object result) {
        String text = Values.text(result);
        if (text == null || text.isEmpty() || text == Values.text(a) || text == Values.text(b)) {
            return result;
        }
        String left = Values.text(a);
        String right = Values.text(b);
        boolean concatenated = left != null
                && right != null
                && left.length() + right.length() == text.length()
                && text.startsWith(left)
                && text.endsWith(right);
        if (concatenated) {
            joined(result, List.of(left, right), "");
        } else {
            make(text, null, a, b);
        }
        return result;
    }

    /** A slice; null stands for what was left out. */
    public Object sliced(Object object, Object start, Object stop, Object step, Object result) {
        String from = Values.text(object);
        String text = Values.text(result);
        if (from == null || text == null || text.isEmpty() || text == from) {
            return result;
        }
        int at = start == null ? 0 : stop == null ? from.length() - text.length() : from.indexOf(text);
        boolean sure = (step == null || Values.equal(step, 1L))
                && at >= 0
                && (start == null || stop == null || from.lastIndexOf(text) == at);
        make(text, sure ? of(from).within(at, at + text.length()) : null, object);
        return result;
    }

    /** A method of str that keeps the books. */
    static Method keeping(Method method) {
        return new Method(method.name(), method.params(), (render, self, args) -> {
            Object result = method.body().apply(render, self, args);
            return render.origins == null ? result : render.origins.derived(method.name(), self, args, result);
        });
    }

    /** The result of a filter or a method. */
    public Object derived(String operation, Object value, Object[] args, Object result) {
        String from = Values.text(value);
        if (result instanceof List<?> parts) {
            if (from != null) {
                parts(operation, from, args, parts);
            }
            return result;
        }
        String text = Values.text(result);
        if (text == null || text.isEmpty() || text == from) {
            return result;
        }
        for (Object arg : args) {
            if (text == Values.text(arg)) {
                return result;
            }
        }
        make(text, from == null ? null : place(operation, from, args, text), value, Arrays.asList(args));
        return result;
    }

    /** What is from outside in a string that is a part of another, or another with replacements; null where unknown. */
    private TextRanges place(String operation, String from, Object[] args, String text) {
        int start =
                switch (operation) {
                    // In front of it are only characters that it does not begin with.
                    case "trim", "strip", "lstrip" -> from.indexOf(text);
                    case "rstrip", "removesuffix" -> 0;
                    case "removeprefix" -> from.length() - text.length();
                    default -> -1;
                };
        if (start >= 0) {
            return of(from).within(start, start + text.length());
        }
        return operation.equals("replace") ? replaced(from, args, text) : null;
    }

    private TextRanges replaced(String from, Object[] args, String text) {
        String old = args.length < 2 ? null : Values.text(args[0]);
        String replacement = args.length < 2 ? null : Values.text(args[1]);
        if (old == null || old.isEmpty() || replacement == null) {
            return null;
        }
        long limit = args.length > 2 && args[2] instanceof Long count && count >= 0 ? count : Long.MAX_VALUE;
        TextRanges.Builder outside = new TextRanges.Builder();
        int length = 0;
        int at = 0;
        for (long i = 0; i < limit; i++) {
            int found = from.indexOf(old, at);
            if (found < 0) {
                break;
            }
            outside.add(of(from).within(at, found), length);
            length += found - at;
            if (of(from).overlaps(found, found + old.length())) {
                // What stands for text from outside is no more the template's own than that was.
                outside.add(length, length + replacement.length());
            } else {
                outside.add(of(replacement), length);
            }
            length += replacement.length();
            at = found + old.length();
        }
        outside.add(of(from).within(at, from.length()), length);
        return length + from.length() - at == text.length() ? outside.build() : null;
    }

    /** The pieces that a string was split into, in order. */
    private void parts(String operation, String from, Object[] args, List<?> parts) {
        boolean cut = operation.endsWith("partition");
        int gap = args.length > 0 && !cut && Values.text(args[0]) != null
                ? Values.text(args[0]).length()
                : 0;
        int at = 0;
        for (Object part : parts) {
            String text = Values.text(part);
            if (text == null || text == from || cut && text == Values.text(args[0])) {
                at += text == null ? 0 : text.length();
                continue;
            }
            // Without a separator pieces lie between white space, which none of them begins with.
            int start = gap > 0 || cut ? at : from.indexOf(text, at);
            make(text, start < 0 ? null : of(from).within(start, start + text.length()), from);
            at = Math.max(start, at) + text.length() + gap;
        }
    }

    /** Notes a new string; {@code outside} is null where only the values that it was made of are known. */
    private void make(String text, TextRanges outside, Object... of) {
        if (outside != null) {
            made(text, outside);
        } else if (isOutside(Arrays.asList(of), 0)) {
            made(text, TextRanges.first(text.length()));
        }
    }
}
