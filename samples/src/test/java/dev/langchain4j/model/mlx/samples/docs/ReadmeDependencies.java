package dev.langchain4j.model.mlx.samples.docs;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.xml.sax.SAXException;

/**
 * The class path of an application that has the dependencies of README.md and no others: these artifacts, and what
 * their POMs bring along. A subset of the class path of this test.
 */
final class ReadmeDependencies {
    private static final Pattern ARTIFACT = Pattern.compile("<artifactId>([^<]+)</artifactId>");
    private static final Pattern BLOCK = Pattern.compile("(?s)<dependency>.*?</dependency>");

    private ReadmeDependencies() {}

    /** The class path for the dependencies that a page shows in its blocks of XML. */
    static String classPath(String page) throws IOException {
        Map<String, Path> entries = entriesByArtifact();
        Deque<String> open = new ArrayDeque<>();
        Matcher block = BLOCK.matcher(page);
        while (block.find()) {
            Matcher artifact = ARTIFACT.matcher(block.group());
            if (artifact.find()) {
                open.add(artifact.group(1));
            }
        }
        Set<String> seen = new HashSet<>();
        List<String> path = new ArrayList<>();
        while (!open.isEmpty()) {
            String artifact = open.remove();
            Path entry = entries.get(artifact);
            if (entry != null && seen.add(artifact)) {
                path.add(entry.toString());
                open.addAll(dependencies(pom(entry)));
            }
        }
        return String.join(File.pathSeparator, path);
    }

    /** Entries of this test's class path: jars of the local repository, and modules of this build. */
    private static Map<String, Path> entriesByArtifact() {
        Map<String, Path> entries = new HashMap<>();
        for (String name : System.getProperty("java.class.path").split(File.pathSeparator)) {
            Path entry = Path.of(name).toAbsolutePath();
            if (!entry.endsWith("test-classes")) {
                entries.putIfAbsent(artifact(entry), entry);
            }
        }
        return entries;
    }

    private static String artifact(Path entry) {
        return isOfBuild(entry)
                ? module(entry).getFileName().toString()
                : entry.getParent().getParent().getFileName().toString();
    }

    private static boolean isOfBuild(Path entry) {
        return entry.getParent().endsWith("target");
    }

    private static Path module(Path entry) {
        return entry.getParent().getParent();
    }

    private static Path pom(Path entry) {
        return isOfBuild(entry)
                ? module(entry).resolve("pom.xml")
                : entry.resolveSibling(entry.getFileName().toString().replaceFirst("\\.jar$", ".pom"));
    }

    /** Artifacts that a POM brings along: not optional, and of the scopes compile and runtime. */
    private static List<String> dependencies(Path pom) throws IOException {
        List<String> artifacts = new ArrayList<>();
        if (!Files.exists(pom)) {
            return artifacts;
        }
        try {
            Element project = DocumentBuilderFactory.newInstance()
                    .newDocumentBuilder()
                    .parse(pom.toFile())
                    .getDocumentElement();
            for (Element list : children(project, "dependencies")) {
                for (Element dependency : children(list, "dependency")) {
                    String scope = text(dependency, "scope");
                    if (!text(dependency, "optional").equals("true") && scope.matches("|compile|runtime")) {
                        artifacts.add(text(dependency, "artifactId"));
                    }
                }
            }
        } catch (ParserConfigurationException | SAXException e) {
            throw new IOException("cannot read " + pom, e);
        }
        return artifacts;
    }

    private static String text(Element parent, String name) {
        return children(parent, name).stream()
                .map(child -> child.getTextContent().strip())
                .findFirst()
                .orElse("");
    }

    private static List<Element> children(Element parent, String name) {
        List<Element> children = new ArrayList<>();
        for (Node node = parent.getFirstChild(); node != null; node = node.getNextSibling()) {
            if (node instanceof Element element && element.getTagName().equals(name)) {
                children.add(element);
            }
        }
        return children;
    }
}
