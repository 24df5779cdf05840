package dev.langchain4j.model.mlx.samples;

import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.model.mlx.MlxStreamingChatModel;
import dev.langchain4j.model.mlx.samples.chat.ChatServer;
import java.util.concurrent.CountDownLatch;

/**
 * A chat page in the browser: streaming answers, several conversations at once, tools, and a live picture of what the
 * prompt cache holds.
 */
public final class ChatSample {
    private ChatSample() {}

    /** Serves the page on this machine until it is stopped. */
    public static void main(String[] args) throws InterruptedException {
        Options options = Options.of(
                "chat",
                "A chat page in the browser.",
                args,
                Options.withModel(Options.number("port", 8080, "port of the page; default: 8080")));
        try (MlxModel mlx = options.loadModel();
                ChatServer server =
                        new ChatServer(mlx, MlxStreamingChatModel.builder().temperature(0.0), new TravelTools())) {
            int port = server.start(options.number("port", 8080));
            System.out.println("chat with " + mlx.name() + " on http://localhost:" + port + " (Ctrl+C ends)");
            new CountDownLatch(1).await();
        }
    }
}
