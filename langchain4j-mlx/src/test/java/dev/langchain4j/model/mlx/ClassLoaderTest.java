package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.memory.chat.MessageWindowChatMemory;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.service.AiServices;
import dev.langchain4j.service.MemoryId;
import dev.langchain4j.service.TokenStream;
import dev.langchain4j.service.UserMessage;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Metrics;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.File;
import java.lang.ref.WeakReference;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import jdk.jfr.Recording;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An application that is deployed anew in a fresh class loader leaves none of the old ones behind. */
class ClassLoaderTest {
    private static final int DEPLOYMENTS = 3;
    private static final String OWN = "dev\\.langchain4j\\.(model\\.)?mlx\\..*";

    /** LangChain4j keeps the methods of services that it has checked, so this one is the libraries'. */
    public interface Assistant {
        /** Answers. */
        String chat(@MemoryId String id, @UserMessage String message);

        /** Answers piece by piece. */
        TokenStream stream(@MemoryId String id, @UserMessage String message);
    }

    /** What an application does between start and stop. */
    public static final class Application implements Runnable {
        @Override
        public void run() {
            MlxChatModel chat = MlxChatModel.builder()
                    .modelPath(DemoModel.folder())
                    .temperature(0.0)
                    .build();
            MlxStreamingChatModel streaming = MlxStreamingChatModel.builder()
                    .modelPath(DemoModel.folder())
                    .build();
            MeterRegistry registry = Metrics.globalRegistry;
            MlxMetrics metrics = new MlxMetrics(chat.model());
            metrics.bindTo(registry);
            chat.chat("Hello!");
            Assistant assistant = AiServices.builder(Assistant.class)
                    .chatModel(chat)
                    .streamingChatModel(streaming)
                    .chatMemoryProvider(id -> MessageWindowChatMemory.withMaxMessages(10))
                    .build();
            assistant.chat("1", "Hello!");
            CompletableFuture<ChatResponse> streamed = new CompletableFuture<>();
            assistant.stream("2", "Hello!")
                    .onPartialResponse(piece -> {})
                    .onCompleteResponse(streamed::complete)
                    .onError(streamed::completeExceptionally)
                    .start();
            streamed.join();
            CompletableFuture<ChatResponse> done = new CompletableFuture<>();
            streaming.chat("Hello!", new StreamingChatResponseHandler() {
                @Override
                public void onCompleteResponse(ChatResponse response) {
                    done.complete(response);
                }

                @Override
                public void onError(Throwable error) {
                    done.completeExceptionally(error);
                }
            });
            done.join();
            try (MlxEmbeddingModel embedding = MlxEmbeddingModel.builder()
                    .modelPath(Goldens.own("embeddings").resolve("bert-mean"))
                    .build()) {
                embedding.embed("Hello!");
            }
            metrics.close();
            streaming.close();
            chat.close();
        }
    }

    /** Deploys the application several times, and ends with the number of class loaders that stayed. */
    static final class Server {
        private Server() {}

        public static void main(String[] args) throws Exception {
            Metrics.addRegistry(new SimpleMeterRegistry());
            try (Recording recording = new Recording()) {
                recording.start();
                int left = 0;
                for (int i = 0; i < DEPLOYMENTS; i++) {
                    left += isLeft(deploy(args[0].equals("everything"))) ? 1 : 0;
                }
                System.exit(left);
            }
        }

        private static WeakReference<ClassLoader> deploy(boolean everything) throws Exception {
            URLClassLoader loader =
                    new URLClassLoader(urls(), everything ? ClassLoader.getPlatformClassLoader() : new Libraries());
            Thread.currentThread().setContextClassLoader(loader);
            ((Runnable) loader.loadClass(Application.class.getName())
                            .getConstructor()
                            .newInstance())
                    .run();
            Thread.currentThread().setContextClassLoader(ClassLoader.getSystemClassLoader());
            loader.close();
            return new WeakReference<>(loader);
        }

        private static URL[] urls() {
            return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                    .map(Server::url)
                    .toArray(URL[]::new);
        }

        private static URL url(String path) {
            try {
                return Path.of(path).toUri().toURL();
            } catch (MalformedURLException e) {
                throw new IllegalArgumentException(e);
            }
        }

        private static boolean isLeft(WeakReference<ClassLoader> loader) throws InterruptedException {
            for (int i = 0; i < 100 && !loader.refersTo(null); i++) {
                System.gc();
                Thread.sleep(20);
            }
            return !loader.refersTo(null);
        }
    }

    /** The server's libraries, without this project: LangChain4j, Jackson, Micrometer and a logger. */
    private static final class Libraries extends ClassLoader {
        Libraries() {
            super(ClassLoader.getPlatformClassLoader());
        }

        @Override
        protected Class<?> findClass(String name) throws ClassNotFoundException {
            if (name.matches(OWN) && !name.equals(Assistant.class.getName())) {
                throw new ClassNotFoundException(name);
            }
            return ClassLoader.getSystemClassLoader().loadClass(name);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"everything", "this project alone"})
    @Timeout(300)
    void nothingHoldsTheLoaderOfAClosedModel(String inTheLoader) throws Exception {
        Process process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx256m",
                        "-XX:+UseSerialGC",
                        // What is held softly is given up when memory runs short; here at once.
                        "-XX:SoftRefLRUPolicyMSPerMB=0",
                        // The logger's own hook at the JVM's end.
                        "-Dtinylog.autoshutdown=false",
                        "--enable-native-access=ALL-UNNAMED",
                        "-Dlangchain4j.mlx.native.path=" + System.getProperty("langchain4j.mlx.native.path"),
                        "-Dproject.root=" + System.getProperty("project.root"),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Server.class.getName(),
                        inTheLoader))
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes());
        assertThat(process.waitFor())
                .as("class loaders that stayed; %s", output)
                .isZero();
    }
}
