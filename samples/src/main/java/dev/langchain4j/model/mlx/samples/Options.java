package dev.langchain4j.model.mlx.samples;

import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import dev.langchain4j.model.mlx.hub.HuggingFaceHub;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** Options of a sample, read by picocli. */
public final class Options {
    /** What {@code --cache} may take. */
    private static final long CACHE_BYTES = 4L << 30;

    private final ParseResult values;

    private Options(ParseResult values) {
        this.values = values;
    }

    /** An option that is there or not. */
    public static OptionSpec toggle(String name, String about) {
        return option(name, boolean.class).arity("0").description(about).build();
    }

    /** An option with a value. */
    public static OptionSpec text(String name, String value, String about) {
        return option(name, String.class).paramLabel(value).description(about).build();
    }

    /**
     * An option with a whole number.
     *
     * @param alone the number if the option stands alone
     */
    public static OptionSpec number(String name, int alone, String about) {
        return option(name, Integer.class)
                .paramLabel("N")
                .arity("0..1")
                .fallbackValue(String.valueOf(alone))
                .description(about)
                .build();
    }

    private static OptionSpec.Builder option(String name, Class<?> type) {
        return OptionSpec.builder("--" + name).type(type);
    }

    /** {@code --model}, of each sample that loads one. */
    public static OptionSpec modelOption() {
        return text("model", "FOLDER_OR_ID", "a model folder or a Hugging Face repository id; default: the demo model");
    }

    /** {@code --model}, {@code --cache} and {@code --prefixes}, of samples with {@link #modelBuilder}, and others. */
    public static ArgSpec[] withModel(ArgSpec... others) {
        List<ArgSpec> all = new ArrayList<>(List.of(
                modelOption(),
                text("cache", "FOLDER", "keeps the prompt cache there, for the next launch"),
                text("prefixes", "FOLDER", "starts with the prefixes that samples/run warm made")));
        all.addAll(Arrays.asList(others));
        return all.toArray(ArgSpec[]::new);
    }

    /**
     * Reads the arguments of a program. Prints what they can be, and ends it, for {@code --help} and for arguments that
     * are wrong or unknown.
     *
     * @param sample its name for {@code samples/run}
     * @param about what it does
     */
    public static Options of(String sample, String about, String[] args, ArgSpec... options) {
        CommandLine command = command(sample, about, options);
        try {
            ParseResult values = command.parseArgs(args);
            if (CommandLine.printHelpIfRequested(values)) {
                System.exit(0);
            }
            return new Options(values);
        } catch (ParameterException e) {
            System.err.println(e.getMessage());
            command.usage(System.err);
            System.exit(2);
            throw e;
        }
    }

    static CommandLine command(String sample, String about, ArgSpec... options) {
        CommandSpec spec = CommandSpec.create().name("samples/run " + sample);
        spec.usageMessage().description(about).width(120).sortOptions(false);
        for (ArgSpec option : options) {
            spec.add(option);
        }
        spec.addOption(option("help", boolean.class)
                .arity("0")
                .usageHelp(true)
                .description("prints this")
                .build());
        return new CommandLine(spec);
    }

    /** Whether an option was given. */
    public boolean has(String name) {
        return values.hasMatchedOption("--" + name);
    }

    /** The number that an option has. */
    public int number(String name, int otherwise) {
        Integer value = values.matchedOptionValue("--" + name, null);
        return value == null ? otherwise : value;
    }

    /** The text that an option has. */
    public String text(String name, String otherwise) {
        return values.matchedOptionValue("--" + name, otherwise);
    }

    /** The argument without a name. */
    public Path argument() {
        return values.matchedPositionalValue(0, null);
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
                ? Path.of(text(name, ""))
                : Path.of(System.getProperty("project.root", ".")).resolve(otherwise);
    }

    /** What {@code --model} names, else the folder of the demo model. */
    public String model() {
        return path("model", "samples/demo-model/model").toString();
    }

    /** Loads {@link #model}; a download draws a bar. */
    public MlxModel loadModel() {
        return modelBuilder().build();
    }

    /**
     * Settings to load {@link #model} with; a download draws a bar. {@code --cache} names a folder for the prompt
     * cache, {@code --prefixes} one that {@link WarmSample} made.
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
