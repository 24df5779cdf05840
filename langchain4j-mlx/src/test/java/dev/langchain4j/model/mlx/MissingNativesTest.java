package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.testing.DemoModel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Machines without MLX, as processes that say so of themselves: each kind of model tells what is missing, each time.
 */
class MissingNativesTest {
    @TempDir
    Path temp;

    /** Makes each kind of model twice, and prints how that failed. */
    static final class Attempts {
        private Attempts() {}

        /** Argument: the folder of a model. */
        public static void main(String[] args) {
            Path folder = Path.of(args[0]);
            for (int i = 0; i < 2; i++) {
                attempt("chat", () -> MlxChatModel.builder().modelPath(folder).build());
                attempt(
                        "chat by name",
                        () -> MlxChatModel.builder().modelName("a/b").build());
                attempt(
                        "embedding",
                        () -> MlxEmbeddingModel.builder().modelPath(folder).build());
                attempt(
                        "scoring",
                        () -> MlxScoringModel.builder().modelPath(folder).build());
                attempt("model", () -> MlxModel.load(folder));
            }
        }

        private static void attempt(String kind, Callable<?> build) {
            try {
                System.out.println(kind + ": made " + build.call());
            } catch (Throwable e) {
                System.out.println(kind + ": " + e.getClass().getSimpleName() + ": " + e.getMessage());
            }
        }
    }

    private String outputOf(String os, String arch) throws Exception {
        ProcessBuilder builder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-Dos.name=" + os,
                        "-Dos.arch=" + arch,
                        "-Duser.home=" + temp,
                        "-Dlangchain4j.mlx.native.path=" + temp.resolve("nowhere"),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Attempts.class.getName(),
                        DemoModel.folder().toString())
                .redirectErrorStream(true);
        builder.environment().remove("LANGCHAIN4J_MLX_NATIVE_PATH");
        Process process = builder.start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(out).isZero();
        return out;
    }

    @Test
    void eachKindOfModelNamesThePlacesAndWhatThereIs() throws Exception {
        for (List<String> machine : List.of(
                List.of("Windows 11", "amd64", "windows-11-x86_64"),
                List.of("Mac OS X", "x86_64", "osx-x86_64"),
                List.of("Linux", "riscv64", "linux-riscv64"))) {
            String out = outputOf(machine.get(0), machine.get(1));
            for (String kind : List.of("chat", "chat by name", "embedding", "scoring", "model")) {
                assertThat(out.lines()
                                .filter(line -> line.startsWith(kind + ": ModelNotFoundException: could not load ")))
                        .as(kind + " in " + out)
                        .hasSize(2);
            }
            assertThat(out)
                    .contains("system property langchain4j.mlx.native.path: no file " + temp.resolve("nowhere"))
                    .contains("There is no MLX for " + machine.get(2))
                    .doesNotContain("ExceptionInInitializerError", "NoClassDefFoundError", "InvalidRequestException");
        }
    }
}
