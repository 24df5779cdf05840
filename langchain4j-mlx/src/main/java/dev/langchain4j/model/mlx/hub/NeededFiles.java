package dev.langchain4j.model.mlx.hub;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.exception.InvalidRequestException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which files of a repository make a model here: settings, tokenizer, chat templates and safetensors. Weights of other
 * frameworks, other formats and pictures stay on the hub.
 */
final class NeededFiles {
    static final String INDEX = "model.safetensors.index.json";
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Predicate<String> SETTINGS = matches("[^/]+\\.json")
            .and(matches("[^/]+\\.index\\.json").negate())
            .or(INDEX::equals)
            .or(matches("[^/]+\\.jinja"))
            .or(matches("additional_chat_templates/[^/]+\\.jinja"))
            .or(matches("\\d+_\\w+/config\\.json"));
    private static final Predicate<String> WEIGHTS = matches("(\\d+_\\w+/)?model[^/]*\\.safetensors");

    private static final Pattern NUMBERED = Pattern.compile("(.*-)(\\d{5})-of-(\\d{5})(\\.safetensors)");

    private NeededFiles() {}

    /** Whether a file is needed whatever the weights are. */
    static boolean isSetting(String path) {
        return SETTINGS.test(path);
    }

    /** Whether a file has weights, where no index says which do. */
    static boolean isWeights(String path) {
        return WEIGHTS.test(path);
    }

    /**
     * The files that an index of weights names.
     *
     * @throws InvalidRequestException if it is not an index, or names files outside of the repository
     */
    static Set<String> shards(Path index) {
        Set<String> names = new LinkedHashSet<>();
        try {
            for (JsonNode name : JSON.readTree(index.toFile()).path("weight_map")) {
                names.add(name.asText());
            }
        } catch (JacksonException e) {
            throw new InvalidRequestException(index + " is not JSON: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new InvalidRequestException("cannot read " + index + ": " + e, e);
        }
        for (String name : names) {
            if (!HubClient.isInside(name)) {
                throw new InvalidRequestException(
                        index + " names the file \"" + name + "\", which must be inside of the folder");
            }
        }
        return names;
    }

    /** The names, and those of a numbered series that a name is a part of: {@code model-00002-of-00003.safetensors}. */
    static Set<String> siblings(Set<String> names) {
        Set<String> all = new TreeSet<>(names);
        for (String name : names) {
            Matcher numbered = NUMBERED.matcher(name);
            if (numbered.matches()) {
                int width = numbered.group(2).length();
                for (int i = 1; i <= Integer.parseInt(numbered.group(3)); i++) {
                    String number =
                            "0".repeat(Math.max(0, width - String.valueOf(i).length())) + i;
                    all.add(numbered.group(1) + number + "-of-" + numbered.group(3) + numbered.group(4));
                }
            }
        }
        return all;
    }

    private static Predicate<String> matches(String regex) {
        return Pattern.compile(regex).asMatchPredicate();
    }
}
