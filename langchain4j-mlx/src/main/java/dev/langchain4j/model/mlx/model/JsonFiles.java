package dev.langchain4j.model.mlx.model;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads the JSON files of model folders. */
public final class JsonFiles {
    private static final long JSON_BYTES_MAX = 64L << 20;

    /** Python writes Infinity and NaN as they are. */
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .build();

    private JsonFiles() {}

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
                throw new InvalidRequestException(file + " is no JSON: it is empty");
            }
            return json;
        } catch (JacksonException e) {
            throw new InvalidRequestException(file + " is no JSON: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new ModelNotFoundException("cannot read " + file + ": " + e.getMessage(), e);
        }
    }
}
