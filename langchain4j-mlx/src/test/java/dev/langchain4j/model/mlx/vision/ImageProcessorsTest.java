package dev.langchain4j.model.mlx.vision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.ImageContent.DetailLevel;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.image.ImageLimits;
import dev.langchain4j.mlx.image.RgbImage;
import dev.langchain4j.model.mlx.model.ModelFolder;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What processors read from a folder, and what they do where it says nothing. */
class ImageProcessorsTest {
    private static final RgbImage LARGE = new RgbImage(1500, 2000, new byte[3 * 1500 * 2000]);

    @TempDir
    Path folder;

    private Optional<ImageProcessor> optional(String modelType, String preprocessor) throws IOException {
        return optional("{'model_type': '%s', 'vision_config': {}}".formatted(modelType), preprocessor, "{}");
    }

    private Optional<ImageProcessor> optional(String config, String preprocessor, String tokenizer) throws IOException {
        Files.writeString(folder.resolve("config.json"), config.replace('\'', '"'));
        Files.writeString(folder.resolve("preprocessor_config.json"), preprocessor.replace('\'', '"'));
        Files.writeString(folder.resolve("tokenizer_config.json"), tokenizer.replace('\'', '"'));
        return ImageProcessors.of(folder, ModelFolder.config(folder));
    }

    private ImageProcessor processor(String modelType, String preprocessor) throws IOException {
        return optional(modelType, preprocessor).orElseThrow();
    }

    @Test
    void aModelThatDoesNotSeeHasNone() throws IOException {
        assertThat(optional("llama", "{}")).isEmpty();
        assertThat(optional("{'model_type': 'gemma3'}", "{}", "{}")).isEmpty();
        assertThat(optional("{}", "{}", "{}")).isEmpty();
    }

    /** Pixtral's folders for transformers are of type llava; those with another tower have other pictures. */
    @Test
    void llavaSeesAsItsTowerDoes() throws IOException {
        String config = "{'model_type': 'llava', 'image_token_index': 10, 'vision_config': {'model_type': '%s'}}";
        ImageProcessor pixtral =
                optional(config.formatted("pixtral"), "{}", "{}").orElseThrow();
        assertThat(pixtral.placeholder()).isEqualTo("[IMG]");
        assertThat(pixtral.process(LARGE, ImageBudget.AUTO).tokens()).isEqualTo(64 * 48);
        assertThat(optional(config.formatted("clip_vision_model"), "{}", "{}")).isEmpty();
    }

    /** Numbers are those of released models, whose folders have these settings. */
    @ParameterizedTest
    @CsvSource({
        "gemma4, AUTO, 266",
        "gemma4, LOW, 63",
        "gemma4, MEDIUM, 266",
        "gemma4, HIGH, 540",
        "gemma4, ULTRA_HIGH, 1064",
        "qwen3_vl, AUTO, 2914",
        "qwen3_vl, LOW, 234",
        "qwen3_vl, MEDIUM, 972",
        "qwen3_vl, HIGH, 2914",
        "qwen3_vl, ULTRA_HIGH, 2914",
        "gemma3, LOW, 256",
        "gemma3, ULTRA_HIGH, 256"
    })
    void detailLevelsAreBudgetsOfTokens(String modelType, DetailLevel level, int tokens) throws IOException {
        String settings = modelType.equals("qwen3_vl")
                ? "{'patch_size': 16, 'merge_size': 2, 'size': {'shortest_edge': 65536, 'longest_edge': 16777216}}"
                : "{}";
        ProcessedImage image = processor(modelType, settings).process(LARGE, ImageBudget.of(level));
        assertThat(image.tokens()).isEqualTo(tokens);
    }

    @Test
    void noDetailLevelIsWhatTheFolderSays() {
        assertThat(ImageBudget.of(null)).isEqualTo(ImageBudget.AUTO);
    }

    @Test
    void aBudgetIsNeverMoreThanTheFolderAllowsNorLessThanItsLeast() throws IOException {
        String small = "{'patch_size': 16, 'merge_size': 2, 'min_pixels': 400000, 'max_pixels': 500000}";
        ImageProcessor qwen = processor("qwen3_5", small);
        int auto = qwen.process(LARGE, ImageBudget.AUTO).tokens();
        assertThat(qwen.process(LARGE, ImageBudget.HIGH).tokens()).isEqualTo(auto);
        assertThat(qwen.process(LARGE, ImageBudget.LOW).tokens()).isBetween(350, auto);
        ImageProcessor gemma = processor("gemma4", "{'max_soft_tokens': 1120}");
        assertThat(gemma.process(LARGE, ImageBudget.ULTRA_HIGH).tokens())
                .isEqualTo(gemma.process(LARGE, ImageBudget.AUTO).tokens());
    }

    @Test
    void whateverChangesPixelsIsInTheSettings() throws IOException {
        String[] settings = {
            "{}",
            "{'resample': 1}",
            "{'rescale_factor': 0.5}",
            "{'do_rescale': false}",
            "{'do_normalize': false}",
            "{'image_mean': [0.5, 0.5, 0.5]}",
            "{'image_std': [0.5, 0.5, 0.5]}",
            "{'max_pixels': 500000}",
            "{'min_pixels': 4000}",
            "{'patch_size': 16}",
            "{'merge_size': 1}"
        };
        assertThat(settings)
                .extracting(s -> processor("qwen2_5_vl", s)
                        .process(LARGE, ImageBudget.AUTO)
                        .settings())
                .doesNotHaveDuplicates();
        ImageProcessor gemma = processor("gemma4", "{}");
        assertThat(ImageBudget.values())
                .extracting(b -> gemma.process(LARGE, b).settings())
                .containsOnlyOnce(gemma.process(LARGE, ImageBudget.LOW).settings())
                .hasSize(5);
    }

    @Test
    void tokensHaveTheNamesThatTheFolderGivesThem() throws IOException {
        String config =
                "{'model_type': 'gemma3', 'image_token_index': 77, 'mm_tokens_per_image': 2, 'vision_config': {}}";
        String names =
                "{'boi_token': '<b>', 'extra_special_tokens': {'image_token': '<i>', 'eoi_token': {'content': '<e>'}}}";
        ImageProcessor processor = optional(config, "{}", names).orElseThrow();
        assertThat(processor.placeholder()).isEqualTo("<b>");
        assertThat(processor.expansion(processor.process(LARGE, ImageBudget.AUTO)))
                .isEqualTo("\n\n<b><i><i><e>\n\n");
        assertThat(processor.imageToken()).isEqualTo(77);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    {'resample': 0}              | resample (0)
                    {'image_mean': [0.5, 0.5]}   | image_mean ([0.5, 0.5])
                    {'image_std': 'x'}           | image_std
                    {'patch_size': 0}            | patch_size (0)
                    {'merge_size': -1}           | merge_size (-1)
                    {'merge_size': 99999}        | patch_size (14) in
                    {'max_pixels': 1.5}          | max_pixels (1.5)
                    {'size': {'longest_edge': 'a'}} | longest_edge
                    {'do_normalize': 3}          | do_normalize (3)
                    """)
    void settingsThatNoFolderHasAreRefusedByName(String settings, String named) {
        assertThatThrownBy(() -> processor("qwen3_vl", settings))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining(named)
                .hasMessageContaining("preprocessor_config.json");
    }

    @Test
    void anEnlargedPictureThatNobodyCanHoldIsRefused() throws IOException {
        ImageProcessor processor = processor("gemma3", "{'size': {'height': 60000, 'width': 60000}}");
        assertThatThrownBy(() -> processor.process(LARGE, ImageBudget.AUTO))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("when it is resized");
    }

    @Test
    void aPictureThatWouldFillAnyContextIsRefused() throws IOException {
        Files.writeString(folder.resolve("processor_config.json"), "{\"image_seq_length\": 200000}");
        byte[] picture = Files.readAllBytes(Goldens.own("pictures").resolve("rgb.png"));
        ImageProcessor processor = processor("gemma3", "{}");
        assertThatThrownBy(() ->
                        new ImageFile("image 1", picture).process(processor, ImageBudget.AUTO, ImageLimits.DEFAULT))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessage("image 1: it would take 200000 tokens, but must take at most 131072");
    }
}
