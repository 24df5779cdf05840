package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.testing.DemoModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokenizerFilesTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String WRONG = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
            + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    @TempDir
    Path folder;

    private long handles;

    @BeforeEach
    void count() {
        handles = LiveHandles.count();
    }

    @AfterEach
    void allAreClosed() {
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "tiktoken.model | TikTokenConverter(vocab_file='tiktoken.model'",
                "qwen.tiktoken | TikTokenConverter(vocab_file='qwen.tiktoken'",
                "tokenizer.model | AutoTokenizer.from_pretrained",
                "vocab.json | AutoTokenizer.from_pretrained",
                "tekken.json | Mistral's own format"
            })
    void otherFormatsComeWithTheWayToThisOne(String file, String way) throws IOException {
        Files.createFile(folder.resolve(file));

        assertThatThrownBy(() -> TokenizerFiles.open(folder))
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessageContaining("has no tokenizer.json, only " + file)
                .hasMessageContaining(way);
    }

    @Test
    void anEmptyFolderHasNoTokenizer() {
        assertThatThrownBy(() -> TokenizerFiles.open(folder))
                .isInstanceOf(ModelNotFoundException.class)
                .hasMessage("the model folder " + folder + " has no tokenizer.json");
    }

    /** The wrong expression splits numbers in threes, Mistral's in single digits. */
    @ParameterizedTest
    @CsvSource(
            nullValues = "-",
            value = {
                "mistral3, 4.52.4, -, true",
                "mistral, -, -, true",
                "mistral3, 5.0.0, -, false",
                "mistral3, 5.24.0.dev0, -, false",
                "llama, 4.52.4, -, false",
                "llama, 4.52.4, true, true",
                "mistral3, 4.52.4, false, false",
            })
    void theExpressionOfOldMistralFoldersIsMended(String type, String version, Boolean asked, boolean mended)
            throws IOException {
        save(WRONG);
        ObjectNode config = JSON.createObjectNode().put("model_type", type);
        if (version != null) {
            config.put("transformers_version", version);
        }
        JSON.writeValue(folder.resolve("config.json").toFile(), config);
        if (asked != null) {
            JSON.writeValue(
                    folder.resolve("tokenizer_config.json").toFile(),
                    JSON.createObjectNode().put("fix_mistral_regex", asked));
        }
        String text = "Don't say HelloWorld 12345 a/b/\n";
        int[] right;
        int[] wrong;
        try (Tokenizer tokenizer = TokenizerFiles.open(folder);
                Tokenizer plain = Tokenizer.fromFile(folder.resolve("tokenizer.json"))) {
            right = tokenizer.encode(text, false);
            wrong = plain.encode(text, false);
            assertThat(tokenizer.decode(right, false)).isEqualTo(text);
        }
        if (mended) {
            assertThat(right).isNotEqualTo(wrong);
        } else {
            assertThat(right).isEqualTo(wrong);
        }
    }

    /** As transformers 5 saves Mistral's byte-level vocabulary if it takes it for one of Llama. */
    @Test
    void byteLevelEntriesBehindSentencePiecesSplitterAreReadAsBytes() throws IOException {
        save(WRONG);
        Path file = folder.resolve("tokenizer.json");
        ObjectNode json = (ObjectNode) JSON.readTree(file.toFile());
        json.putObject("pre_tokenizer")
                .put("type", "Metaspace")
                .put("replacement", "\u2581")
                .put("prepend_scheme", "first")
                .put("split", false);
        ObjectNode decoder = json.putObject("decoder").put("type", "Sequence");
        var parts = decoder.putArray("decoders");
        parts.addObject()
                .put("type", "Replace")
                .put("content", " ")
                .putObject("pattern")
                .put("String", "\u2581");
        parts.addObject().put("type", "ByteFallback");
        parts.addObject().put("type", "Fuse");
        JSON.writeValue(file.toFile(), json);
        JSON.writeValue(
                folder.resolve("config.json").toFile(),
                JSON.createObjectNode().put("model_type", "mistral3").put("transformers_version", "5.1.0"));

        try (Tokenizer tokenizer = TokenizerFiles.open(folder)) {
            String text = "I am here, Zürich \uD83D\uDE80\n";
            assertThat(tokenizer.decode(tokenizer.encode(text, false), false)).isEqualTo(text);
        }
    }

    /** A tokenizer whose vocabulary has "12" and "'t", which only the wrong expression keeps together. */
    private void save(String regex) throws IOException {
        ObjectNode json = (ObjectNode)
                JSON.readTree(DemoModel.folder().resolve("tokenizer.json").toFile());
        ObjectNode splitter = json.putObject("pre_tokenizer").put("type", "Sequence");
        var parts = splitter.putArray("pretokenizers");
        parts.addObject()
                .put("type", "Split")
                .put("behavior", "Isolated")
                .put("invert", false)
                .putObject("pattern")
                .put("Regex", regex);
        parts.addObject()
                .put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", true)
                .put("use_regex", false);
        ObjectNode model = (ObjectNode) json.get("model");
        ObjectNode vocabulary = (ObjectNode) model.get("vocab");
        int next = 1 << 14;
        for (String pair : new String[] {"1 2", "' t"}) {
            vocabulary.put(pair.replace(" ", ""), next++);
            model.withArray("merges")
                    .add(JSON.createArrayNode().add(pair.charAt(0) + "").add(pair.charAt(2) + ""));
        }
        JSON.writeValue(folder.resolve("tokenizer.json").toFile(), json);
    }
}
