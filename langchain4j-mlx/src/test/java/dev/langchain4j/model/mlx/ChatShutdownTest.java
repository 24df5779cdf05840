package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.mlx.testing.RandomModel;
import java.io.BufferedReader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A JVM that gets SIGTERM while a model answers: the answer comes, or its end is told; and the JVM ends. */
@Timeout(180)
class ChatShutdownTest {
    private static final int TERMINATED = 128 + 15;
    private static final String TEMPLATE = "{%- for m in messages %}{{ m['content'] }}{%- endfor %}";

    @TempDir
    Path folder;

    /** Asks for so many tokens, says what it gets, and what a request gets that comes later. */
    static final class Application {
        private Application() {}

        public static void main(String[] args) throws Exception {
            MlxModel mlx = MlxModel.builder()
                    .modelPath(Path.of(args[0]))
                    .gracePeriod(Duration.ofMillis(Long.parseLong(args[2])))
                    .build();
            MlxChatModel chat = MlxChatModel.builder().model(mlx).build();
            Thread.ofPlatform().start(() -> {
                try {
                    int tokens = chat.chat(request(Integer.parseInt(args[1])))
                            .tokenUsage()
                            .outputTokenCount();
                    System.out.println("answer of " + tokens + " tokens");
                } catch (RuntimeException e) {
                    System.out.println(e.getClass().getSimpleName());
                }
            });
            while (mlx.engine().stats().running() == 0) {
                Thread.sleep(1);
            }
            System.out.println("running");
            while (true) {
                try {
                    chat.chat(request(1));
                } catch (RuntimeException e) {
                    System.out.println("refused: " + e.getClass().getSimpleName());
                    return;
                }
            }
        }

        private static ChatRequest request(int tokens) {
            return ChatRequest.builder()
                    .messages(UserMessage.from("Hello!"))
                    .parameters(MlxChatRequestParameters.builder()
                            .maxOutputTokens(tokens)
                            .logitBias(Map.of(0, -1000.0, 1, -1000.0, 2, -1000.0, 3, -1000.0))
                            .build())
                    .build();
        }
    }

    private List<String> terminated(int tokens, long graceMillis) throws Exception {
        Path model = RandomModel.write(folder.resolve("model"), TEMPLATE, List.of(), 1);
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-Dlangchain4j.mlx.native.path=" + System.getProperty("langchain4j.mlx.native.path"),
                        "-Dproject.root=" + System.getProperty("project.root"),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Application.class.getName(),
                        model.toString(),
                        "" + tokens,
                        "" + graceMillis)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try (BufferedReader output = process.inputReader()) {
            String line = output.readLine();
            while (!"running".equals(line)) {
                assertThat(line).as("it began").isNotNull();
                line = output.readLine();
            }
            process.toHandle().destroy();
            List<String> lines = output.lines().toList();
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("ended").isTrue();
            assertThat(process.exitValue()).as("exit code").isEqualTo(TERMINATED);
            return lines;
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void aRunningRequestReturnsItsAnswerAndNewOnesAreRefused() throws Exception {
        assertThat(terminated(1_000, 60_000)).contains("answer of 1000 tokens", "refused: NonRetriableException");
    }

    @Test
    void afterTheGracePeriodTheRequestFailsAndTheJvmEnds() throws Exception {
        assertThat(terminated(60_000, 100)).contains("NonRetriableException");
    }
}
