package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The rules of the pages, of the public API's Javadoc and of messages: words, length of sentences and lines, links,
 * and that each command, class and test that a page names exists. Each message says how to mend it.
 */
class ProseTest {
    private static final Path ROOT = Path.of(System.getProperty("project.root"));
    private static final int COLUMNS_MAX = 120;
    private static final int WORDS_MAX = 40;
    private static final List<String> MODULES = List.of("mlx-native", "langchain4j-mlx", "samples");
    /** Packages whose public classes applications use. */
    private static final List<String> API = List.of("", "cache", "cache/disk", "draft", "hub", "spi", "spring");

    /** Expressions that readers stumbled over, and the words of the field for them. */
    private static final Map<Pattern, String> WORDS = words(
            "told (from|by|apart)", "detected from, distinguished",
            "tells? (them|it|this|these)( all)? apart", "distinguishes",
            "(best|worst) and the middle|middle one of", "median",
            "what runs", "running requests",
            "(see|hear)s? the text part|folders that (see|hear)", "multimodal",
            "one behind the other", "in sequence, one after the other",
            "and (its|their) kin", "and similar models",
            "in clear", "unencrypted",
            "the very (same )?(bits|prompt|logits|last|address|tokens|end|first)", "identical, the same",
            "goes? on (as|with|behind|to|where)", "continues",
            "all the same", "nevertheless, still",
            "who(ever)? (asks|comes|hears|sees|wants|uses|needs|has) (it|what|them|one)",
                    "a subject: the caller, a request",
            "nobody (is|has|can|else|waits|needs|loads?|loaded) ", "no request, no caller",
            "the step in hand", "the current step",
            "anew", "again",
            "behind (it|them|the|text)", "after",
            "a stranger's", "untrusted",
            "is made anew|written anew|computed anew|read anew", "again",
            "its like\\b|their like\\b", "similar",
            "out of order is mended|are mended|is mended", "repaired, corrected",
            "that is how|so it goes", "a fact",
            "pictures? in words|in plain words of risk", "described",
            "wait(s)? for nobody", "does not wait",
            "many of a kind", "several",
            "whose turn it is to", "the next request",
            "what there is of", "the content of",
            "no prompt can be faster", "a figure and its command",
            "[Aa]ny Jinja template", "the templates that a test renders",
            "(?<!there )(is|are) no (JSON|folder|file|regular file|path|directory|index|adapter|reranker|tensor|id|size)\\b",
                    "is not a ...",
            "(and|which) (is|are) none\\b", "is not one",
            "longer than nothing", "positive",
            "as its wheel comes|as (it|they) should\\b", "unmodified, correctly",
            "(it|they|what it|what they) said stands|why stands above", "its output is above",
            "does not write\\b(?! (?:it|to|them))", "generates no text",
            "is over: ", "was exceeded",
            "(does|do) not see images|of a blind model", "does not support images",
            "(which|that) (is|was|were|are) not read: ", "is not supported",
            "has not\\.", "does not have",
            "in another way", "differently",
            "others than", "other ... than, default",
            "made tokens|made of it: ", "tokenized, converted",
            "(the|of) likeliest", "most likely",
            "Hears?|(is|are) told (of|,)|[Ww]ho is told", "receives, notified, listeners",
            "Most (tokens|bytes|texts|time|images|connections)", "maximum",
            "says? nothing of", "does not describe",
            "in (our|its|their|a way of (its|their)) own words", "written for this project",
            "takes? the place of", "replaces",
            "at hand", "available",
            "for ever\\b", "forever",
            "in vain", "wasted");

    private record Text(String place, String text) {}

    private static Map<Pattern, String> words(String... pairs) {
        Map<Pattern, String> words = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            words.put(Pattern.compile("\\b(?:" + pairs[i] + ")"), pairs[i + 1]);
        }
        return words;
    }

    private static Map<String, String> pages() throws IOException {
        Map<String, String> pages = new TreeMap<>();
        List<Path> files = new ArrayList<>(List.of(
                ROOT.resolve("README.md"),
                ROOT.resolve(".github/CONTRIBUTING.md"),
                ROOT.resolve(".github/SECURITY.md")));
        try (Stream<Path> docs = Files.walk(ROOT.resolve("docs"))) {
            docs.filter(file -> file.toString().endsWith(".md")).forEach(files::add);
        }
        for (Path file : files) {
            pages.put(ROOT.relativize(file).toString().replace('\\', '/'), Files.readString(file));
        }
        return pages;
    }

    /** A page without its blocks of code, which keep their lines. */
    private static String withoutCode(String page) {
        return Pattern.compile("(?ms)^ *```.*?^ *```").matcher(page).replaceAll(block -> "\n"
                .repeat((int) block.group().chars().filter(c -> c == '\n').count()));
    }

    /** Javadoc comments of the public API as texts. */
    private static List<Text> javadoc() throws IOException {
        List<Text> comments = new ArrayList<>();
        Path top = ROOT.resolve("langchain4j-mlx/src/main/java/dev/langchain4j/model/mlx");
        Pattern comment = Pattern.compile("(?s)/\\*\\*(.*?)\\*/");
        for (String folder : API) {
            try (Stream<Path> files = Files.list(top.resolve(folder))) {
                for (Path file :
                        files.filter(f -> f.toString().endsWith(".java")).toList()) {
                    String text = Files.readString(file);
                    if (!Pattern.compile("(?m)^public ").matcher(text).find() || text.contains("\n@Internal\n")) {
                        continue;
                    }
                    Matcher matcher = comment.matcher(text);
                    while (matcher.find()) {
                        long line = text.substring(0, matcher.start()).lines().count() + 1;
                        comments.add(new Text(
                                file.getFileName() + ":" + line,
                                matcher.group(1).replaceAll("\n *\\* ?", "\n")));
                    }
                }
            }
        }
        return comments;
    }

    /** The texts in the code of all modules, which users read in exceptions, logs and what programs print. */
    private static List<Text> messages() throws IOException {
        List<Text> messages = new ArrayList<>();
        Pattern literal = Pattern.compile("(?m)^ *(?://|\\*|/\\*).*|\"((?:\\\\.|[^\"\\\\\n])*)\"");
        for (String module : MODULES) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src/main/java"))) {
                for (Path file :
                        files.filter(f -> f.toString().endsWith(".java")).toList()) {
                    // Parts of one text, joined.
                    String text = Files.readString(file).replaceAll("\"\\s*\\+\\s*\"", "");
                    StringBuilder all = new StringBuilder();
                    Matcher matcher = literal.matcher(text);
                    while (matcher.find()) {
                        if (matcher.group(1) != null) {
                            all.append(matcher.group(1)).append("\n");
                        }
                    }
                    messages.add(new Text(file.getFileName().toString(), all.toString()));
                }
            }
        }
        return messages;
    }

    private static List<Text> allTexts() throws IOException {
        List<Text> texts = javadoc();
        pages().forEach((name, page) -> texts.add(new Text(name, withoutCode(page))));
        return texts;
    }

    @Test
    void wordsAreThoseOfTheField() throws IOException {
        List<String> bad = new ArrayList<>();
        List<Text> texts = allTexts();
        texts.addAll(messages());
        for (Text text : texts) {
            String flat = text.text().replaceAll("\\s+", " ");
            WORDS.forEach((word, instead) -> {
                Matcher matcher = word.matcher(flat);
                while (matcher.find()) {
                    int from = Math.max(0, matcher.start() - 30);
                    int to = Math.min(flat.length(), matcher.end() + 30);
                    bad.add(text.place() + ": \"" + flat.substring(from, to) + "\": write " + instead);
                }
            });
        }
        assertThat(bad).isEmpty();
    }

    @Test
    void sentencesAreShort() throws IOException {
        List<String> bad = new ArrayList<>();
        for (Text text : allTexts()) {
            for (String paragraph : text.text().split("\\n\\s*\\n|\\n(?=\\s*(?:[-*|#@]|\\d+\\.|<)\\s?)")) {
                String prose = paragraph.replaceAll("\\[([^]]*)]\\([^)]*\\)", "$1");
                for (String cell : prose.split("\\|")) {
                    for (String sentence : cell.split("(?<=[.!?:;]|[.!?:;]\\*\\*|[.!?:;]\\))\\s+")) {
                        int words = sentence.strip().split("\\s+").length;
                        // A list of names is no sentence.
                        if (words > WORDS_MAX
                                && sentence.chars().filter(c -> c == ',').count() < words / 3) {
                            bad.add("%s: %d words, at most %d: %s"
                                    .formatted(text.place(), words, WORDS_MAX, sentence.strip()));
                        }
                    }
                }
            }
        }
        assertThat(bad).isEmpty();
    }

    @Test
    void linesOfPagesAreWrapped() throws IOException {
        List<String> bad = new ArrayList<>();
        pages().forEach((name, page) -> {
            String[] lines = withoutCode(page).split("\n");
            for (int i = 0; i < lines.length; i++) {
                boolean table = lines[i].stripLeading().startsWith("|");
                if (lines[i].length() > COLUMNS_MAX && !table) {
                    bad.add(name + ":" + (i + 1) + " has " + lines[i].length() + " columns: wrap it at " + COLUMNS_MAX);
                }
            }
        });
        assertThat(bad).isEmpty();
    }

    @Test
    void linksLeadSomewhere() throws IOException {
        Map<String, String> pages = pages();
        List<String> bad = new ArrayList<>();
        Pattern link = Pattern.compile("]\\(([^)\\s]+)\\)");
        pages.forEach((name, page) -> {
            Matcher matcher = link.matcher(withoutCode(page));
            while (matcher.find()) {
                String target = matcher.group(1);
                if (target.matches("[a-z]+:.*")) {
                    continue;
                }
                int hash = target.indexOf('#');
                String file = hash < 0 ? target : target.substring(0, hash);
                Path path = file.isEmpty()
                        ? ROOT.resolve(name)
                        : ROOT.resolve(name).resolveSibling(file).normalize();
                if (!Files.exists(path)) {
                    bad.add(name + " links to " + target + ", which is not there");
                    continue;
                }
                String other = pages.get(ROOT.relativize(path).toString().replace('\\', '/'));
                if (hash >= 0 && (other == null || !anchors(other).contains(target.substring(hash + 1)))) {
                    bad.add(name + " links to " + target + ", whose heading is not there");
                }
            }
        });
        assertThat(bad).isEmpty();
    }

    /** The anchors of a page's headings, as GitHub makes them. */
    private static List<String> anchors(String page) {
        return withoutCode(page)
                .lines()
                .filter(line -> line.matches("#+ .*"))
                .map(line -> line.replaceFirst("#+ ", "")
                        .toLowerCase(Locale.ROOT)
                        .replaceAll("[^\\w\\- ]", "")
                        .replace(' ', '-'))
                .toList();
    }

    @Test
    void whatPagesNameExists() throws IOException {
        List<String> names = new ArrayList<>();
        for (String module : MODULES) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src"))) {
                files.map(file -> file.getFileName().toString())
                        .filter(file -> file.endsWith(".java"))
                        .map(file -> file.substring(0, file.length() - ".java".length()))
                        .forEach(names::add);
            }
        }
        List<String> bad = new ArrayList<>();
        Pattern test = Pattern.compile("`([A-Z]\\w*(?:Test|IT))(?:\\.\\w+)?`");
        Pattern sample = Pattern.compile("samples/run ([a-z]+)");
        pages().forEach((name, page) -> {
            Matcher tests = test.matcher(page);
            while (tests.find()) {
                if (!names.contains(tests.group(1)) && !tests.group(1).startsWith("Abstract")) {
                    bad.add(name + " names " + tests.group(1) + ", which is no test of this repository");
                }
            }
            Matcher samples = sample.matcher(page);
            while (samples.find()) {
                String word = samples.group(1);
                String type = Character.toUpperCase(word.charAt(0)) + word.substring(1) + "Sample";
                if (!word.equals("jmh") && !names.contains(type)) {
                    bad.add(name + " names samples/run " + word + ", which is no sample");
                }
            }
        });
        assertThat(bad).isEmpty();
    }

    /** What samples/run lists without a name. */
    @Test
    void everySampleIsInReadme() throws IOException {
        String readme = pages().get("README.md");
        try (Stream<Path> files = Files.list(ROOT.resolve("samples/src/main/java/dev/langchain4j/model/mlx/samples"))) {
            assertThat(files.map(file -> file.getFileName().toString())
                            .filter(file -> file.endsWith("Sample.java"))
                            .map(file -> "| `samples/run "
                                    + file.replace("Sample.java", "").toLowerCase(Locale.ROOT))
                            .filter(row -> !readme.contains(row)))
                    .as("rows that README.md's table of samples lacks")
                    .isEmpty();
        }
    }

    /** A table of figures needs the command or the test that prints it in its section. */
    @Test
    void figuresHaveTheirCommand() throws IOException {
        List<String> bad = new ArrayList<>();
        Pattern figures = Pattern.compile("(?m)^\\|.*\\|\\s*[\\d,]*\\d\\.\\d+[\\d\\s./%e+-]*\\|");
        Pattern command = Pattern.compile("samples/run \\w+|mvn |python|\\w+(?:Test|Benchmark)\\b");
        pages().forEach((name, page) -> {
            String[] sections = page.split("(?m)^(?=## )");
            for (String section : sections) {
                if (figures.matcher(section).find() && !command.matcher(section).find()) {
                    bad.add(name + ", section " + section.lines().findFirst().orElse("")
                            + ": name the command that prints its figures");
                }
            }
        });
        assertThat(bad).isEmpty();
    }
}
