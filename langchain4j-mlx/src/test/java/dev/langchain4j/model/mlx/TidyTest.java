package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The layout rules of docs/architecture.md. Each message says how to mend it. */
class TidyTest {
    private static final Path ROOT = Path.of(System.getProperty("project.root"));
    private static final int LINES_MAX = 500;
    private static final int COLUMNS_MAX = 140;
    private static final int COMMENT_COLUMNS_MAX = 120;
    private static final long FILE_BYTES_MAX = 9_000_000;
    private static final String API = "dev.langchain4j.model.mlx";
    private static final Pattern IMPORT = Pattern.compile("(?m)^import (?:static )?([\\w.]+);");

    /** Which packages of langchain4j-mlx each one may know: knowledge runs one way. */
    private static final Map<String, Set<String>> MAY_KNOW = Map.ofEntries(
            Map.entry("jinja", Set.of("jinja.common", "jinja.python", "jinja.syntax", "jinja.tree")),
            Map.entry("jinja.syntax", Set.of("jinja.common", "jinja.python", "jinja.tree")),
            Map.entry("jinja.tree", Set.of("jinja.common", "jinja.filters", "jinja.python")),
            Map.entry("jinja.filters", Set.of("jinja.common", "jinja.python")),
            Map.entry("jinja.python", Set.of("jinja.common")),
            Map.entry("jinja.common", Set.of()),
            Map.entry("parse", Set.of()),
            Map.entry("grammar", Set.of("parse")),
            Map.entry("calls", Set.of("grammar", "parse")),
            Map.entry("kv", Set.of()),
            Map.entry("cache", Set.of("cache.disk", "kv")),
            Map.entry("cache.disk", Set.of()),
            Map.entry("hub", Set.of()),
            Map.entry("model", Set.of("kv")),
            Map.entry("vision", Set.of("model")),
            Map.entry("nn", Set.of("kv", "model")),
            Map.entry("arch", Set.of("kv", "model", "nn", "vision")),
            Map.entry("embed", Set.of("arch", "kv", "model", "nn")),
            Map.entry("prompt", Set.of("cache", "calls", "jinja", "jinja.common", "model", "parse", "vision")),
            Map.entry("draft", Set.of()),
            Map.entry("ranks", Set.of("kv", "model")),
            Map.entry("generate", Set.of("cache", "draft", "kv", "model", "vision")),
            // These two stand above the API.
            Map.entry("spi", Set.of("the API")),
            Map.entry("spring", Set.of("the API")));

    /** Packages with classes that applications use. */
    private static final Set<String> PUBLIC = Set.of("cache", "cache.disk", "draft", "hub", "spi", "spring");

    private static void eachJavaFile(BiConsumer<Path, String> check) throws IOException {
        for (String module : List.of("mlx-native", "langchain4j-mlx", "samples")) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src"))) {
                for (Path file :
                        files.filter(f -> f.toString().endsWith(".java")).toList()) {
                    check.accept(ROOT.relativize(file), Files.readString(file));
                }
            }
        }
    }

    @Test
    void filesAreOfASizeThatCanBeRead() throws IOException {
        List<String> bad = new ArrayList<>();
        eachJavaFile((file, text) -> {
            List<String> lines = text.lines().toList();
            boolean generated = text.startsWith("// Generated");
            if (lines.size() > LINES_MAX && !generated && !file.endsWith("Ops.java")) {
                bad.add(file + " has " + lines.size() + " lines: split it, " + LINES_MAX + " is the most");
            }
            lines.stream()
                    .filter(line -> line.length() > COLUMNS_MAX
                            && !generated
                            && !file.toString().contains("src/test"))
                    .findFirst()
                    .ifPresent(line -> bad.add(file + " has a line of " + line.length() + " columns: " + line.strip()));
        });
        assertThat(bad).isEmpty();
    }

    @Test
    void commentsAreWrapped() throws IOException {
        List<String> bad = new ArrayList<>();
        eachJavaFile((file, text) -> {
            if (text.startsWith("// Generated")) {
                return;
            }
            text.lines()
                    .filter(line -> line.length() > COMMENT_COLUMNS_MAX)
                    .filter(line -> line.strip().matches("(?s)(/\\*|\\*|//).*"))
                    .forEach(line -> bad.add(file + " has a comment of " + line.length() + " columns: wrap it at "
                            + COMMENT_COLUMNS_MAX + ": " + line.strip()));
        });
        assertThat(bad).isEmpty();
    }

    @Test
    void onlyMlxNativeKnowsForeignMemory() throws IOException {
        List<String> bad = new ArrayList<>();
        eachJavaFile((file, text) -> {
            boolean main = file.toString().contains("src/main") && !file.startsWith("mlx-native");
            if (main && text.contains("java.lang." + "foreign")) {
                bad.add(file + " uses java.lang." + "foreign: give mlx-native an operation for it");
            }
        });
        assertThat(bad).isEmpty();
    }

    @Test
    void mlxNativeKnowsNothingOfLanguageModels() throws IOException {
        List<String> bad = new ArrayList<>();
        eachJavaFile((file, text) -> {
            if (file.startsWith("mlx-native") && text.contains("import " + API)) {
                bad.add(file + " imports " + API + ": MLX for Java stands below it");
            }
        });
        assertThat(bad).isEmpty();
    }

    @Test
    void knowledgeRunsOneWay() throws IOException {
        Set<String> bad = new TreeSet<>();
        eachJavaFile((file, text) -> {
            String path = file.toString().replace('\\', '/');
            String prefix = "langchain4j-mlx/src/main/java/dev/langchain4j/model/mlx/";
            if (!path.startsWith(prefix) || path.indexOf('/', prefix.length()) < 0) {
                return;
            }
            String own = packageOf(path.substring(prefix.length()).replace('/', '.'));
            Matcher m = IMPORT.matcher(text);
            while (m.find()) {
                String name = m.group(1);
                if (!name.startsWith(API + ".")) {
                    continue;
                }
                String rest = name.substring(API.length() + 1);
                String other = rest.contains(".") ? packageOf(rest) : "the API";
                if (!other.equals(own) && !MAY_KNOW.getOrDefault(own, Set.of()).contains(other)) {
                    bad.add(own + " knows " + other + " in " + file.getFileName() + ", but may only know "
                            + MAY_KNOW.getOrDefault(own, Set.of()));
                }
            }
        });
        assertThat(bad).isEmpty();
    }

    /** Packages can be put in an order in which each knows only those before it. */
    @Test
    void noPackagesKnowEachOtherInACircle() {
        Set<String> ordered = new HashSet<>(Set.of("the API"));
        Set<String> left = new TreeSet<>(MAY_KNOW.keySet());
        while (left.removeIf(name -> ordered.containsAll(MAY_KNOW.get(name)) && ordered.add(name))) {
            // those that know only ordered ones
        }
        assertThat(left).as("packages in a circle, or above one").isEmpty();
    }

    /** The package that a name is in, of those that have rules. */
    private static String packageOf(String name) {
        String first = name.substring(0, name.indexOf('.'));
        String second = name.split("\\.")[1];
        return MAY_KNOW.containsKey(first + "." + second) ? first + "." + second : first;
    }

    @Test
    void everyPackageIsInTheMap() throws IOException {
        Path top = ROOT.resolve("langchain4j-mlx/src/main/java/dev/langchain4j/model/mlx");
        try (Stream<Path> folders = Files.walk(top)) {
            assertThat(folders.filter(f -> Files.isDirectory(f) && !f.equals(top))
                            .map(f -> top.relativize(f)
                                    .toString()
                                    .replace('/', '.')
                                    .replace('\\', '.')))
                    .as("a new package needs a line in MAY_KNOW and in docs/architecture.md")
                    .containsExactlyInAnyOrderElementsOf(MAY_KNOW.keySet());
        }
    }

    @Test
    void packagesThatAreNotForApplicationsSaySo() throws IOException {
        Path top = ROOT.resolve("langchain4j-mlx/src/main/java/dev/langchain4j/model/mlx");
        for (String name : MAY_KNOW.keySet()) {
            Path info = top.resolve(name.replace('.', '/')).resolve("package-info.java");
            assertThat(Files.readString(info).contains("@Internal\npackage"))
                    .as(info + " has @Internal unless applications use the package")
                    .isEqualTo(!PUBLIC.contains(name));
        }
    }

    @Test
    void libraryCodeNeitherPrintsNorPostpones() throws IOException {
        List<String> bad = new ArrayList<>();
        eachJavaFile((file, text) -> {
            boolean library = file.toString().contains("src/main") && !file.startsWith("samples");
            if (library && text.contains("System." + "out") && !file.endsWith("Doctor.java")) {
                bad.add(file + " prints: use a logger");
            }
            if (text.contains("TO" + "DO") || text.contains("FIX" + "ME")) {
                bad.add(file + " postpones work: do it, or write an issue");
            }
        });
        assertThat(bad).isEmpty();
    }

    @Test
    void noLargeFileIsCheckedIn() throws IOException {
        List<String> bad = new ArrayList<>();
        for (String top : List.of("mlx-native/src", "mlx-native/native", "langchain4j-mlx/src", "samples", "docs")) {
            Path folder = ROOT.resolve(top);
            if (!Files.isDirectory(folder)) {
                continue;
            }
            try (Stream<Path> files = Files.walk(folder)) {
                files.filter(f -> Files.isRegularFile(f) && !f.toString().contains("/target/"))
                        .filter(f -> f.toFile().length() > FILE_BYTES_MAX)
                        .forEach(f -> bad.add(f + " has more than " + FILE_BYTES_MAX + " bytes"));
            }
        }
        assertThat(bad).isEmpty();
    }
}
