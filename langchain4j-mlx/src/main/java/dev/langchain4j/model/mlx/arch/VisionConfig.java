package dev.langchain4j.model.mlx.arch;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.vision.ProcessedImage;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** What the towers of several families ask of config.json, tensors and pictures. */
final class VisionConfig {
    private VisionConfig() {}

    /** The section of the tower, with values for fields that it does not have; names and values by turns. */
    static ModelConfig of(ModelConfig c, Object... defaults) {
        return c.section("vision_config").withDefaults(defaults);
    }

    /** Puts {@code vision_model.} into the names of a tower that lack it, as newer raw folders do. */
    static void nameModel(Map<String, MlxArray> tensors) {
        for (String name : List.copyOf(tensors.keySet())) {
            if (name.startsWith("vision_tower.") && !name.startsWith("vision_tower.vision_model.")) {
                String plain = "vision_tower.vision_model." + name.substring("vision_tower.".length());
                tensors.put(plain, tensors.remove(name));
            }
        }
    }

    /**
     * The pixels of a picture as [pictures, channels, height, width], where there is one picture or a row of tiles.
     *
     * @param side what height and width must reach: pixels of the smallest picture that becomes a token
     */
    static MlxArray pixels(ProcessedImage image, int channels, int side) {
        int[] shape = image.shape();
        int[] batch = shape.length == 3 ? new int[] {1, shape[0], shape[1], shape[2]} : shape;
        if (batch.length != 4 || batch[1] != channels || batch[2] < side || batch[3] < side) {
            throw new IllegalArgumentException("pixels of shape " + Arrays.toString(shape) + " must have " + channels
                    + " channels, and at least " + side + " pixels a side");
        }
        return MlxArray.of(image.pixels(), batch);
    }
}
