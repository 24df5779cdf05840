package dev.langchain4j.model.mlx.samples.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.model.mlx.samples.Options;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.DoubleSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A run of the benchmarks: what is compared with what, on which models, and how often. */
public final class Bench implements AutoCloseable {
    /**
     * Not those that need a download, that load a machine for minutes, or that take as long as everything else
     * together.
     */
    private static final String DEFAULT = "host,decode,prefill,loop,cache,text,stream,elements,graph,jlama";

    /** A look takes all but what downloads or loads the machine whatever the size. */
    private static final String SMOKE = DEFAULT + ",batch,fairness,agents,restart,ahead,rounds,sampling,speculation";

    private static final Map<String, Section> SECTIONS = new LinkedHashMap<>();

    static {
        SECTIONS.put("host", new HostSection());
        SECTIONS.put("decode", new DecodeSection());
        SECTIONS.put("prefill", new PrefillSection());
        SECTIONS.put("loop", new LoopSection());
        SECTIONS.put("cache", new CacheSection());
        SECTIONS.put("text", new TextSection());
        SECTIONS.put("stream", new StreamSection());
        SECTIONS.put("elements", new ElementSection());
        SECTIONS.put("graph", new GraphSection());
        SECTIONS.put("load", new LoadSection());
        SECTIONS.put("jlama", new JlamaSection());
        SECTIONS.put("llamacpp", new LlamaCppSection());
        SECTIONS.put("embeddings", new EmbeddingsSection());
        SECTIONS.put("batch", new BatchSection());
        SECTIONS.put("fairness", new FairnessSection());
        SECTIONS.put("agents", new AgentsSection());
        SECTIONS.put("restart", new RestartSection());
        SECTIONS.put("ahead", new AheadSection());
        SECTIONS.put("rounds", new RoundsSection());
        SECTIONS.put("sampling", new SamplingSection());
        SECTIONS.put("speculation", new SpeculationSection());
        SECTIONS.put("ring", new RingSection());
        SECTIONS.put("architectures", new ArchitecturesSection());
    }

    /** Names of all sections. */
    public static String sections() {
        return String.join(", ", SECTIONS.keySet());
    }

    /** One kind of work. */
    interface Section {
        void run(Bench bench) throws Exception;
    }

    /** The same work on both sides, taking turns. */
    record Pair(Spread ours, Spread theirs) {
        Double ratio() {
            return theirs == null ? null : ours.median() / theirs.median();
        }

        /** The best of ours over the best of theirs: what is left when nobody else uses the machine. */
        Double bestRatio() {
            return theirs == null ? null : ours.min() / theirs.min();
        }
    }

    /** How long a side waits for its turn: threads of the other one's BLAS go on spinning for a while. */
    private static final int PAUSE_MILLIS = 100;

    private final Options options;
    private final Report report = new Report(System.out);
    private final Path root = Path.of(System.getProperty("project.root", "."));
    private final boolean smoke;
    private Path python;
    private Reference reference;

    private Bench(Options options) {
        this.options = options;
        this.smoke = options.has("smoke");
    }

    /** Runs the sections that the options name, or those of docs/benchmarks.md that take minutes. */
    public static void run(Options options) throws Exception {
        try (Bench bench = new Bench(options)) {
            bench.start();
            for (String name :
                    options.text("only", bench.smoke ? SMOKE : DEFAULT).split(",")) {
                Section section = SECTIONS.get(name);
                if (section == null) {
                    throw new IllegalArgumentException(
                            "only (" + name + ") must be some of " + String.join(",", SECTIONS.keySet()));
                }
                section.run(bench);
            }
        }
    }

    private void start() throws Exception {
        if (!smoke && !options.has("alone")) {
            python = prepare();
            reference = new Reference(python, script("reference.py"), blas());
        }
        Map<String, Object> machine = new LinkedHashMap<>();
        machine.put("processor", processor());
        machine.put("cores", Runtime.getRuntime().availableProcessors());
        machine.put("java", Runtime.version().toString());
        if (reference != null) {
            JsonNode versions = reference.versions();
            versions.properties()
                    .forEach(e -> machine.put(e.getKey(), e.getValue().asText()));
        }
        report.say(machine.entrySet().stream()
                .map(e -> e.getKey() + " " + e.getValue())
                .collect(Collectors.joining(", ")));
        report.say("Two numbers in a cell are the best and the median of the rounds.");
        report.json(Map.of("section", "machine", "values", machine));
    }

    private static String processor() throws IOException {
        Path info = Path.of("/proc/cpuinfo");
        if (Files.isReadable(info)) {
            try (Stream<String> lines = Files.lines(info)) {
                return lines.filter(line -> line.startsWith("model name"))
                        .map(line -> line.substring(line.indexOf(':') + 1).strip())
                        .findFirst()
                        .orElse(System.getProperty("os.arch"));
            }
        }
        return System.getProperty("os.name") + " " + System.getProperty("os.arch");
    }

    /** Makes what is missing and gives the Python that has mlx-lm. */
    private Path prepare() throws IOException, InterruptedException {
        List<String> command =
                new ArrayList<>(List.of("bash", script("prepare.sh").toString(), folder().toString()));
        if (options.has("python")) {
            command.addAll(List.of("--python", options.text("python", "")));
        }
        return Path.of(output(command));
    }

    /** What a command prints; what it says besides is shown. */
    String output(List<String> command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String output = new String(process.getInputStream().readAllBytes()).strip();
        if (process.waitFor() != 0) {
            throw new IOException(command + " failed; its output is above");
        }
        return output;
    }

    /** Where models and the environment of mlx-lm are kept. */
    Path folder() {
        return options.has("folder")
                ? Path.of(options.text("folder", ""))
                : Path.of(System.getProperty("user.home"), ".cache", "langchain4j-mlx", "bench");
    }

    Path script(String name) {
        return root.resolve("samples/bench").resolve(name);
    }

    /** The BLAS and LAPACK that stand in the native folder in place of those of the wheel. */
    private static String blas() throws IOException {
        try (Stream<Path> files = Files.list(Path.of(System.getProperty("langchain4j.mlx.native.path")))) {
            return files.map(Path::toString)
                    .filter(f -> f.contains("libblas") || f.contains("liblapack"))
                    .collect(Collectors.joining(" "));
        }
    }

    /** The Python that has mlx-lm, and a script of samples/bench. */
    List<String> pythonCommand(String script) {
        return List.of(python.toString(), script(script).toString());
    }

    /** What lets one of several Python processes use our BLAS, and its share of the processors. */
    Map<String, String> blasOf(int processes) throws IOException {
        return Map.of("LD_PRELOAD", blas(), "OPENBLAS_NUM_THREADS", String.valueOf(RingSection.threads(processes)));
    }

    Report report() {
        return report;
    }

    /** mlx-lm on the libmlx and the BLAS that we use; null if it is left out. */
    Reference reference() {
        return reference;
    }

    /** mlx-lm, unmodified wheel; null if it is left out (--no-wheel). The caller closes it. */
    Reference wheel() throws IOException {
        return reference == null || options.has("no-wheel") ? null : new Reference(python, script("reference.py"), "");
    }

    /** Whether only a look is wanted that everything runs: on the demo model, once, small. */
    boolean smoke() {
        return smoke;
    }

    /** A released model, which is made the first time (make_real.py). */
    Path real(String name) throws IOException, InterruptedException {
        Path into = folder().resolve("real");
        make("make_real.py", into, List.of(name));
        return into.resolve(name);
    }

    /** Runs a script of samples/bench that makes what it is not made yet in a folder, and prints the names. */
    List<String> make(String script, Path into, List<String> names) throws IOException, InterruptedException {
        String interpreter = python == null ? "python3" : python.toString();
        List<String> command =
                new ArrayList<>(List.of(interpreter, script(script).toString(), into.toString()));
        command.addAll(names);
        return output(command).lines().toList();
    }

    String text(String option, String otherwise) {
        return options.text(option, otherwise);
    }

    /** The path that an option names. */
    Path path(String option, Path otherwise) {
        return options.has(option) ? Path.of(options.text(option, "")) : otherwise;
    }

    /** Whether this is to be listed, too. */
    boolean lists(String option) {
        return options.has(option);
    }

    /** The names that an option lists; none if it is not given. */
    List<String> names(String option) {
        return options.has(option) ? List.of(options.text(option, "").split(",")) : List.of();
    }

    Path demo() {
        return root.resolve("samples/demo-model/model");
    }

    /** Folders of models, as --models names them; the demo model alone for a look. */
    List<Path> models(String otherwise) {
        if (smoke) {
            return List.of(demo());
        }
        return Stream.of(options.text("models", otherwise).split(","))
                .map(name -> folder().resolve("models").resolve(name))
                .toList();
    }

    int[] sizes(String option, String otherwise, String small) {
        return options.numbers(option, smoke ? small : otherwise);
    }

    int rounds(int otherwise) {
        return smoke ? 1 : options.number("rounds", otherwise);
    }

    /** Both sides in turn, so many rounds; if there are several, once unmeasured before. */
    Pair pair(int rounds, DoubleSupplier ours, DoubleSupplier theirs) {
        double[] mine = new double[rounds];
        double[] other = new double[rounds];
        for (int i = rounds == 1 ? 0 : -1; i < rounds; i++) {
            pause();
            double a = ours.getAsDouble();
            pause();
            double b = reference == null ? 0 : theirs.getAsDouble();
            if (i >= 0) {
                mine[i] = a;
                other[i] = b;
            }
        }
        return new Pair(Spread.of(mine), reference == null ? null : Spread.of(other));
    }

    /** Lets the machine come to rest between the sides. */
    void pause() {
        if (!smoke && reference != null) {
            LockSupport.parkNanos(PAUSE_MILLIS * 1_000_000L);
        }
    }

    static String bytes(double count) {
        return String.format(Locale.ROOT, "%.0f MB", count / 1e6);
    }

    @Override
    public void close() {
        if (reference != null) {
            reference.close();
        }
    }
}
