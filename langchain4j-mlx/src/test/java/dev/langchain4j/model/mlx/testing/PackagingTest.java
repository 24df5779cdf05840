package dev.langchain4j.model.mlx.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.lang.model.SourceVersion;
import org.junit.jupiter.api.Test;

/** What others build on: the dependencies that the documents name, module names, licences, versions. */
class PackagingTest {
    private static final Path ROOT = Path.of(System.getProperty("project.root"));

    private static String read(String file) throws IOException {
        return Files.readString(ROOT.resolve(file));
    }

    private static List<String> all(String regex, String text) {
        return Pattern.compile(regex)
                .matcher(text)
                .results()
                .map(m -> m.group(1))
                .toList();
    }

    @Test
    void theDocumentsNameEveryDependencyOfTheirSnippets() throws IOException {
        String version = all("<langchain4j.version>([^<]+)<", read("pom.xml")).getFirst();
        for (String page : List.of("README.md", "docs/integration.md")) {
            Matcher block = Pattern.compile("(?s)```xml\n(<dependency>.*?)```").matcher(read(page));
            assertThat(block.find()).as(page).isTrue();
            assertThat(all("<artifactId>([^<]+)<", block.group(1)))
                    .as(page)
                    .containsExactly("langchain4j", "langchain4j-mlx", "mlx-native");
            assertThat(all("<version>([^<]+)<", block.group(1)).getFirst())
                    .as(page)
                    .isEqualTo(version);
        }
    }

    @Test
    void everyNativesJarHasAModuleName() throws IOException {
        String pom = read("mlx-native/pom.xml");
        List<String> names = all("<natives.module>([^<]+)<", pom);
        assertThat(names).doesNotHaveDuplicates().hasSameSizeAs(all("<natives.platform>([^<]+)<", pom));
        assertThat(names).allMatch(SourceVersion::isName);
        assertThat(all("<Automatic-Module-Name>([^<]+)<", pom)).containsExactly("${natives.module}");
    }

    @Test
    void jarsHaveTheLicence() throws IOException {
        assertThat(getClass().getClassLoader().getResource("META-INF/LICENSE"))
                .as("the licence of langchain4j-mlx, or of a library")
                .isNotNull();
        assertThat(all("<include>(LICENSE)<", read("pom.xml"))).hasSize(1);
        assertThat(all("<include>(LICENSE|NOTICE)<", read("mlx-native/pom.xml")))
                .contains("LICENSE", "NOTICE");
        assertThat(read("mlx-native/native/NOTICE")).contains("MLX", "OpenBLAS", "tokenizers", "llguidance");
    }

    @Test
    void noVersionIsLowerThanLangChain4jsOwn() throws IOException {
        assertThat(read("pom.xml")).contains("<requireUpperBoundDeps />");
    }
}
