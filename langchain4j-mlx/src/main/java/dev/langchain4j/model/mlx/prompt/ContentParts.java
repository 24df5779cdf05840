package dev.langchain4j.model.mlx.prompt;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Contents as lists of parts: of messages with images, and of texts for templates of models that see images, too, and
 * read nothing else.
 */
final class ContentParts {
    static final String TYPE = "type";
    /** The part that stands for an image. */
    static final Map<String, Object> IMAGE = Map.of(TYPE, "image");

    private ContentParts() {}

    static Map<String, Object> text(String text) {
        Map<String, Object> part = new LinkedHashMap<>();
        part.put(TYPE, "text");
        part.put("text", text);
        return part;
    }

    /** The parts of a content, be it a text or a list of them; none for a text that is blank. */
    static List<Object> of(Object content) {
        if (content instanceof Collection<?> parts) {
            return new ArrayList<>(parts);
        }
        return content instanceof String text && !text.isBlank()
                ? new ArrayList<>(List.of(text(text)))
                : new ArrayList<>();
    }

    /** Whether a content has images. */
    static boolean hasImages(Object content) {
        return content instanceof Collection<?> parts && parts.contains(IMAGE);
    }

    /** The images of a content. */
    static List<Object> images(Object content) {
        return new ArrayList<>(of(content).stream().filter(IMAGE::equals).toList());
    }

    /** The texts of a content, one behind the other. */
    static String texts(Object content) {
        if (content instanceof Collection<?> parts) {
            return parts.stream()
                    .filter(part -> part instanceof Map<?, ?> map && map.get("text") instanceof String)
                    .map(part -> (String) ((Map<?, ?>) part).get("text"))
                    .collect(Collectors.joining("\n"));
        }
        return content instanceof String text ? text : "";
    }

    static List<Map<String, Object>> of(List<Map<String, Object>> messages) {
        List<Map<String, Object>> changed = new ArrayList<>(messages.size());
        for (Map<String, Object> message : messages) {
            if (message.get("content") instanceof String text) {
                Map<String, Object> copy = new LinkedHashMap<>(message);
                copy.put("content", List.of(text(text)));
                changed.add(copy);
            } else {
                changed.add(message);
            }
        }
        return changed;
    }
}
