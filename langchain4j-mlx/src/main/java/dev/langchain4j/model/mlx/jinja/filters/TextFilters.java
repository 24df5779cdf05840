package dev.langchain4j.model.mlx.jinja.filters;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.jinja.python.Args;
import dev.langchain4j.model.mlx.jinja.python.Budget;
import dev.langchain4j.model.mlx.jinja.python.Dict;
import dev.langchain4j.model.mlx.jinja.python.Markup;
import dev.langchain4j.model.mlx.jinja.python.Numbers;
import dev.langchain4j.model.mlx.jinja.python.Operators;
import dev.langchain4j.model.mlx.jinja.python.Params;
import dev.langchain4j.model.mlx.jinja.python.Printf;
import dev.langchain4j.model.mlx.jinja.python.Render;
import dev.langchain4j.model.mlx.jinja.python.Repr;
import dev.langchain4j.model.mlx.jinja.python.Slices;
import dev.langchain4j.model.mlx.jinja.python.Strings;
import dev.langchain4j.model.mlx.jinja.python.TextBuilder;
import dev.langchain4j.model.mlx.jinja.python.Tuple;
import dev.langchain4j.model.mlx.jinja.python.Undefined;
import dev.langchain4j.model.mlx.jinja.python.Values;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The filters that work on strings. */
final class TextFilters {

    private static final Pattern WORD_START = Pattern.compile("[-\\s({\\[<]+", Pattern.UNICODE_CHARACTER_CLASS);
    private static final Pattern WORD = Pattern.compile("[\\w&&[^\\p{M}]]+", Pattern.UNICODE_CHARACTER_CLASS);
    private static final Pattern ATTRIBUTE_KEY = Pattern.compile("[ \\t\\n\\x0b\\f\\r/>=]");

    private TextFilters() {}

    static void register(Map<String, Filter> all) {
        Filters.add(all, "upper", Params.NONE, (v, a) -> onText(v, Strings::upper));
        Filters.add(all, "lower", Params.NONE, (v, a) -> onText(v, Strings::lower));
        Filters.add(all, "capitalize", Params.NONE, (v, a) -> onText(v, Strings::capitalize));
        Filters.add(all, "title", Params.NONE, (v, a) -> title(Repr.str(v)));
        Filters.add(all, "trim", Params.of("chars?"), (v, a) -> {
            String chars = Filters.isNone(a[0]) ? null : chars(a[0]);
            return onText(v, text -> Strings.strip(text, chars, true, true));
        });
        Filters.add(all, "string", Params.NONE, (v, a) -> Filters.soft(v));
        Filters.add(
                all,
                "center",
                Params.of("width?"),
                (v, a) -> onText(v, text -> Strings.center(text, " ", Numbers.index(Filters.orDefault(a[0], 80L)))));
        all.put("replace", TextFilters::replace);
        Filters.add(all, "indent", Params.of("width?", "first?", "blank?"), TextFilters::indent);
        Filters.add(all, "truncate", Params.of("length?", "killwords?", "end?", "leeway?"), TextFilters::truncate);
        Filters.add(
                all,
                "wordwrap",
                Params.of("width?", "break_long_words?", "wrapstring?", "break_on_hyphens?"),
                TextFilters::wordWrap);
        Filters.add(all, "wordcount", Params.NONE, (v, a) -> wordCount(Repr.str(v)));
        all.put("format", (render, value, args) -> format(value, args));
        Filters.add(all, "striptags", Params.NONE, (v, a) -> stripTags(Repr.str(v)));
        Filter escape = Filter.of("escape", Params.NONE, (v, a) -> new Markup(Markup.escape(v)));
        all.put("escape", escape);
        all.put("e", escape);
        Filters.add(all, "forceescape", Params.NONE, (v, a) -> new Markup(Markup.escapeText(Repr.str(v))));
        Filters.add(all, "safe", Params.NONE, (v, a) -> new Markup(Repr.str(v)));
        Filters.add(all, "urlencode", Params.NONE, (v, a) -> urlEncode(v));
        all.put("xmlattr", TextFilters::xmlAttributes);
    }

    private static Object onText(Object value, UnaryOperator<String> body) {
        Object soft = Filters.soft(value);
        return Filters.like(soft, body.apply(Values.text(soft)));
    }

    private static String chars(Object value) {
        String chars = Values.text(value);
        if (chars == null) {
            throw TemplateException.type("strip arg must be None or str, not " + Values.typeName(value));
        }
        return chars;
    }

    private static String title(String text) {
        Budget.current().scanSlowly(2L * text.length());
        TextBuilder out = new TextBuilder();
        Matcher separators = WORD_START.matcher(text);
        int start = 0;
        while (separators.find()) {
            titleWord(text.substring(start, separators.start()), out);
            out.append(separators.group());
            start = separators.end();
        }
        titleWord(text.substring(start), out);
        return out.toString();
    }

    private static void titleWord(String word, TextBuilder out) {
        if (!word.isEmpty()) {
            int first = word.offsetByCodePoints(0, 1);
            out.append(Strings.upper(word.substring(0, first))).append(Strings.lower(word.substring(first)));
        }
    }

    private static final Params REPLACE = Params.of("old", "new", "count?");

    private static Object replace(Render render, Object value, Args args) {
        Object[] a = REPLACE.bind("replace", args);
        long count = Filters.isNone(a[2]) ? -1 : Numbers.index(a[2]);
        if (!render.autoescape) {
            return Strings.replace(Repr.str(value), Repr.str(a[0]), Repr.str(a[1]), count);
        }
        boolean escapes = a[0] instanceof Markup || (a[1] instanceof Markup && !(value instanceof Markup));
        Object soft = escapes ? new Markup(Markup.escape(value)) : Filters.soft(value);
        String replacement = soft instanceof Markup ? Markup.escape(a[1]) : Repr.str(a[1]);
        return Filters.like(soft, Strings.replace(Values.text(soft), Repr.str(a[0]), replacement, count));
    }

    private static Object indent(Object value, Object[] a) {
        Object width = Filters.orDefault(a[0], 4L);
        String given = Values.text(width);
        String indent = given != null ? given : Strings.repeat(" ", Numbers.index(width));
        if (value instanceof Markup) {
            indent = Markup.escape(width instanceof Markup ? width : indent);
        }
        // Adding a newline fails in Python's words for what is no string.
        String text = Values.text(Operators.add(value, "\n"));
        if (text == null) {
            throw TemplateException.type("'" + Values.typeName(value) + "' object has no attribute 'splitlines'");
        }
        List<String> lines = Strings.splitLines(text, false);
        TextBuilder out = new TextBuilder();
        boolean blank = Filters.flag(a[2]);
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i);
            if (i > 0) {
                out.append('\n');
            }
            if (i == 0 ? Filters.flag(a[1]) : blank || !line.isEmpty()) {
                out.append(indent);
            }
            out.append(line);
        }
        return Filters.like(value, out.toString());
    }

    private static Object truncate(Object value, Object[] a) {
        long length = Numbers.index(Filters.orDefault(a[0], 255L));
        Object end = Filters.orDefault(a[2], "...");
        long leeway = Filters.isNone(a[3]) ? 5 : Numbers.index(a[3]);
        long endLength = Values.length(end);
        if (length < endLength) {
            throw TemplateException.runtime("expected length >= " + endLength + ", got " + length);
        }
        if (leeway < 0) {
            throw TemplateException.runtime("expected leeway >= 0, got " + leeway);
        }
        if (Values.length(value) <= length + leeway) {
            return value;
        }
        Object cut = Slices.slice(value, null, length - endLength, null);
        if (!Filters.flag(a[1])) {
            String text = Filters.text(cut, "rsplit");
            cut = Filters.like(cut, Strings.splitFromRight(text, " ", 1).getFirst());
        }
        return Operators.add(cut, end);
    }

    private static Object wordWrap(Object value, Object[] a) {
        String text = Filters.text(value, "splitlines");
        long width = Numbers.index(Filters.orDefault(a[0], 79L));
        boolean breakWords = a[1] == Values.MISSING || Values.truth(a[1]);
        boolean breakHyphens = a[3] == Values.MISSING || Values.truth(a[3]);
        String separator = Filters.isNone(a[2]) ? "\n" : Filters.text(a[2], "join");
        List<String> paragraphs = new ArrayList<>();
        for (String line : Strings.splitLines(text, false)) {
            paragraphs.add(joined(separator, TextWrap.wrap(line, width, breakWords, breakHyphens)));
        }
        return joined(separator, paragraphs);
    }

    private static Object format(Object value, Args args) {
        if (args.positional().length > 0 && !args.keywords().isEmpty()) {
            throw TemplateException.type("can't handle positional and keyword arguments at the same time");
        }
        Object arguments = args.keywords().isEmpty() ? new Tuple(args.positional()) : new Dict(args.keywords());
        return Printf.format(Filters.soft(value), arguments);
    }

    private static String joined(String separator, List<String> parts) {
        TextBuilder out = new TextBuilder();
        for (int i = 0; i < parts.size(); i++) {
            out.append(i == 0 ? "" : separator).append(parts.get(i));
        }
        return out.toString();
    }

    private static long wordCount(String text) {
        Budget.current().scanSlowly(4L * text.length());
        Matcher words = WORD.matcher(text);
        long count = 0;
        while (words.find()) {
            count++;
        }
        return count;
    }

    private static String stripTags(String html) {
        String text = html;
        String before;
        do {
            before = text;
            text = withoutTags(text);
        } while (before.length() != text.length());
        String joined = joined(" ", Strings.splitSpaces(text, -1));
        Budget.current().made(6L * joined.length());
        return joined.replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&#34;", "\"")
                .replace("&quot;", "\"")
                .replace("&#39;", "'")
                .replace("&nbsp;", "\u00a0")
                .replace("&amp;", "&");
    }

    /** Without comments and tags, each up to its first end. */
    private static String withoutTags(String text) {
        Budget.current().scan(4L * text.length());
        int lastCommentEnd = text.lastIndexOf("-->");
        TextBuilder out = new TextBuilder();
        int plain = 0;
        int tag = text.indexOf('<');
        while (tag >= 0) {
            boolean comment = text.startsWith("<!--", tag) && lastCommentEnd >= tag + 4;
            int end = comment ? text.indexOf("-->", tag + 4) + 3 : text.indexOf('>', tag) + 1;
            if (end == 0) {
                break;
            }
            out.append(text, plain, tag);
            plain = end;
            tag = text.indexOf('<', end);
        }
        return plain == 0 ? text : out.append(text, plain, text.length()).toString();
    }

    private static String urlEncode(Object value) {
        if (Values.text(value) != null || !Values.isIterable(value)) {
            return quoted(value, false);
        }
        List<Object> pairs = value instanceof Dict dict ? Dict.View.items(dict) : Values.list(value);
        List<String> parts = new ArrayList<>();
        for (Object pair : pairs) {
            List<Object> items = Values.list(pair);
            Budget.current().elements(2);
            if (items.size() != 2) {
                throw TemplateException.value("not a pair: " + Repr.repr(pair));
            }
            parts.add(quoted(items.get(0), true) + "=" + quoted(items.get(1), true));
        }
        return joined("&", parts);
    }

    private static String quoted(Object value, boolean query) {
        String text = Repr.str(value);
        Budget.current().checkRoom(9L * text.length());
        Budget.current().scanSlowly(4L * text.length());
        String encoded = URLEncoder.encode(text, StandardCharsets.UTF_8)
                .replace("*", "%2A")
                .replace("%7E", "~");
        Budget.current().made(encoded.length());
        return query ? encoded : encoded.replace("+", "%20").replace("%2F", "/");
    }

    private static final Params AUTOSPACE = Params.of("autospace?");

    private static Object xmlAttributes(Render render, Object value, Args args) {
        Object autospace = AUTOSPACE.bind("xmlattr", args)[0];
        if (!(value instanceof Dict dict)) {
            throw value instanceof Undefined undefined
                    ? undefined.failure()
                    : TemplateException.type("'" + Values.typeName(value) + "' object has no attribute 'items'");
        }
        TextBuilder out = new TextBuilder();
        dict.forEach((key, content) -> {
            if (content == null || content instanceof Undefined) {
                return;
            }
            String name = Filters.text(key, "search");
            if (ATTRIBUTE_KEY.matcher(name).find()) {
                throw TemplateException.value("Invalid character in attribute name: " + Repr.repr(name));
            }
            boolean space = !out.isEmpty() || autospace == Values.MISSING || Values.truth(autospace);
            out.append(space ? " " : "")
                    .append(Markup.escapeText(name))
                    .append("=\"")
                    .append(Markup.escape(content))
                    .append('"');
        });
        return render.autoescape ? new Markup(out.toString()) : out.toString();
    }
}
