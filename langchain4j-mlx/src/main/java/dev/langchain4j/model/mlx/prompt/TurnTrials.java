package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.prompt.FittedMessages.Extent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/**
 * Tries on a chat template what a conversation may have that is not in order, when the first conversation has it. Each
 * sample is rendered as it is, and mended; what the mended one does not show either is no reason to mend. Thread-safe.
 */
final class TurnTrials {
    private static final String TOOL = "probe_tool_7zq";
    private static final String MARK = "probe7zq";

    private record Key(Irregularity what, boolean system) {}

    /** A conversation, and the words that it should show in this order. */
    private record Sample(List<Map<String, Object>> messages, List<String> words) {}

    private final Function<Map<String, Object>, String> render;
    private final List<Map<String, Object>> tools;
    private final Map<Key, Boolean> known = new ConcurrentHashMap<>();

    /** Null before it was tried. */
    private volatile Boolean refusesCalls;

    /**
     * Trials of a template.
     *
     * @param render renders variables, or throws
     * @param tools what is offered meanwhile
     */
    TurnTrials(Function<Map<String, Object>, String> render, List<Map<String, Object>> tools) {
        this.render = render;
        this.tools = tools;
    }

    boolean says(Irregularity what, boolean system, TemplateAbilities can) {
        Boolean says = known.get(new Key(what, system));
        if (says == null) {
            says = what == Irregularity.RESULTS_MIXED
                    ? tellsApart(what.samples().getFirst(), can)
                    : what.samples().stream().allMatch(sample -> says((system ? "s" : "") + sample, can));
            known.put(new Key(what, system), says);
        }
        return says;
    }

    /** See {@link TemplateAbilities#refusesCalls()}. */
    boolean refusesCalls(TemplateAbilities can) {
        Boolean refuses = refusesCalls;
        if (refuses == null) {
            refuses = render(sample("ucr").messages, can, Extent.NOTHING) == null;
            refusesCalls = refuses;
        }
        return refuses;
    }

    private boolean says(String letters, TemplateAbilities can) {
        Sample sample = sample(letters);
        String plain = render(sample.messages, can, Extent.NOTHING);
        int shown = shown(sample.words, plain);
        if (shown == sample.words.size()) {
            return !takesForQuestion(sample, plain, can);
        }
        return shown >= shown(sample.words, render(sample.messages, can, Extent.ALL));
    }

    /** Whether it shows in the text whose results the last two messages are. */
    private boolean tellsApart(String letters, TemplateAbilities can) {
        List<Map<String, Object>> messages = sample(letters).messages;
        String text = render(messages, can, Extent.NOTHING);
        Map<String, Object> first = new LinkedHashMap<>(messages.get(messages.size() - 2));
        Map<String, Object> second = new LinkedHashMap<>(messages.getLast());
        Object id = first.put("tool_call_id", second.get("tool_call_id"));
        second.put("tool_call_id", id);
        messages.set(messages.size() - 2, first);
        messages.set(messages.size() - 1, second);
        return text == null || !text.equals(render(messages, can, Extent.NOTHING));
    }

    /** Whether the template writes the first message as if the user had said it. */
    private boolean takesForQuestion(Sample sample, String text, TemplateAbilities can) {
        List<Map<String, Object>> asked = new ArrayList<>(sample.messages);
        for (int i = 0; i < asked.size(); i++) {
            Map<String, Object> message = asked.get(i);
            if (!"system".equals(message.get("role"))) {
                asked.set(i, map("role", "user", "content", message.get("content")));
                return !"user".equals(message.get("role")) && text.equals(render(asked, can, Extent.NOTHING));
            }
        }
        return false;
    }

    /** The text, or null where the template refuses. */
    private String render(List<Map<String, Object>> messages, TemplateAbilities can, Extent extent) {
        Map<String, Object> variables = new LinkedHashMap<>();
        variables.put(
                "messages",
                FittedMessages.of(messages, tools, can, extent, variables).messages());
        variables.put("documents", null);
        variables.put("add_generation_prompt", true);
        try {
            return render.apply(variables);
        } catch (TemplateException e) {
            return null;
        }
    }

    /** How many words stand in a text, each behind the one before it; -1 for no text. */
    private static int shown(List<String> words, String text) {
        int shown = text == null ? -1 : 0;
        int from = 0;
        for (String word : words) {
            int at = text == null ? -1 : text.indexOf(word, from);
            if (at >= 0) {
                shown++;
                from = at + word.length();
            }
        }
        return shown;
    }

    /** See {@link Irregularity} for the letters. */
    private static Sample sample(String letters) {
        List<Map<String, Object>> messages = new ArrayList<>();
        List<String> words = new ArrayList<>();
        List<String> called = List.of();
        for (int i = 0; i < letters.length(); i++) {
            char letter = letters.charAt(i);
            String word = MARK + (char) ('a' + i);
            List<String> ids = ids(letter, i);
            Map<String, Object> message =
                    switch (letter) {
                        case 's' -> map("role", "system", "content", word);
                        case 'u' -> map("role", "user", "content", word);
                        case 'q' -> map("role", "user", "content", "");
                        case 'a' -> map("role", "assistant", "content", word);
                        case 'e' -> map("role", "assistant", "content", "");
                        case 't' ->
                            map("role", "assistant", "content", "", "reasoning_content", word, "thinking", word);
                        case 'o' -> result(ids.getFirst(), word, TOOL);
                        case 'f' -> result(called.getFirst(), word, TOOL);
                        case 'r' -> result(called.getLast(), word, TOOL);
                        case 'z' -> result(called.getLast(), "", TOOL);
                        case 'm' -> result(called.getLast(), word, null);
                        case 'c', 'x', 'n', 'h', 'l', 'd', 'w', 'k', 'j' ->
                            calling(ids, letter == 'x' ? word : map("city", word));
                        default -> throw new IllegalArgumentException("no such message: " + letter);
                    };
            called = message.containsKey("tool_calls") ? ids : called;
            messages.add(message);
            if ("qetz".indexOf(letter) < 0 && (letter != 's' || letters.length() == 1)) {
                words.add(word);
            }
        }
        return new Sample(messages, words);
    }

    private static List<String> ids(char letter, int position) {
        return switch (letter) {
            case 'n' -> Collections.singletonList(null);
            case 'w' -> Arrays.asList(null, null);
            case 'd', 'k' -> List.of(MARK + "1", MARK + "2");
            case 'j' -> List.of(MARK + "2");
            case 'h' -> List.of("c" + position);
            case 'l' -> List.of("call_0123456789abcdefghij" + position);
            default -> List.of(MARK + position);
        };
    }

    private static Map<String, Object> calling(List<String> ids, Object arguments) {
        List<Object> calls = new ArrayList<>();
        for (String id : ids) {
            Map<String, Object> call = map("type", "function", "function", map("name", TOOL, "arguments", arguments));
            if (id != null) {
                call.put("id", id);
            }
            calls.add(call);
        }
        return map("role", "assistant", "content", "", "tool_calls", calls);
    }

    private static Map<String, Object> result(String id, String text, String name) {
        Map<String, Object> result = map("role", "tool", "content", text);
        if (name != null) {
            result.put("name", name);
        }
        if (id != null) {
            result.put("tool_call_id", id);
        }
        return result;
    }

    private static Map<String, Object> map(Object... pairs) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            map.put((String) pairs[i], pairs[i + 1]);
        }
        return map;
    }
}
