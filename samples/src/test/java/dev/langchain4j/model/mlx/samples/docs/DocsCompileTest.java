package dev.langchain4j.model.mlx.samples.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every block of Java in README and docs compiles, as the body of a method, as members of a class or as a file. */
class DocsCompileTest {
    private static final Path ROOT = Path.of(System.getProperty("project.root"));
    private static final Pattern BLOCK = Pattern.compile("(?ms)^```java\\n(.*?)^```");
    private static final Pattern IMPORT = Pattern.compile("(?m)^import [^;]+;\\n?");
    private static final Pattern PUBLIC = Pattern.compile("(?m)^public (?:final )?(?:class|interface|record) (\\w+)");
    private static final List<String> PACKAGES = List.of(
            "com.fasterxml.jackson.databind",
            "dev.langchain4j.agent.tool",
            "dev.langchain4j.agentic",
            "dev.langchain4j.data.document",
            "dev.langchain4j.data.embedding",
            "dev.langchain4j.data.message",
            "dev.langchain4j.data.segment",
            "dev.langchain4j.exception",
            "dev.langchain4j.memory",
            "dev.langchain4j.memory.chat",
            "dev.langchain4j.mlx",
            "dev.langchain4j.model.chat",
            "dev.langchain4j.model.chat.listener",
            "dev.langchain4j.model.chat.request",
            "dev.langchain4j.model.chat.request.json",
            "dev.langchain4j.model.chat.response",
            "dev.langchain4j.model.decision",
            "dev.langchain4j.model.decision.request",
            "dev.langchain4j.model.decision.response",
            "dev.langchain4j.model.embedding",
            "dev.langchain4j.model.embedding.request",
            "dev.langchain4j.model.embedding.response",
            "dev.langchain4j.model.mlx",
            "dev.langchain4j.model.mlx.cache",
            "dev.langchain4j.model.mlx.cache.disk",
            "dev.langchain4j.model.mlx.hub",
            "dev.langchain4j.model.output",
            "dev.langchain4j.model.scoring",
            "dev.langchain4j.rag.content.aggregator",
            "dev.langchain4j.store.memory.chat",
            "jakarta.enterprise.context",
            "jakarta.enterprise.inject",
            "jakarta.inject",
            "java.io",
            "java.nio.file",
            "java.time",
            "java.util",
            "java.util.concurrent",
            "java.util.function",
            "org.springframework.context.annotation");
    /** Of packages whose other names are ambiguous. */
    private static final List<String> CLASSES = List.of(
            "dev.langchain4j.data.message.Content",
            "dev.langchain4j.model.catalog.ModelDescription",
            "dev.langchain4j.service.AiServices",
            "dev.langchain4j.service.MemoryId",
            "dev.langchain4j.service.Result",
            "dev.langchain4j.service.TokenStream",
            "jakarta.inject.Singleton",
            "org.springframework.beans.factory.annotation.Value");

    private static final JavaCompiler COMPILER = ToolProvider.getSystemJavaCompiler();

    /** What a block is part of. */
    private enum Form {
        BODY,
        MEMBERS,
        FILE
    }

    /** A block and the place where it stands. */
    private record Block(String place, String code) {}

    /** A source text of a class of its own. */
    private static final class Source extends SimpleJavaFileObject {
        private final String text;

        Source(String className, String text) {
            super(URI.create("string:///docs/" + className + ".java"), Kind.SOURCE);
            this.text = text;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return text;
        }
    }

    @TempDir
    private Path classes;

    @Test
    void everyBlockCompiles() throws IOException {
        List<Block> blocks = blocks();
        assertThat(blocks).hasSizeGreaterThan(5);
        assertThat(failures(blocks, System.getProperty("java.class.path"))).isEmpty();
    }

    /** A reader who copies the dependencies of README.md must be able to compile its examples with them. */
    @Test
    void blocksOfReadmeCompileWithItsDependencies() throws IOException {
        List<Block> blocks = blocks().stream()
                .filter(block -> block.place().startsWith("README.md"))
                .toList();
        String path = ReadmeDependencies.classPath(Files.readString(ROOT.resolve("README.md")));
        assertThat(path).contains("langchain4j-core").doesNotContain("javalin").doesNotContain("agentic");
        Path prelude = Path.of(Prelude.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .getPath());
        assertThat(blocks).hasSizeGreaterThan(1);
        assertThat(failures(blocks, path + File.pathSeparator + prelude)).isEmpty();
    }

    private List<String> failures(List<Block> blocks, String path) {
        List<String> failures = new ArrayList<>();
        Map<Integer, String> asBodies = compile(blocks, Form.BODY, path);
        asBodies.forEach((i, asBody) -> {
            Block block = blocks.get(i);
            if (Stream.of(Form.MEMBERS, Form.FILE)
                    .allMatch(form -> !compile(List.of(block), form, path).isEmpty())) {
                failures.add(block.place() + ": " + asBody + "\n" + block.code());
            }
        });
        return failures;
    }

    private static List<Block> blocks() throws IOException {
        List<Block> blocks = new ArrayList<>();
        List<Path> pages = new ArrayList<>(List.of(ROOT.resolve("README.md")));
        try (Stream<Path> files = Files.walk(ROOT.resolve("docs"))) {
            files.filter(file -> file.toString().endsWith(".md")).sorted().forEach(pages::add);
        }
        for (Path page : pages) {
            String text = Files.readString(page);
            Matcher matcher = BLOCK.matcher(text);
            while (matcher.find()) {
                long line = text.substring(0, matcher.start()).lines().count() + 1;
                blocks.add(new Block(ROOT.relativize(page) + ":" + line, matcher.group(1)));
            }
        }
        return blocks;
    }

    /** First errors of the blocks that do not compile, by index. */
    private Map<Integer, String> compile(List<Block> blocks, Form form, String path) {
        List<Source> sources = new ArrayList<>();
        for (int i = 0; i < blocks.size(); i++) {
            String code = blocks.get(i).code();
            Matcher type = PUBLIC.matcher(code);
            String name = form == Form.FILE && type.find() ? type.group(1) : "Block" + i;
            sources.add(source(name, code, form, path));
        }
        DiagnosticCollector<JavaFileObject> diagnostics = new DiagnosticCollector<>();
        List<String> options = List.of("-proc:none", "-nowarn", "-d", classes.toString(), "-cp", path);
        COMPILER.getTask(null, null, diagnostics, options, null, sources).call();
        Map<Integer, String> errors = new LinkedHashMap<>();
        for (Diagnostic<? extends JavaFileObject> diagnostic : diagnostics.getDiagnostics()) {
            if (diagnostic.getKind() == Diagnostic.Kind.ERROR && diagnostic.getSource() instanceof Source source) {
                errors.putIfAbsent(sources.indexOf(source), diagnostic.getMessage(null));
            }
        }
        return errors;
    }

    private static Source source(String className, String code, Form form, String path) {
        // What README.md does not bring cannot be imported by its blocks.
        boolean everything = path.equals(System.getProperty("java.class.path"));
        String imports = Stream.concat(PACKAGES.stream().map(name -> name + ".*"), CLASSES.stream())
                .filter(name -> everything || name.matches("(java|dev\\.langchain4j)\\..*"))
                .filter(name -> everything || !name.startsWith("dev.langchain4j.agentic"))
                .map(name -> "import " + name + ";\n")
                .collect(Collectors.joining());
        for (String name : List.of("UserMessage", "SystemMessage")) {
            // The annotation of AI services, or the message of the same name.
            String home = code.contains("@" + name) ? "dev.langchain4j.service." : "dev.langchain4j.data.message.";
            imports += "import " + home + name + ";\n";
        }
        Matcher own = IMPORT.matcher(code);
        StringBuilder ownImports = new StringBuilder();
        while (own.find()) {
            ownImports.append(own.group().strip()).append('\n');
        }
        String rest = own.replaceAll("");
        String text =
                switch (form) {
                    case BODY -> inClass(className, "void code() throws Exception {\n" + rest + "}\n");
                    case MEMBERS -> inClass(className, rest);
                    case FILE -> rest;
                };
        return new Source(className, "package docs;\n" + imports + ownImports + text);
    }

    private static String inClass(String className, String members) {
        return "class " + className + " extends " + Prelude.class.getName() + " {\n" + members + "}\n";
    }
}
