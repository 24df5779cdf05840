package dev.langchain4j.model.mlx.vision;

import dev.langchain4j.exception.InvalidRequestException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The pictures of a prompt and their places. A prompt with pictures has two lists of ids: what the model is fed, where
 * the tokens of a picture are all the same, and what caches compare, where they are those of {@link ImageKey#ids}.
 *
 * @param fed the ids that the model is fed; not to be changed
 * @param places of the pictures, in order
 * @param imageToken the id at tokens that receive features
 */
public record PromptPictures(int[] fed, List<Place> places, int imageToken) {

    /**
     * A picture that is ready for a tower.
     *
     * @param image what the tower reads
     * @param key what tells it from others
     */
    public record Picture(ProcessedImage image, ImageKey key) {}

    /**
     * Where a picture is: {@code [start, end)}, from its first token that receives features to its last. Tokens that do
     * not, such as those for the ends of rows, may stand between.
     */
    public record Place(Picture picture, int start, int end) {}

    /** Keeps its own list. */
    public PromptPictures {
        places = List.copyOf(places);
    }

    /**
     * Finds the places of pictures in a tokenized prompt.
     *
     * @throws InvalidRequestException if the prompt has more or fewer image tokens than the pictures need
     */
    public static PromptPictures of(int[] fed, List<Picture> pictures, int imageToken) {
        List<Place> places = new ArrayList<>();
        int position = 0;
        for (Picture picture : pictures) {
            int start = -1;
            int missing = picture.image().tokens();
            for (; missing > 0 && position < fed.length; position++) {
                if (fed[position] == imageToken) {
                    start = start < 0 ? position : start;
                    missing--;
                }
            }
            if (missing > 0) {
                throw mismatch(fed, pictures, imageToken);
            }
            places.add(new Place(picture, start, position));
        }
        for (int i = position; i < fed.length; i++) {
            if (fed[i] == imageToken) {
                throw mismatch(fed, pictures, imageToken);
            }
        }
        return new PromptPictures(fed, places, imageToken);
    }

    private static InvalidRequestException mismatch(int[] fed, List<Picture> pictures, int imageToken) {
        long found = Arrays.stream(fed).filter(id -> id == imageToken).count();
        int needed = pictures.stream().mapToInt(p -> p.image().tokens()).sum();
        return new InvalidRequestException("the prompt has " + found + " image tokens, but its " + pictures.size()
                + " images need " + needed + ": the chat template must write each image once, and texts must not");
    }

    /** The ids that caches compare: negative at the places of pictures. */
    public int[] keys() {
        int[] keys = fed.clone();
        for (Place place : places) {
            int length = place.end - place.start;
            System.arraycopy(place.picture.key.ids(length), 0, keys, place.start, length);
        }
        return keys;
    }

    /** The same of the first tokens of the prompt only; they must not end inside of a picture. */
    public PromptPictures first(int tokens) {
        return new PromptPictures(
                Arrays.copyOf(fed, tokens),
                places.stream().filter(place -> place.end <= tokens).toList(),
                imageToken);
    }

    /** How many tokens receive features. */
    public int imageTokens() {
        return places.stream().mapToInt(place -> place.picture.image.tokens()).sum();
    }
}
