package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The JVM accepts each class with the core of LangChain4j that is there. A class may be compiled with another one, in
 * which an exception has another superclass; the JVM finds that out when it is first used.
 */
class VerifiedClassesTest {

    @Test
    void eachClassIsAccepted() throws Exception {
        List<String> rejected = new ArrayList<>();
        List<String> names = names();
        assertThat(names).hasSizeGreaterThan(300);
        for (String name : names) {
            try {
                Class.forName(name, true, getClass().getClassLoader());
            } catch (VerifyError e) {
                rejected.add(name + ": " + e.getMessage());
            } catch (NoClassDefFoundError e) {
                // What only a newer core has, in classes that are used with that one alone.
                if (!e.getMessage().startsWith("dev/langchain4j/model/")) {
                    rejected.add(name + ": " + e.getMessage());
                }
            }
        }
        assertThat(rejected).isEmpty();
    }

    /** Names of all classes of the library, whether they are in a folder or a jar. */
    private static List<String> names() throws IOException {
        String inside = "/dev/langchain4j/model/mlx";
        URI place = URI.create(MlxModel.class.getResource("MlxModel.class").toString());
        if (!place.getScheme().equals("jar")) {
            return names(Path.of(place).getParent());
        }
        try (FileSystem jar = FileSystems.newFileSystem(
                URI.create(place.toString().substring(0, place.toString().indexOf('!'))), Map.of())) {
            return names(jar.getPath(inside));
        }
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.map(file ->
                            folder.relativize(file).toString().replace('/', '.').replace('\\', '.'))
                    .filter(file -> file.endsWith(".class") && !file.endsWith("package-info.class"))
                    .map(file -> "dev.langchain4j.model.mlx." + file.substring(0, file.length() - ".class".length()))
                    .toList();
        }
    }
}
