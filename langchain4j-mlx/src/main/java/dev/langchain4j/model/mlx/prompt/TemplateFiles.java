package dev.langchain4j.model.mlx.prompt;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.mlx.model.JsonFiles;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The chat templates and special tokens of a model folder: {@code chat_template.jinja} and
 * {@code additional_chat_templates/NAME.jinja}, else {@code chat_template.json}, else what tokenizer_config.json has.
 * Source: {@code PreTrainedTokenizerBase} of transformers.
 */
final class TemplateFiles {
    static final String DEFAULT = "default";

    private static final String ENDING = ".jinja";
    private static final List<String> SPECIAL_TOKENS =
            List.of("bos_token", "eos_token", "pad_token", "unk_token", "sep_token", "cls_token", "mask_token");

    private final Path folder;
    private final JsonNode config;

    TemplateFiles(Path folder) {
        this.folder = folder;
        this.config = json("tokenizer_config.json");
    }

    private JsonNode json(String name) {
        Path file = folder.resolve(name);
        return Files.isRegularFile(file) ? JsonFiles.read(file) : MissingNode.getInstance();
    }

    /** Sources by name; empty if the folder has none. */
    Map<String, String> sources() {
        Map<String, String> sources = new LinkedHashMap<>();
        named(config.path("chat_template"), sources);
        named(json("chat_template.json").path("chat_template"), sources);
        Path file = folder.resolve("chat_template" + ENDING);
        if (Files.isRegularFile(file)) {
            sources.put(DEFAULT, read(file));
        }
        Path more = folder.resolve("additional_chat_templates");
        if (Files.isDirectory(more)) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(more, "*" + ENDING)) {
                for (Path named : files) {
                    String name = named.getFileName().toString();
                    sources.put(name.substring(0, name.length() - ENDING.length()), read(named));
                }
            } catch (IOException e) {
                throw new InvalidRequestException("cannot read " + more + ": " + e.getMessage(), e);
            }
        }
        return sources;
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new InvalidRequestException("cannot read " + file + ": " + e.getMessage(), e);
        }
    }

    private static void named(JsonNode entry, Map<String, String> sources) {
        if (entry.isTextual()) {
            sources.put(DEFAULT, entry.asText());
        } else if (entry.isArray()) {
            entry.forEach(one -> sources.put(
                    one.path("name").asText(DEFAULT), one.path("template").asText()));
        } else if (entry.isObject()) {
            entry.properties().forEach(e -> sources.put(e.getKey(), e.getValue().asText()));
        }
    }

    /** Special tokens by the names that templates use; those that the folder does not have are left out. */
    Map<String, String> specialTokens() {
        Map<String, String> tokens = new LinkedHashMap<>();
        JsonNode map =
                JsonFiles.optional(folder.resolve("special_tokens_map.json")).json();
        for (String name : SPECIAL_TOKENS) {
            JsonNode token = config.hasNonNull(name) ? config.get(name) : map.path(name);
            String text =
                    token.isTextual() ? token.asText() : token.path("content").asText("");
            if (!text.isEmpty()) {
                tokens.put(name, text);
            }
        }
        return tokens;
    }
}
