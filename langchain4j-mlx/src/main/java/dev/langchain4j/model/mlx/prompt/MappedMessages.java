package dev.langchain4j.model.mlx.prompt;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** How to read and copy messages as {@link MessageMapper} makes them. */
final class MappedMessages {
    /** Between texts that become one. */
    static final String BREAK = "\n\n";

    private MappedMessages() {}

    static String text(Map<String, Object> message) {
        return ContentParts.texts(message.get("content"));
    }

    @SuppressWarnings("unchecked") // the mapper makes lists of such maps only
    static List<Map<String, Object>> callsOf(Map<String, Object> message) {
        return message.get("tool_calls") instanceof List<?> calls ? (List<Map<String, Object>>) calls : List.of();
    }

    @SuppressWarnings("unchecked") // as above
    static Map<String, Object> function(Map<String, Object> call) {
        return (Map<String, Object>) call.get("function");
    }

    static Map<String, Object> message(String role, Object content) {
        Map<String, Object> message = new LinkedHashMap<>();
        message.put("role", role);
        message.put("content", content);
        return message;
    }

    /**
     * A copy with another value, in the place of the key if it was there; no key at all for null. The map itself if it
     * has this very value.
     */
    static Map<String, Object> with(Map<String, Object> map, String key, Object value) {
        if (value != null && map.get(key) == value) {
            return map;
        }
        Map<String, Object> changed = new LinkedHashMap<>(map);
        if (value == null) {
            changed.remove(key);
        } else {
            changed.put(key, value);
        }
        return changed;
    }

    /** Two messages of the same role as one, with the texts of both; all else is the second's. */
    static Map<String, Object> joined(Map<String, Object> before, Map<String, Object> message) {
        Map<String, Object> joined = new LinkedHashMap<>(before);
        joined.putAll(message);
        for (String key : List.of("content", "reasoning_content", "thinking")) {
            if (before.get(key) instanceof String first && !first.isBlank()) {
                boolean more = message.get(key) instanceof String text && !text.isBlank();
                joined.put(key, more ? first + BREAK + message.get(key) : first);
            }
        }
        if (ContentParts.hasImages(before.get("content")) || ContentParts.hasImages(message.get("content"))) {
            List<Object> parts = ContentParts.of(before.get("content"));
            parts.addAll(ContentParts.of(message.get("content")));
            joined.put("content", parts);
        }
        return joined;
    }

    /** One of a message's calls as a message of its own; the first has the text and the reasoning. */
    static Map<String, Object> single(Map<String, Object> message, int call) {
        Map<String, Object> single =
                with(message, "tool_calls", List.of(callsOf(message).get(call)));
        if (call > 0) {
            single.put("content", "");
            single.remove("reasoning_content");
            single.remove("thinking");
        }
        return single;
    }

    /** For each of the messages behind calls the index of the call that it is the result of, or null. */
    static Integer[] pairs(List<Map<String, Object>> calls, List<Map<String, Object>> behind) {
        Integer[] callOf = new Integer[behind.size()];
        boolean[] answered = new boolean[calls.size()];
        for (int strictness = 2; strictness >= 0; strictness--) {
            for (int i = 0; i < callOf.length; i++) {
                boolean result = "tool".equals(behind.get(i).get("role"));
                for (int k = 0; k < calls.size() && result && callOf[i] == null; k++) {
                    if (!answered[k] && belongs(behind.get(i), calls.get(k), strictness)) {
                        callOf[i] = k;
                        answered[k] = true;
                    }
                }
            }
        }
        return callOf;
    }

    /** Whether results come in another order than their calls. */
    static boolean isMixed(Integer[] callOf) {
        int last = -1;
        for (Integer call : callOf) {
            if (call != null && call < last) {
                return true;
            }
            last = call == null ? last : call;
        }
        return false;
    }

    /** A message whose calls are in the order of their results; those without any come last. */
    static Map<String, Object> inOrder(Map<String, Object> message, Integer[] callOf) {
        Set<Integer> order = new LinkedHashSet<>(Arrays.asList(callOf));
        order.remove(null);
        List<Map<String, Object>> calls = callsOf(message);
        for (int k = 0; k < calls.size(); k++) {
            order.add(k);
        }
        return with(message, "tool_calls", order.stream().map(calls::get).toList());
    }

    /** Whether a result is that of a call: by their IDs, else by the tool if one has no ID, else by the tool alone. */
    private static boolean belongs(Map<String, Object> result, Map<String, Object> call, int strictness) {
        Object id = call.get("id");
        Object of = result.get("tool_call_id");
        if (strictness == 2) {
            return id != null && id.equals(of);
        }
        Object name = result.get("name");
        boolean sameTool = name == null || name.equals(function(call).get("name"));
        return sameTool && (strictness == 0 || id == null || of == null);
    }
}
