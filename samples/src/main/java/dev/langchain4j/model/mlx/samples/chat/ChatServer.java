package dev.langchain4j.model.mlx.samples.chat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.model.mlx.MlxStreamingChatModel;
import io.javalin.Javalin;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import io.javalin.http.ForbiddenResponse;
import io.javalin.http.UnsupportedMediaTypeResponse;
import io.javalin.http.staticfiles.Location;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/**
 * The chat page over HTTP, on this machine only: static files, one event stream a page, and what a page may ask for.
 */
public final class ChatServer implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int TEXT_LENGTH_MAX = 20_000;
    private static final long REQUEST_BYTES_MAX = 64L << 20;

    private final EventStreams streams = new EventStreams();
    private final ChatDesk desk;
    private final Javalin server;

    /**
     * Makes a server that is not started.
     *
     * @param model answers, and stays the caller's
     * @param chat settings of the chat model but for the model itself
     * @param tools object whose {@code @Tool} methods a question may use
     */
    public ChatServer(MlxModel model, MlxStreamingChatModel.Builder chat, Object tools) {
        desk = new ChatDesk(model, chat, tools, streams);
        desk.open();
        server = Javalin.create(this::configure);
    }

    private void configure(JavalinConfig config) {
        config.startup.showJavalinBanner = false;
        config.startup.showOldJavalinVersionWarning = false;
        config.concurrency.useVirtualThreads = true;
        config.http.maxRequestSize = REQUEST_BYTES_MAX;
        config.staticFiles.add("/chat", Location.CLASSPATH);
        config.routes.before(ChatServer::checkOrigin);
        config.routes.get("/events", this::follow);
        config.routes.post("/conversations", request -> request.json(Map.of("id", desk.open())));
        config.routes.delete("/conversations/{name}", request -> desk.close(request.pathParam("name")));
        config.routes.post("/conversations/{name}/stop", request -> desk.stop(request.pathParam("name")));
        config.routes.post("/conversations/{name}/questions", this::ask);
        config.routes.exception(IllegalArgumentException.class, (e, request) -> refuse(request, 400, e.getMessage()));
        config.routes.exception(
                JsonProcessingException.class,
                (e, request) -> refuse(request, 400, "the body must be JSON: " + e.getOriginalMessage()));
        config.routes.exception(IllegalStateException.class, (e, request) -> refuse(request, 409, e.getMessage()));
    }

    /**
     * Refuses requests of other sites. The Host header keeps out names that lead to this machine (DNS rebinding). A
     * page of another site cannot send JSON without asking first, and this server never allows it.
     */
    private static void checkOrigin(Context request) {
        String host = String.valueOf(request.host());
        if (!host.replaceFirst(":\\d+$", "").matches("localhost|127\\.0\\.0\\.1|\\[::1]")) {
            throw new ForbiddenResponse("host (" + host + ") must be this machine");
        }
        String origin = request.header("Origin");
        if (origin != null && !origin.equals("http://" + host)) {
            throw new ForbiddenResponse("origin (" + origin + ") must be http://" + host);
        }
        boolean changes = !request.method().name().matches("GET|HEAD");
        if (changes && !String.valueOf(request.contentType()).startsWith("application/json")) {
            throw new UnsupportedMediaTypeResponse("Content-Type must be application/json");
        }
    }

    /**
     * Writes the events itself: Javalin's SseClient (7.2.3) completes a request that Jetty has recycled when a page
     * leaves, and each page that leaves would log an exception.
     */
    private void follow(Context request) throws IOException, InterruptedException {
        request.contentType("text/event-stream").header("Cache-Control", "no-store");
        streams.write(desk.follow(), request.res().getOutputStream());
    }

    private void ask(Context request) throws IOException {
        JsonNode question = JSON.readTree(request.body());
        String text = question.path("text").asText("").strip();
        if (text.isEmpty() || text.length() > TEXT_LENGTH_MAX) {
            throw new IllegalArgumentException(
                    "text (" + text.length() + " characters) must have from 1 to " + TEXT_LENGTH_MAX + " characters");
        }
        List<Picture> pictures = Picture.of(question.path("pictures"));
        desk.ask(
                request.pathParam("name"),
                text,
                pictures,
                question.path("tools").asBoolean(true));
        request.status(202);
    }

    private static void refuse(Context request, int status, String why) {
        request.status(status).json(Map.of("error", String.valueOf(why)));
    }

    /** Listens on this machine's port, or on a free one for 0, and returns it. */
    public int start(int port) {
        server.start("localhost", port);
        return server.port();
    }

    /** Stops listening. The model is not closed. */
    @Override
    public void close() {
        streams.close();
        server.stop();
    }
}
