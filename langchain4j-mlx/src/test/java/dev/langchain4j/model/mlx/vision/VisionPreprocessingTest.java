package dev.langchain4j.model.mlx.vision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.image.ImageDecoder;
import dev.langchain4j.mlx.image.ImageLimits;
import dev.langchain4j.mlx.image.Resampler;
import dev.langchain4j.mlx.image.RgbImage;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * From a picture's file to pixels and tokens, as transformers has them: each case of {@code vision} in the folder of
 * {@code -Dgoldens}, else those of the test resources.
 */
class VisionPreprocessingTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final double PNG_TOLERANCE = 1e-6;

    /** Decoders of JPEG differ by a few levels. */
    private static final double JPEG_LEVELS = 3;

    private static final Path ROOT = root();
    private static int passed;
    private static int all;

    private static Path root() {
        boolean given = !System.getProperty("goldens", "").isEmpty();
        return given ? Goldens.folder("vision") : Goldens.own("vision-inputs");
    }

    /** A case, such as {@code gemma3/cases/two}. */
    static List<String> cases() throws IOException {
        try (Stream<Path> files = Files.walk(ROOT)) {
            List<String> cases = files.filter(f -> f.endsWith("case.json"))
                    .map(f -> ROOT.relativize(f.getParent()).toString())
                    .sorted()
                    .toList();
            all = cases.size();
            return cases;
        }
    }

    static List<String> pictures() throws IOException {
        List<String> names = new ArrayList<>();
        JSON.readTree(ROOT.resolve("images/images.json").toFile()).fieldNames().forEachRemaining(names::add);
        return names;
    }

    static List<String> resizes() {
        return new TensorFile(ROOT.resolve("images/resize.safetensors")).names();
    }

    @AfterAll
    static void report() {
        Goldens.report("VisionPreprocessingTest", passed, all);
    }

    private static RgbImage picture(String name) throws IOException {
        return ImageDecoder.decode(Files.readAllBytes(ROOT.resolve("images").resolve(name)), ImageLimits.DEFAULT);
    }

    @ParameterizedTest
    @MethodSource("pictures")
    void aDecodedPictureIsTurnedAndHasPillowsBytes(String name) throws Exception {
        JsonNode expected =
                JSON.readTree(ROOT.resolve("images/images.json").toFile()).get(name);
        RgbImage image = picture(name);
        assertThat(image.height()).isEqualTo(expected.get("height").asInt());
        assertThat(image.width()).isEqualTo(expected.get("width").asInt());
        if (!name.endsWith(".jpg")) {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(image.rgb());
            assertThat(HexFormat.of().formatHex(digest))
                    .isEqualTo(expected.get("rgb_sha256").asText());
        }
    }

    /** Names are {@code PICTURE/HEIGHTxWIDTH/FILTER}. */
    @ParameterizedTest
    @MethodSource("resizes")
    void aResizedPictureHasPillowsBytes(String name) throws IOException {
        TensorFile file = new TensorFile(ROOT.resolve("images/resize.safetensors"));
        String[] parts = name.split("/");
        int[] shape = file.shape(name);
        RgbImage resized =
                Resampler.valueOf(parts[2].toUpperCase(Locale.ROOT)).resize(picture(parts[0]), shape[0], shape[1]);
        assertThat(Arrays.equals(resized.rgb(), file.bytes(name))).isTrue();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void pixelsAndTokensAreThoseOfTheReference(String name) throws IOException {
        Path folder = ROOT.resolve(name);
        Path model = folder.resolve("../../model").normalize();
        JsonNode expected = JSON.readTree(folder.resolve("case.json").toFile());
        ImageProcessor processor =
                ImageProcessors.of(model, ModelFolder.config(model)).orElseThrow();
        List<RgbImage> images = new ArrayList<>();
        for (JsonNode image : expected.get("images")) {
            images.add(picture(image.asText()));
        }
        if (expected.has("error")) {
            assertThatThrownBy(() -> images.forEach(i -> processor.process(i, ImageBudget.AUTO)))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContaining("at most 200 times");
        } else {
            TensorFile golden = new TensorFile(folder.resolve("golden.safetensors"));
            List<ProcessedImage> processed = images.stream()
                    .map(i -> processor.process(i, ImageBudget.AUTO))
                    .toList();
            for (int i = 0; i < processed.size(); i++) {
                String file = expected.get("images").get(i).asText();
                checkPixels(processed.get(i), golden, i, file.endsWith(".jpg") ? deviation(model) : PNG_TOLERANCE);
                checkSizes(processed.get(i), golden, i, expected);
            }
            checkTokens(processor, processed, golden, expected, model);
        }
        passed++;
    }

    /** By how much numbers differ where levels do. */
    private static double deviation(Path model) throws IOException {
        double smallest = 1;
        for (JsonNode value : JSON.readTree(
                        model.resolve("preprocessor_config.json").toFile())
                .path("image_std")) {
            smallest = Math.min(smallest, value.asDouble());
        }
        return JPEG_LEVELS / 255 / smallest;
    }

    private static void checkPixels(ProcessedImage image, TensorFile golden, int index, double tolerance) {
        String name = "pixels." + index;
        assertThat(image.shape()).isEqualTo(golden.shape(name));
        float[] expected = golden.floats(name);
        double worst = 0;
        for (int i = 0; i < expected.length; i++) {
            worst = Math.max(worst, Math.abs(expected[i] - image.pixels()[i]));
        }
        assertThat(worst).as("pixels of picture %d", index).isLessThanOrEqualTo(tolerance);
    }

    private static void checkSizes(ProcessedImage image, TensorFile golden, int index, JsonNode expected) {
        JsonNode resized = expected.path("resized").path(index);
        if (!resized.isMissingNode()) {
            assertThat(image.height()).isEqualTo(resized.get(0).asInt());
            assertThat(image.width()).isEqualTo(resized.get(1).asInt());
        }
        for (String name : List.of("grid_thw", "tiles")) {
            if (golden.has(name)) {
                int columns = golden.shape(name)[1];
                int[] row = new int[columns];
                System.arraycopy(golden.ints(name), index * columns, row, 0, columns);
                assertThat(image.grid()).as(name).isEqualTo(row);
            }
        }
    }

    private static void checkTokens(
            ImageProcessor processor, List<ProcessedImage> images, TensorFile golden, JsonNode expected, Path model)
            throws IOException {
        StringBuilder prompt = new StringBuilder(expected.get("prompt").asText());
        int place = 0;
        for (ProcessedImage image : images) {
            String expansion = processor.expansion(image);
            place = prompt.indexOf(processor.placeholder(), place);
            prompt.replace(place, place + processor.placeholder().length(), expansion);
            place += expansion.length();
        }
        assertThat(prompt.indexOf(processor.placeholder(), place)).isNegative();
        int[] tokens;
        try (Tokenizer tokenizer = Tokenizer.fromFile(model.resolve("tokenizer.json"))) {
            tokens = tokenizer.encode(prompt.toString(), false);
        }
        assertThat(tokens).isEqualTo(golden.ints("prompt"));
        int imageTokens = images.stream().mapToInt(ProcessedImage::tokens).sum();
        assertThat(imageTokens).isEqualTo(expected.get("image_tokens").asInt());
        assertThat(Arrays.stream(tokens).filter(token -> token == processor.imageToken()))
                .hasSize(imageTokens);
    }
}
