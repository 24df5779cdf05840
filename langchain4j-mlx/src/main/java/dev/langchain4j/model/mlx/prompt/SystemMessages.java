package dev.langchain4j.model.mlx.prompt;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Puts system messages where a template can express them. Several at the beginning become one; where there is no place
 * for one, its text leads the next user message, or ends the last one if none follows.
 */
final class SystemMessages {
    private static final String BREAK = "\n\n";

    private SystemMessages() {}

    /**
     * The messages themselves if the template can express them, else others.
     *
     * @param origins gets the index of the message that each of the result came from
     */
    static List<Map<String, Object>> place(
            List<Map<String, Object>> messages, TemplateAbilities can, List<Integer> origins) {
        int leading = 0;
        while (leading < messages.size() && isSystem(messages.get(leading))) {
            leading++;
        }
        boolean late = messages.stream().skip(leading).anyMatch(SystemMessages::isSystem);
        boolean leadingFits = leading == 0 || can.system() && (leading == 1 || can.severalSystem());
        if (leadingFits && (!late || can.lateSystem())) {
            for (int i = 0; i < messages.size(); i++) {
                origins.add(i);
            }
            return messages;
        }
        List<Map<String, Object>> placed = new ArrayList<>();
        List<String> waiting = new ArrayList<>();
        for (int i = 0; i < messages.size(); i++) {
            Map<String, Object> message = messages.get(i);
            if (isSystem(message) && !(i < leading ? leadingFits : can.lateSystem())) {
                waiting.add(String.valueOf(message.get("content")));
                if (i == leading - 1 && can.system()) {
                    placed.add(message("system", String.join(BREAK, waiting)));
                    origins.add(i);
                    waiting.clear();
                }
            } else if (!waiting.isEmpty() && "user".equals(message.get("role"))) {
                waiting.add(String.valueOf(message.get("content")));
                placed.add(with(message, waiting));
                origins.add(i);
                waiting.clear();
            } else {
                placed.add(message);
                origins.add(i);
            }
        }
        if (!waiting.isEmpty()) {
            append(placed, waiting, origins, messages.size() - 1);
        }
        return placed;
    }

    private static void append(
            List<Map<String, Object>> placed, List<String> waiting, List<Integer> origins, int lastMessage) {
        int last = placed.size() - 1;
        if (last >= 0 && "user".equals(placed.get(last).get("role"))) {
            List<String> texts = new ArrayList<>(waiting);
            texts.addFirst(String.valueOf(placed.get(last).get("content")));
            placed.set(last, with(placed.get(last), texts));
        } else {
            placed.add(message("user", String.join(BREAK, waiting)));
            origins.add(lastMessage);
        }
    }

    private static boolean isSystem(Map<String, Object> message) {
        return "system".equals(message.get("role"));
    }

    private static Map<String, Object> message(String role, String content) {
        Map<String, Object> message = new LinkedHashMap<>();
        message.put("role", role);
        message.put("content", content);
        return message;
    }

    private static Map<String, Object> with(Map<String, Object> message, List<String> texts) {
        Map<String, Object> changed = new LinkedHashMap<>(message);
        changed.put("content", String.join(BREAK, texts));
        return changed;
    }
}
