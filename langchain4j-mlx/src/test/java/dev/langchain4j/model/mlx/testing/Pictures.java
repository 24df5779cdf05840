package dev.langchain4j.model.mlx.testing;

import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.vision.ImageProcessors;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Random;
import javax.imageio.ImageIO;

/** Pictures for tests: noise, another one for each seed. */
public final class Pictures {
    private Pictures() {}

    /** The file of a picture. */
    public static byte[] png(int width, int height, int seed) {
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        Random random = new Random(seed);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                image.setRGB(x, y, random.nextInt(1 << 24));
            }
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            ImageIO.write(image, "png", out);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    /** A picture in a message, in the detail that the folder of a model says. */
    public static ImageContent noise(int width, int height, int seed) {
        String data = Base64.getEncoder().encodeToString(png(width, height, seed));
        return ImageContent.from(data, "image/png", ImageContent.DetailLevel.AUTO);
    }

    /** What the chat template of a folder writes for a picture. */
    public static String placeholder(Path folder) {
        return ImageProcessors.of(folder, ModelFolder.config(folder))
                .orElseThrow()
                .placeholder();
    }
}
