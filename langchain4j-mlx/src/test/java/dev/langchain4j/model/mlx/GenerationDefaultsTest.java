package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.generate.Sampling;
import dev.langchain4j.model.mlx.model.ModelConfig;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.LogLines;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A generation_config.json that is broken, or has something wrong, is a warning with its name; the rest of it counts.
 */
class GenerationDefaultsTest {
    @TempDir
    Path folder;

    private GenerationDefaults load(String config) throws IOException {
        try (Tokenizer tokenizer = Tokenizer.fromFile(DemoModel.folder().resolve("tokenizer.json"))) {
            ModelConfig json = new ModelConfig(new ObjectMapper().readTree(config), "config.json");
            return GenerationDefaults.load(folder, json, tokenizer);
        }
    }

    private GenerationDefaults with(String generation) throws IOException {
        Files.writeString(folder.resolve("generation_config.json"), generation);
        return load("{}");
    }

    private static int[] ids(GenerationDefaults defaults) {
        return defaults.endTokens().stream().mapToInt(Integer::intValue).toArray();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "{",
                "[]",
                "7",
                "null",
                "{\"top_k\": 5,}",
                "{\"temperature\": 0.5, \"eos_token_id\": 3 \"}"
            })
    void aFileThatIsNoJsonObjectIsLeftOut(String text) throws IOException {
        try (LogLines log = LogLines.open()) {
            GenerationDefaults defaults = with(text);
            assertThat(defaults.sampling()).isEqualTo(Sampling.GREEDY);
            assertThat(defaults.endTokens()).isEmpty();
            assertThat(log.warnings()).singleElement().asString().contains("generation_config.json");
        }
    }

    @Test
    void aFileThatIsADirectoryOrMissingIsLeftOut() throws IOException {
        assertThat(load("{}").sampling()).isEqualTo(Sampling.GREEDY);
        Files.createDirectory(folder.resolve("generation_config.json"));
        assertThat(load("{}").sampling()).isEqualTo(Sampling.GREEDY);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "[1, null] | 1",
                "1 | 1",
                "\"1\" | 1",
                "[\"1\", 2] | 1 2",
                "[2, 1, 2] | 1 2",
                "-1 | ''",
                "[-1, 4] | 4",
                "null | ''",
                "[null] | ''",
                "[] | ''",
                "3.0 | 3"
            })
    void endTokensAreReadAsToolsWriteThem(String value, String expected) throws IOException {
        int[] ids = expected.isEmpty()
                ? new int[0]
                : Arrays.stream(expected.split(" ")).mapToInt(Integer::parseInt).toArray();
        try (LogLines log = LogLines.open()) {
            assertThat(ids(with("{\"eos_token_id\": " + value + "}"))).isEqualTo(ids);
            assertThat(log.warnings()).isEmpty();
        }
        Files.delete(folder.resolve("generation_config.json"));
        assertThat(ids(load("{\"eos_token_id\": " + value + "}"))).isEqualTo(ids);
        assertThat(ids(load("{\"text_config\": {\"eos_token_id\": " + value + "}}")))
                .isEqualTo(ids);
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"two\"", "-2", "[1, -3]", "1.5", "true", "{}", "[[1]]", "1e12", "\"99999999999\""})
    void whatIsNoTokenIdIsNamed(String value) throws IOException {
        try (LogLines log = LogLines.open()) {
            with("{\"eos_token_id\": " + value + "}");
            assertThat(log.warnings())
                    .singleElement()
                    .asString()
                    .contains("eos_token_id (", "generation_config.json", "must be a token id");
        }
        assertThatThrownBy(() -> load("{\"eos_token_id\": " + value + "}"))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("eos_token_id (")
                .hasMessageContaining("config.json");
    }

    @Test
    void valuesThatAreOffAreOff() throws IOException {
        try (LogLines log = LogLines.open()) {
            Sampling s =
                    with("{\"do_sample\": true, \"temperature\": 0.7, \"top_p\": 0.8, \"top_k\": -1, \"min_p\": null}")
                            .sampling();
            assertThat(s.temperature()).isEqualTo(0.7);
            assertThat(s.topP()).isEqualTo(0.8);
            assertThat(s.topK()).isZero();
            assertThat(s.minP()).isZero();
            assertThat(log.warnings()).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"top_p\": 2",
                "\"top_p\": \"high\"",
                "\"top_k\": -5",
                "\"top_k\": [1]",
                "\"min_p\": -0.1",
                "\"repetition_penalty\": 0",
                "\"temperature\": -1",
                "\"temperature\": 1e9",
                "\"do_sample\": \"yes\"",
                "\"eos_token_id\": \"none\""
            })
    void aValueThatIsWrongIsLeftOutAndTheOthersCount(String wrong) throws IOException {
        String field = wrong.substring(1, wrong.indexOf('"', 1));
        String right = field.equals("temperature") ? "\"top_p\": 0.5" : "\"temperature\": 0.6";
        try (LogLines log = LogLines.open()) {
            Sampling s =
                    with("{\"do_sample\": true, " + right + ", " + wrong + "}").sampling();
            assertThat(field.equals("temperature") ? s.topP() : s.temperature())
                    .isEqualTo(field.equals("temperature") ? 0.5 : 0.6);
            assertThat(log.warnings()).isNotEmpty().allSatisfy(line -> assertThat(line)
                    .contains(field, "generation_config.json"));
        }
    }

    @Test
    void randomFilesNeverFail() throws IOException {
        long seed = Seeds.seed(GenerationDefaultsTest.class);
        Random random = new Random(seed);
        String whole = "{\"do_sample\": true, \"temperature\": 0.7, \"top_p\": 0.8, \"top_k\": 20,"
                + " \"eos_token_id\": [1, 2], \"repetition_penalty\": 1.05}";
        try (LogLines log = LogLines.open()) {
            for (int round = 0; round < 200; round++) {
                char[] text = whole.toCharArray();
                for (int n = 0; n <= random.nextInt(3); n++) {
                    text[random.nextInt(text.length)] = "[]{},:-\"0e9nt".charAt(random.nextInt(13));
                }
                assertThat(with(new String(text)).sampling())
                        .as("seed %d, round %d", seed, round)
                        .isNotNull();
            }
            assertThat(log.warnings()).isNotEmpty();
        }
    }
}
