package dev.langchain4j.model.mlx.model;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.ModelNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads the JSON files of model folders: strictly what a model cannot do without, leniently what it can. */
public final class JsonFiles {
    private static final Logger log = LoggerFactory.getLogger(JsonFiles.class);
    private static final long JSON_BYTES_MAX = 64L << 20;

    /** Python writes Infinity and NaN as they are. */
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .build();

    private JsonFiles() {}

    /**
     * The object in a file that a folder need not have. Empty if there is none, and if it cannot be read, of which a
     * warning tells.
     */
    public static ModelConfig optional(Path file) {
        if (Files.exists(file)) {
            try {
                return new ModelConfig(read(file), file.toString());
            } catch (LangChain4jException e) {
                log.warn("{}; it is ignored", e.getMessage());
            }
        }
        return new ModelConfig(JSON.createObjectNode(), file.toString());
    }

    /** The JSON of a file of a model folder. */
    public static JsonNode read(Path file) {
        try {
            if (Files.exists(file) && !Files.isRegularFile(file)) {
                throw new InvalidRequestException(file + " must be a regular file");
            }
            if (Files.size(file) > JSON_BYTES_MAX) {
                throw new InvalidRequestException(
                        file + " has " + Files.size(file) + " bytes, but at most " + JSON_BYTES_MAX + " are read");
            }
            JsonNode json = JSON.readTree(file.toFile());
            if (json.isMissingNode()) {
                throw new InvalidRequestException(file + " is not JSON: it is empty");
            }
            return json;
        } catch (JacksonException e) {
            throw new InvalidRequestException(file + " is not JSON: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new ModelNotFoundException("cannot read " + file + ": " + e.getMessage(), e);
        }
    }
}
