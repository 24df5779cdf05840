package dev.langchain4j.model.mlx;

import com.sun.net.httpserver.HttpServer;
import dev.langchain4j.model.mlx.testing.Goldens;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;

/**
 * A tiny model that sees, beside a server with the pictures of LangChain4j's suites. What is on them it is told: the
 * pictures go the whole way, only knowledge is put in.
 */
final class PictureServer implements AutoCloseable {
    private static final Path MODEL = Goldens.own("vision/qwen3_vl/model");
    private static final int END = 306;

    private final HttpServer server;
    private final ScriptedModels models;

    PictureServer() {
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        server.createContext("/images", exchange -> {
            try (InputStream in = PictureServer.class.getResourceAsStream(
                            exchange.getRequestURI().getPath());
                    OutputStream out = exchange.getResponseBody()) {
                byte[] file = in.readAllBytes();
                exchange.sendResponseHeaders(200, file.length);
                out.write(file);
            }
        });
        server.start();
        MlxModel.Builder builder = MlxModel.builder()
                .modelPath(MODEL)
                .allowImageUrls(
                        MlxImageUrls.builder().allowPrivateAddresses(true).build());
        models = new ScriptedModels(builder, MODEL, END, request -> "a cat, and dice");
    }

    ScriptedModels models() {
        return models;
    }

    String url(String image) {
        return "http://localhost:" + server.getAddress().getPort() + "/images/" + image;
    }

    @Override
    public void close() {
        models.close();
        server.stop(0);
    }
}
