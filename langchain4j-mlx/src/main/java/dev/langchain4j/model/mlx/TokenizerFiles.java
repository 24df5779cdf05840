package dev.langchain4j.model.mlx;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.model.JsonFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The tokenizer of a model folder: opened, mended, or the way to one. */
final class TokenizerFiles {
    private static final Logger log = LoggerFactory.getLogger(TokenizerFiles.class);
    private static final String NAME = "tokenizer.json";
    private static final String FIX = "fix_mistral_regex";

    /** Source: {@code _patch_mistral_regex} of transformers. */
    private static final Set<String> MISTRAL = Set.of("mistral", "mistral3", "voxtral", "ministral", "pixtral");

    private static final String MISTRAL_REGEX = "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*"
            + "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+"
            + "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    private static final Pattern MAJOR_VERSION = Pattern.compile("(\\d{1,4})\\..*");
    /** Of transformers: what it saves from then on is right. */
    private static final int FIXED_IN = 5;

    private TokenizerFiles() {}

    /**
     * Opens a folder's tokenizer.
     *
     * @throws ModelNotFoundException if there is none, with the way to make one of what there is
     * @throws dev.langchain4j.mlx.MlxException if it is none
     */
    static Tokenizer open(Path folder) {
        Path file = folder.resolve(NAME);
        if (!Files.isRegularFile(file)) {
            throw new ModelNotFoundException("the model folder " + folder + " has no " + NAME + wayToOne(folder));
        }
        JsonNode config = json(folder, "config.json");
        JsonNode asked = json(folder, "tokenizer_config.json").path(FIX);
        boolean mistral = config.path("model_type").asText("").contains("istral");
        if (asked.isBoolean() ? !asked.asBoolean() : !mistral) {
            return Tokenizer.fromFile(file);
        }
        JsonNode json = JsonFiles.read(file);
        if (!(json instanceof ObjectNode tokenizer) || !isMended(tokenizer, asked.asBoolean() || isOld(config))) {
            return Tokenizer.fromFile(file);
        }
        log.warn(
                "{} splits words by an expression that is not Mistral's; it is corrected, as transformers does with {}."
                        + " \"{}\": false in tokenizer_config.json leaves it as it is",
                file,
                FIX,
                FIX);
        return Tokenizer.fromJson(json.toString());
    }

    /** Puts Mistral's expression in the place of another one, or of SentencePiece's way before byte-level entries. */
    private static boolean isMended(ObjectNode tokenizer, boolean old) {
        JsonNode splitter = tokenizer.path("pre_tokenizer");
        JsonNode first = splitter.path("pretokenizers").path(0);
        String regex = first.path("pattern").path("Regex").asText("");
        if (first instanceof ObjectNode split && old && !regex.isEmpty() && !regex.equals(MISTRAL_REGEX)) {
            split.putObject("pattern").put("Regex", MISTRAL_REGEX);
            return true;
        }
        JsonNode vocabulary = tokenizer.path("model").path("vocab");
        boolean bytes = vocabulary.has("\u0120") && !vocabulary.has("\u2581");
        if (!bytes || splitter.toString().contains("\"ByteLevel\"")) {
            return false;
        }
        ArrayNode parts =
                tokenizer.putObject("pre_tokenizer").put("type", "Sequence").putArray("pretokenizers");
        parts.addObject()
                .put("type", "Split")
                .put("behavior", "Isolated")
                .put("invert", false)
                .putObject("pattern")
                .put("Regex", MISTRAL_REGEX);
        parts.addObject()
                .put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", true)
                .put("use_regex", false);
        tokenizer.putNull("normalizer");
        return true;
    }

    private static boolean isOld(JsonNode config) {
        Matcher major =
                MAJOR_VERSION.matcher(config.path("transformers_version").asText(""));
        return MISTRAL.contains(config.path("model_type").asText(""))
                && (!major.matches() || Integer.parseInt(major.group(1)) < FIXED_IN);
    }

    private static JsonNode json(Path folder, String name) {
        Path file = folder.resolve(name);
        return Files.isRegularFile(file) ? JsonFiles.read(file) : MissingNode.getInstance();
    }

    private static String wayToOne(Path folder) {
        List<String> names;
        try (var files = Files.list(folder)) {
            names = files.map(file -> file.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + folder, e);
        }
        for (String name : names) {
            if (name.endsWith("tiktoken.model") || name.endsWith(".tiktoken")) {
                return ", only " + name + ", tiktoken's format. Convert it with Python's transformers:"
                        + " transformers.convert_slow_tokenizer.TikTokenConverter(vocab_file='" + name
                        + "', pattern=..., extra_special_tokens=[...]).converted().save('" + NAME
                        + "'), with the pattern"
                        + " (pat_str) of the folder's tokenization_*.py and the added_tokens_decoder of its"
                        + " tokenizer_config.json, in the order of their ids";
            }
            if (name.equals("tekken.json")) {
                return ", only " + name + ", Mistral's own format. Take a folder that has one, such as"
                        + " mlx-community's conversions, or convert it with transformers' MistralConverter";
            }
            if (name.equals("tokenizer.model") || name.equals("spiece.model") || name.equals("vocab.json")) {
                return ", only " + name + ". Convert it with Python's transformers:"
                        + " transformers.AutoTokenizer.from_pretrained('.').save_pretrained('.')";
            }
        }
        return "";
    }
}
