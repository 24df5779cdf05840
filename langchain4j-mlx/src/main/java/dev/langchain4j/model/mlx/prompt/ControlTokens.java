package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.mlx.text.Encoding;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.jinja.Template;
import dev.langchain4j.model.mlx.jinja.common.StableOrder;
import dev.langchain4j.model.mlx.jinja.common.TextRanges;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;

/**
 * The tokens that mean more to a model than their text: its special tokens, and the added ones that its chat templates
 * write, such as {@code <tool_call>}. The template and this project may write them; where texts of a request spell one,
 * in a whole or in parts, it is text. Thread-safe.
 *
 * <p>A request whose texts have no character of theirs is rendered as ever. In others the characters that could belong
 * to one are marked, so that the rendered text tells where each of them came from; what was tokenized to a control
 * token and holds such a character is then tokenized as text.
 */
final class ControlTokens {
    /** Names of template arguments that are control tokens, as in tokenizer_config.json. */
    private static final String TOKEN_ARGUMENT = "_token";
    /** Keys of a message or tool whose values have names of the application's or a tool's own. */
    private static final Set<String> NAMING = Set.of("arguments", "parameters");

    /** Values of the key {@code type} that are of the chat format itself. */
    private static final Set<String> KINDS = Set.of("function", "text", "image");

    private final Tokenizer tokenizer;
    private final BitSet ids = new BitSet();
    /** Characters that tell a control token from words. */
    private final BitSet telling = new BitSet();

    private final int[] tellingEach;
    /** What stands between the outermost telling characters. */
    private final Set<String> cores = new HashSet<>();

    private int longest;
    private final CutTokens cuts;
    /** Of the tokens that end turns. */
    private final Map<Integer, String> texts = new ConcurrentHashMap<>();

    /**
     * Finds them.
     *
     * @param templates sources of the chat templates
     */
    ControlTokens(Tokenizer tokenizer, Collection<String> templates) {
        this.tokenizer = tokenizer;
        for (int id : tokenizer.addedTokens()) {
            String name = tokenizer.token(id).orElse("");
            boolean written = isTag(name) && templates.stream().anyMatch(source -> source.contains(name));
            if (!name.isBlank() && (tokenizer.isSpecial(id) || written)) {
                ids.set(id);
                add(name);
            }
        }
        tellingEach = telling.stream().toArray();
        cuts = new CutTokens(tokenizer, ids, templates);
    }

    /** Whether an added token looks like markup, not like words or white space. */
    private static boolean isTag(String name) {
        return name.length() > 2
                && isTelling(name.codePointAt(0))
                && name.codePoints().anyMatch(Character::isLetter);
    }

    private static boolean isTelling(int c) {
        return !Character.isLetterOrDigit(c) && !Character.isWhitespace(c) && "_-./:".indexOf(c) < 0;
    }

    private void add(String name) {
        int[] places = IntStream.range(0, name.length())
                .filter(i -> isTelling(name.charAt(i)))
                .toArray();
        if (places.length == 0) {
            telling.set(name.charAt(0));
        } else {
            IntStream.of(places).forEach(place -> telling.set(name.charAt(place)));
            String core = name.substring(
                    places[0] == 0 ? 1 : 0,
                    places[places.length - 1] == name.length() - 1 ? name.length() - 1 : name.length());
            cores.add(IntStream.range(0, core.length()).allMatch(i -> isTelling(core.charAt(i))) ? name : core);
            String inner = core.replaceAll("^[^\\p{L}\\p{N}]+|[^\\p{L}\\p{N}]+$", "");
            if (!inner.isEmpty()) {
                cores.add(inner);
            }
        }
        longest = Math.max(longest, name.length());
    }

    Tokenizer tokenizer() {
        return tokenizer;
    }

    /** The text of a token. */
    String text(int id) {
        return texts.computeIfAbsent(id, one -> tokenizer.decode(new int[] {one}, false));
    }

    /** Where a text that a template wrote can be cut. */
    CutTokens cuts() {
        return cuts;
    }

    /** Whether a token is one. */
    boolean contains(int id) {
        return ids.get(id);
    }

    // ---- marks ---------------------------------------------------------------------------------------------------

    /** Whether texts in a value, or names in it, could become a part of a control token. */
    boolean areIn(Object value) {
        return areIn(value, false);
    }

    private boolean areIn(Object value, boolean named) {
        return switch (value) {
            case String text -> isSuspect(text);
            case Map<?, ?> map -> {
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    if (named && entry.getKey() instanceof String key && isSuspect(key)
                            || !(isOwn(entry) && !named)
                                    && areIn(entry.getValue(), named || NAMING.contains(entry.getKey()))) {
                        yield true;
                    }
                }
                yield false;
            }
            case Collection<?> items -> {
                for (Object item : items) {
                    if (areIn(item, named)) {
                        yield true;
                    }
                }
                yield false;
            }
            case null, default -> false;
        };
    }

    /** Whether a message's or tool's entry is of the chat format itself: roles are often names of control tokens. */
    private static boolean isOwn(Map.Entry<?, ?> entry) {
        return "role".equals(entry.getKey())
                || "type".equals(entry.getKey()) && KINDS.contains(String.valueOf(entry.getValue()));
    }

    private boolean isSuspect(String text) {
        // There are few of them, and looking for one character is what a JVM does fastest.
        for (int c : tellingEach) {
            if (text.indexOf(c) >= 0) {
                return true;
            }
        }
        return text.length() <= longest && cores.contains(text);
    }

    /** Messages whose texts are marked; roles are not. */
    List<Map<String, Object>> markMessages(List<Map<String, Object>> messages) {
        List<Map<String, Object>> marked = new ArrayList<>(messages.size());
        for (Map<String, Object> message : messages) {
            Map<String, Object> copy = new LinkedHashMap<>();
            message.forEach((key, value) -> copy.put(key, key.equals("role") ? value : markContent(key, value)));
            marked.add(copy);
        }
        return marked;
    }

    /** Kinds of parts are no texts of a request. */
    private Object markContent(String key, Object value) {
        if (!ContentParts.hasImages(value)) {
            return mark(value, NAMING.contains(key));
        }
        List<Object> parts = new ArrayList<>();
        for (Object part : (Collection<?>) value) {
            parts.add(
                    part.equals(ContentParts.IMAGE)
                            ? part
                            : ContentParts.text(mark(ContentParts.texts(List.of(part)))));
        }
        return parts;
    }

    /** Tools whose texts are marked. */
    List<Map<String, Object>> markTools(List<Map<String, Object>> tools) {
        List<Map<String, Object>> marked = new ArrayList<>(tools.size());
        for (Map<String, Object> tool : tools) {
            Map<String, Object> copy = new LinkedHashMap<>();
            tool.forEach((key, value) -> copy.put(key, mark(value, NAMING.contains(key))));
            marked.add(copy);
        }
        return marked;
    }

    /** Template arguments whose texts are marked, but for those that name a token themselves. */
    Map<String, Object> markArguments(Map<String, ?> arguments) {
        Map<String, Object> marked = new LinkedHashMap<>();
        arguments.forEach((name, value) -> marked.put(name, name.endsWith(TOKEN_ARGUMENT) ? value : mark(value, true)));
        return marked;
    }

    private Object mark(Object value, boolean named) {
        return switch (value) {
            case String text -> mark(text);
            case Character character -> mark(character.toString());
            case Map<?, ?> map -> {
                Map<Object, Object> copy = new LinkedHashMap<>();
                for (Map.Entry<?, ?> entry : StableOrder.entries(map)) {
                    Object key = entry.getKey();
                    copy.put(
                            named && key instanceof String name ? mark(name) : key,
                            mark(entry.getValue(), named || NAMING.contains(key)));
                }
                yield copy;
            }
            case Collection<?> items -> {
                List<Object> copy = new ArrayList<>(items.size());
                StableOrder.items(items).forEach(item -> copy.add(mark(item, named)));
                yield copy;
            }
            case null, default -> value;
        };
    }

    private String mark(String text) {
        boolean whole = text.length() <= longest && cores.contains(text);
        StringBuilder marked = null;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean mark = whole || telling.get(c) || c == Template.MARK;
            if (mark && marked == null) {
                marked = new StringBuilder(text.length() + 16).append(text, 0, i);
            }
            if (mark) {
                marked.append(Template.MARK);
            }
            if (marked != null) {
                marked.append(c);
            }
        }
        return marked == null ? text : marked.toString();
    }

    // ---- tokens --------------------------------------------------------------------------------------------------

    /**
     * The tokens of a rendered text.
     *
     * @param outside the characters that texts of the request wrote
     */
    Encoding encode(String text, TextRanges outside) {
        Encoding plain = tokenizer.encodeWithOffsets(text, false);
        TextRanges spelled = spelled(plain, text, outside);
        return spelled.isEmpty() ? plain : tokenizer.encodeWithOffsets(text, false, spelled.bounds());
    }

    /** Where a request's texts spell control tokens, given the tokens that a text has if that is not looked at. */
    TextRanges spelled(Encoding plain, String text, TextRanges outside) {
        if (outside.isEmpty()) {
            return TextRanges.NONE;
        }
        TextRanges.Builder spelled = new TextRanges.Builder();
        for (int i = 0; i < plain.size(); i++) {
            int start = plain.start(i);
            int end = plain.end(i);
            if (ids.get(plain.id(i)) && outside.overlaps(start, end) && tokenizer.isNamed(plain, i, text)) {
                spelled.add(start, end);
            }
        }
        return spelled.build();
    }

    /** How many tokens a text of a request has. */
    int count(String text) {
        return encode(text, new TextRanges.Builder().add(0, text.length()).build())
                .size();
    }
}
