package dev.langchain4j.model.mlx.samples;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** Options of a sample: {@code --name value}, or {@code --name} alone for a switch. */
final class Options {
    private final Map<String, String> values = new HashMap<>();

    private Options() {}

    static Options of(String[] args) {
        Options options = new Options();
        for (int i = 0; i < args.length; i++) {
            if (!args[i].startsWith("--")) {
                throw new IllegalArgumentException("option (" + args[i] + ") must begin with --");
            }
            boolean hasValue = i + 1 < args.length && !args[i + 1].startsWith("--");
            options.values.put(args[i].substring(2), hasValue ? args[++i] : "");
        }
        return options;
    }

    boolean has(String name) {
        return values.containsKey(name);
    }

    int number(String name, int otherwise) {
        return has(name) ? Integer.parseInt(values.get(name)) : otherwise;
    }

    String text(String name, String otherwise) {
        return values.getOrDefault(name, otherwise);
    }

    /** Numbers with commas between them. */
    int[] numbers(String name, String otherwise) {
        return Arrays.stream(text(name, otherwise).split(","))
                .mapToInt(Integer::parseInt)
                .toArray();
    }

    /** A path that the user gave, or one within the repository. */
    Path path(String name, String otherwise) {
        return has(name)
                ? Path.of(values.get(name))
                : Path.of(System.getProperty("project.root", ".")).resolve(otherwise);
    }

    /** The model folder: {@code --model}, or the demo model. */
    Path model() {
        return path("model", "samples/demo-model/model");
    }
}
