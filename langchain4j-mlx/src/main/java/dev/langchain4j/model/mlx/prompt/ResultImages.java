package dev.langchain4j.model.mlx.prompt;

import static dev.langchain4j.model.mlx.prompt.MappedMessages.message;
import static dev.langchain4j.model.mlx.prompt.MappedMessages.text;
import static dev.langchain4j.model.mlx.prompt.MappedMessages.with;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Images of tool results that the template does not show there: they are the user's, behind the results. */
final class ResultImages {
    /** The text of a result that is an image. */
    static final String FOLLOWS = "The result is the image that follows.";

    private final List<Object> images = new ArrayList<>();
    /** The results that they were taken from. */
    private final List<Integer> results = new ArrayList<>();

    /** A result without its images, which are kept; itself if it has none. */
    Map<String, Object> takenFrom(Map<String, Object> result, int index) {
        if (!ContentParts.hasImages(result.get("content"))) {
            return result;
        }
        if (images.isEmpty()) {
            results.clear();
        }
        images.addAll(ContentParts.images(result.get("content")));
        results.add(index);
        String text = text(result);
        return with(result, "content", text.isBlank() ? FOLLOWS : text);
    }

    boolean isEmpty() {
        return images.isEmpty();
    }

    /** The results that they were taken from. */
    List<Integer> results() {
        return results;
    }

    /** A message of the user's that shows them; they are not kept any more. */
    Map<String, Object> shown() {
        Map<String, Object> shown = message("user", List.copyOf(images));
        images.clear();
        return shown;
    }

    /** A result as the user's, with its images. */
    static Object told(Map<String, Object> result) {
        Object name = result.get("name");
        String text = "Result of " + (name == null ? "a tool" : "the tool " + name) + ":\n" + text(result);
        List<Object> parts = ContentParts.images(result.get("content"));
        parts.addFirst(ContentParts.text(text));
        return parts.size() == 1 ? text : parts;
    }
}
