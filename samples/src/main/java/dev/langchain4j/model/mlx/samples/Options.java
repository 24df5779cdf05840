package dev.langchain4j.model.mlx.samples;

import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import dev.langchain4j.model.mlx.hub.HuggingFaceHub;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Options of a sample: {@code --name value}, or {@code --name} alone for a switch. */
public final class Options {
    /** What {@code --cache} may take. */
    private static final long CACHE_BYTES = 4L << 30;

    private final Map<String, String> values = new HashMap<>();

    private Options() {}

    /**
     * Reads the arguments of a program. Prints the options that it has, and ends it, for {@code --help}, for an unknown
     * option and for an argument that is none.
     *
     * @param known names of all options that it has
     */
    public static Options of(String[] args, String... known) {
        if (List.of(args).contains("--help")) {
            System.out.println("options: --" + String.join(", --", known));
            System.exit(0);
        }
        try {
            return parse(args, known);
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage());
            System.exit(2);
            throw e;
        }
    }

    private static Options parse(String[] args, String... known) {
        Options options = new Options();
        for (int i = 0; i < args.length; i++) {
            if (!args[i].startsWith("--")) {
                throw new IllegalArgumentException("option (" + args[i] + ") must begin with --");
            }
            if (!List.of(known).contains(args[i].substring(2))) {
                throw new IllegalArgumentException(
                        "option (%s) must be one of --%s".formatted(args[i], String.join(", --", known)));
            }
            boolean hasValue = i + 1 < args.length && !args[i + 1].startsWith("--");
            options.values.put(args[i].substring(2), hasValue ? args[++i] : "");
        }
        return options;
    }

    /** Whether an option was given. */
    public boolean has(String name) {
        return values.containsKey(name);
    }

    /** The number that an option has. */
    public int number(String name, int otherwise) {
        return has(name) ? Integer.parseInt(values.get(name)) : otherwise;
    }

    /** The text that an option has. */
    public String text(String name, String otherwise) {
        return values.getOrDefault(name, otherwise);
    }

    /** Numbers with commas between them. */
    public int[] numbers(String name, String otherwise) {
        return Arrays.stream(text(name, otherwise).split(","))
                .mapToInt(Integer::parseInt)
                .toArray();
    }

    /** A path that the user gave, or one within the repository. */
    public Path path(String name, String otherwise) {
        return has(name)
                ? Path.of(values.get(name))
                : Path.of(System.getProperty("project.root", ".")).resolve(otherwise);
    }

    /** What {@code --model} names, a folder or a Hugging Face repository id; else the folder of the demo model. */
    public String model() {
        return text("model", path("model", "samples/demo-model/model").toString());
    }

    /** Loads {@link #model}; a download draws a bar. */
    public MlxModel loadModel() {
        return modelBuilder().build();
    }

    /**
     * Settings to load {@link #model} with; a download draws a bar. {@code --cache} names a folder for the prompt cache,
     * {@code --prefixes} one that {@link WarmSample} made.
     */
    public MlxModel.Builder modelBuilder() {
        boolean terminal = System.console() != null && System.console().isTerminal();
        DownloadBar bar = new DownloadBar(System.err, terminal);
        MlxModel.Builder builder = MlxModel.builder()
                .modelName(model())
                .hub(HuggingFaceHub.builder().listener(bar).build());
        if (has("prefixes")) {
            builder.sharedPrefixes(Path.of(text("prefixes", "")));
        }
        return has("cache") ? builder.diskCache(Path.of(text("cache", "")), DiskLimits.ofBytes(CACHE_BYTES)) : builder;
    }
}
