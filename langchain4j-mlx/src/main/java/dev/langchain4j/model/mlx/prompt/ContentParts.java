package dev.langchain4j.model.mlx.prompt;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Texts as lists of parts, for templates of models that see images, too, and read nothing else. */
final class ContentParts {
    private ContentParts() {}

    static List<Map<String, Object>> of(List<Map<String, Object>> messages) {
        List<Map<String, Object>> changed = new ArrayList<>(messages.size());
        for (Map<String, Object> message : messages) {
            if (message.get("content") instanceof String text) {
                Map<String, Object> part = new LinkedHashMap<>();
                part.put("type", "text");
                part.put("text", text);
                Map<String, Object> copy = new LinkedHashMap<>(message);
                copy.put("content", List.of(part));
                changed.add(copy);
            } else {
                changed.add(message);
            }
        }
        return changed;
    }
}
