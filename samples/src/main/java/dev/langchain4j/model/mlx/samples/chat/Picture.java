package dev.langchain4j.model.mlx.samples.chat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.data.message.ImageContent;
import java.util.ArrayList;
import java.util.List;

/**
 * A picture that a page sent.
 *
 * @param data its file as a data URL
 * @param thumbnail a small copy, as a data URL
 */
record Picture(String data, String thumbnail) {
    private static final int PICTURES_MAX = 4;
    private static final int THUMBNAIL_LENGTH_MAX = 100_000;

    /** Checks that these are data URLs: the page's word is not good for any other. */
    Picture {
        if (!data.startsWith("data:image/") || !thumbnail.startsWith("data:image/")) {
            throw new IllegalArgumentException("pictures must be data URLs");
        }
        if (thumbnail.length() > THUMBNAIL_LENGTH_MAX) {
            throw new IllegalArgumentException("thumbnails must have at most " + THUMBNAIL_LENGTH_MAX + " characters");
        }
    }

    static List<Picture> of(JsonNode pictures) {
        List<Picture> all = new ArrayList<>();
        pictures.forEach(picture -> all.add(new Picture(
                picture.path("data").asText(""), picture.path("thumbnail").asText(""))));
        if (all.size() > PICTURES_MAX) {
            throw new IllegalArgumentException("pictures (" + all.size() + ") must be at most " + PICTURES_MAX);
        }
        return all;
    }

    ImageContent content() {
        return ImageContent.from(data, ImageContent.DetailLevel.AUTO);
    }
}
