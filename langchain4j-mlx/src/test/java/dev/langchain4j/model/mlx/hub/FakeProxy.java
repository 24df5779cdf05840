package dev.langchain4j.model.mlx.hub;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;

/** A proxy that wants a user and a password, and leads every request to one server, whatever the host. */
final class FakeProxy implements AutoCloseable {
    final List<String> heads = new CopyOnWriteArrayList<>();
    private final ServerSocket server;
    private final URI target;
    private final String expected;

    /** @param userAndPassword with a colon between them */
    FakeProxy(URI target, String userAndPassword) throws IOException {
        this.target = target;
        this.expected = "Proxy-Authorization: Basic "
                + Base64.getEncoder().encodeToString(userAndPassword.getBytes(StandardCharsets.UTF_8));
        this.server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        Thread.ofVirtual().start(() -> {
            while (!server.isClosed()) {
                try {
                    Socket client = server.accept();
                    Thread.ofVirtual().start(() -> serve(client));
                } catch (IOException e) {
                    return;
                }
            }
        });
    }

    String address(String userAndPassword) {
        String user = userAndPassword.isEmpty() ? "" : userAndPassword + "@";
        return "http://" + user + "127.0.0.1:" + server.getLocalPort();
    }

    private void serve(Socket client) {
        try (client) {
            String head = head(client.getInputStream());
            heads.add(head);
            OutputStream out = client.getOutputStream();
            if (!head.contains(expected)) {
                out.write(("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n"
                                + "Content-Length: 0\r\nConnection: close\r\n\r\n")
                        .getBytes(StandardCharsets.US_ASCII));
            } else if (head.startsWith("CONNECT ")) {
                out.write("HTTP/1.1 502 No Tunnel\r\nContent-Length: 0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            } else {
                forward(head, out);
            }
            out.flush();
        } catch (IOException e) {
            // The client has gone.
        }
    }

    private static String head(InputStream in) throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            int c = in.read();
            if (c < 0) {
                throw new IOException("no request");
            }
            head.append((char) c);
        }
        return head.toString();
    }

    private void forward(String head, OutputStream out) throws IOException {
        String own = head.lines()
                .filter(line -> !line.startsWith("Proxy-") && !line.startsWith("Connection:") && !line.isEmpty())
                .map(line -> line.replaceFirst("^GET http://[^/]+", "GET "))
                .collect(Collectors.joining("\r\n", "", "\r\nConnection: close\r\n\r\n"));
        try (Socket socket = new Socket(target.getHost(), target.getPort())) {
            socket.getOutputStream().write(own.getBytes(StandardCharsets.US_ASCII));
            socket.getOutputStream().flush();
            socket.getInputStream().transferTo(out);
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
    }
}
