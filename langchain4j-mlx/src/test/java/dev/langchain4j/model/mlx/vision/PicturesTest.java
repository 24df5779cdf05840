package dev.langchain4j.model.mlx.vision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.image.ImageDecoder;
import dev.langchain4j.mlx.image.ImageLimits;
import dev.langchain4j.mlx.image.Resampler;
import dev.langchain4j.mlx.image.RgbImage;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Pictures of every format and mode, and many sizes and settings, against Pillow and transformers. The references are
 * made by src/test/scripts/make_pictures.py.
 */
class PicturesTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Path ROOT = Goldens.own("pictures");

    /** Decoders of JPEG and lossy WebP differ by a few levels. */
    private static final int LOSSY_LEVELS = 4;

    @TempDir
    Path folder;

    static JsonNode json(String name) throws IOException {
        return JSON.readTree(ROOT.resolve(name).toFile());
    }

    static String digest(RgbImage image) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(image.rgb()));
    }

    private static RgbImage decode(String name) throws IOException {
        return ImageDecoder.decode(Files.readAllBytes(ROOT.resolve(name)), ImageLimits.DEFAULT);
    }

    /** The same numbers as in the script. */
    private static RgbImage pattern(int height, int width) {
        byte[] rgb = new byte[3 * height * width];
        for (int i = 0; i < rgb.length; i++) {
            int x = i / 3 % width;
            int y = i / 3 / width;
            rgb[i] = (byte) (7 * x + 13 * y + 50 * (i % 3) + x * y % 31 + x * y / 11);
        }
        return new RgbImage(height, width, rgb);
    }

    static List<String> files() throws IOException {
        List<String> names = new ArrayList<>();
        json("decoded.json").fieldNames().forEachRemaining(names::add);
        return names;
    }

    @ParameterizedTest
    @MethodSource("files")
    void everyFormatAndModeBecomesTheRgbOfPillow(String name) throws Exception {
        JsonNode expected = json("decoded.json").get(name);
        RgbImage image = decode(name);
        assertThat(image.height()).isEqualTo(expected.get("height").asInt());
        assertThat(image.width()).isEqualTo(expected.get("width").asInt());
        if (expected.has("sha256")) {
            assertThat(digest(image)).isEqualTo(expected.get("sha256").asText());
        } else {
            byte[] pillow = decode("lossy/" + name + ".png").rgb();
            int worst = 0;
            for (int i = 0; i < pillow.length; i++) {
                worst = Math.max(worst, Math.abs((pillow[i] & 0xff) - (image.rgb()[i] & 0xff)));
            }
            assertThat(worst).isLessThanOrEqualTo(LOSSY_LEVELS);
        }
    }

    @Test
    void everyFilterHasPillowsBytesInEverySize() throws Exception {
        List<String> wrong = new ArrayList<>();
        for (JsonNode c : json("resized.json")) {
            RgbImage resized = Resampler.valueOf(c.get(4).asText())
                    .resize(
                            pattern(c.get(0).asInt(), c.get(1).asInt()),
                            c.get(2).asInt(),
                            c.get(3).asInt());
            if (!digest(resized).equals(c.get(5).asText())) {
                wrong.add(c.toString());
            }
        }
        assertThat(wrong).isEmpty();
    }

    static List<JsonNode> processed() throws IOException {
        List<JsonNode> cases = new ArrayList<>();
        json("processed.json").forEach(cases::add);
        return cases;
    }

    @ParameterizedTest
    @MethodSource("processed")
    void everySettingHasTheNumbersOfTransformers(JsonNode expected) throws IOException {
        ImageProcessor processor = processor(expected);
        RgbImage image =
                pattern(expected.get("height").asInt(), expected.get("width").asInt());
        if (expected.has("error")) {
            assertThatThrownBy(() -> processor.process(image, ImageBudget.AUTO))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageStartingWith("it is " + image.width() + " x " + image.height() + " pixels large");
            return;
        }
        ProcessedImage processed = processor.process(image, ImageBudget.AUTO);
        assertThat(processed.shape()).isEqualTo(JSON.treeToValue(expected.get("shape"), int[].class));
        assertThat(processed.grid()).isEqualTo(JSON.treeToValue(expected.get("grid"), int[].class));
        assertThat(new int[] {processed.height(), processed.width()})
                .isEqualTo(JSON.treeToValue(expected.get("resized"), int[].class));
        assertThat(processed.tokens()).isEqualTo(expected.get("tokens").asInt());
        for (int i = 0; i < expected.get("at").size(); i++) {
            float pixel = processed.pixels()[expected.get("at").get(i).asInt()];
            assertThat(pixel).isCloseTo((float) expected.get("pixels").get(i).asDouble(), within(1e-6f));
        }
    }

    /** A folder with the case's settings, in the layout of one of its files. */
    private ImageProcessor processor(JsonNode c) throws IOException {
        ObjectNode processor = JSON.createObjectNode().put("image_seq_len", 4);
        ObjectNode config =
                JSON.createObjectNode().put("model_type", c.get("model_type").asText());
        config.putObject("vision_config");
        if (c.get("settings").has("patch_size")) {
            processor.set("patch_size", c.get("settings").get("patch_size"));
        }
        if (c.get("height").asInt() % 2 == 0) {
            processor.set("image_processor", c.get("settings"));
        } else {
            JSON.writeValue(folder.resolve("preprocessor_config.json").toFile(), c.get("settings"));
        }
        JSON.writeValue(folder.resolve("processor_config.json").toFile(), processor);
        JSON.writeValue(folder.resolve("config.json").toFile(), config);
        return ImageProcessors.of(folder, ModelFolder.config(folder)).orElseThrow();
    }
}
