package dev.langchain4j.model.mlx.vision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import dev.langchain4j.data.image.Image;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.NonRetriableException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.Base64;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ImageSourceTest {
    private static final byte[] BYTES = {1, 2, '%', '+', ' ', (byte) 0xff, 0, 9};
    private static final String BASE64 = Base64.getEncoder().encodeToString(BYTES);
    private static final int BYTES_MAX = 100;

    @TempDir
    Path folder;

    private final AtomicInteger requests = new AtomicInteger();
    private final AtomicReference<String> request = new AtomicReference<>();
    private HttpServer server;

    private static ImageUrlRules rules(Duration timeout) {
        return new ImageUrlRules(BYTES_MAX, timeout, 3, true);
    }

    private static byte[] read(Image image) {
        return new ImageSource(BYTES_MAX, rules(Duration.ofSeconds(20)))
                .read(image, 0)
                .bytes();
    }

    private static Image url(String url) {
        return Image.builder().url(url).build();
    }

    @BeforeEach
    void startServer() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", this::answer);
        server.start();
    }

    @AfterEach
    void stopServer() {
        server.stop(0);
    }

    /**
     * The path says what the answer is: {@code /whole}, {@code /chunked}, {@code /status/404}, {@code /bytes/101},
     * {@code /hops/2}.
     */
    private void answer(HttpExchange exchange) throws IOException {
        requests.incrementAndGet();
        request.set(
                exchange.getRequestURI() + " " + exchange.getRequestHeaders().getFirst("Host"));
        String[] path = exchange.getRequestURI().getPath().split("/");
        byte[] body = path[1].equals("bytes") ? new byte[Integer.parseInt(path[2])] : BYTES;
        int status = 200;
        if (path[1].equals("status")) {
            status = Integer.parseInt(path[2]);
        } else if (path[1].equals("hops")) {
            int left = Integer.parseInt(path[2]);
            exchange.getResponseHeaders().add("Location", left == 1 ? "/whole" : "/hops/" + (left - 1));
            status = 302;
        } else if (path[1].equals("to")) {
            exchange.getResponseHeaders()
                    .add("Location", exchange.getRequestURI().getQuery());
            status = 307;
        } else if (path[1].equals("gzip")) {
            exchange.getResponseHeaders().add("Content-Encoding", "gzip");
        }
        boolean chunked = path[1].equals("chunked") || path.length > 3;
        exchange.sendResponseHeaders(status, chunked ? 0 : body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    private String http(String path) {
        return "http://127.0.0.1:" + server.getAddress().getPort() + path;
    }

    @Test
    void base64DataIsDecoded() {
        assertThat(read(Image.builder().base64Data(BASE64).build())).isEqualTo(BYTES);
        assertThat(read(Image.builder().base64Data("\n" + BASE64 + "\r\n").build()))
                .isEqualTo(BYTES);
        assertThat(read(Image.builder()
                        .base64Data("data:image/png;base64," + BASE64)
                        .build()))
                .isEqualTo(BYTES);
    }

    @Test
    void dataUrlsAreDecoded() {
        assertThat(read(url("data:image/png;base64," + BASE64))).isEqualTo(BYTES);
        assertThat(read(url("data:;base64," + BASE64.replace("+", "%2B").replace("=", "%3D"))))
                .isEqualTo(BYTES);
        assertThat(read(url("data:,a%25%ff"))).isEqualTo(new byte[] {'a', '%', (byte) 0xff});
    }

    @Test
    void filesAreRead() throws IOException {
        Path file = Files.write(folder.resolve("a picture.png"), BYTES);
        assertThat(read(Image.builder().url(file.toUri()).build())).isEqualTo(BYTES);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    data:image/png              | a data URL must have a comma before its data
                    data:;base64,A!AA           | its base64 data has an error
                    ftp://host/cat.png          | must begin with data:, file:, http: or https:
                    cat.png                     | must begin with data:, file:, http: or https:
                    file:///no/such/cat.png     | there is no such file
                    file:///                    | must be a regular file
                    file://host/cat.png         | authority
                    http:///cat.png             | must have a host
                    http://me@127.0.0.1/cat.png | and no user
                    """)
    void whatCannotBeReadIsRefusedByName(String url, String reason) {
        assertThatThrownBy(() -> new ImageSource(BYTES_MAX, rules(Duration.ofSeconds(20))).read(url(url), 1))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageStartingWith("image 2 (" + url + "): ")
                .hasMessageContaining(reason);
    }

    @ParameterizedTest
    @CsvSource({"A, its base64 data has an error", "'data:,%4', digits after each %", "'data:,%zz', digits after each %"
    })
    void dataThatIsBrokenIsRefused(String data, String reason) {
        assertThatThrownBy(() -> read(Image.builder().base64Data(data).build()))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageStartingWith("image 1: ")
                .hasMessageContaining(reason);
    }

    @Test
    void anImageMustHaveAContent() {
        assertThatThrownBy(() -> read(Image.builder().build()))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessage("image 1: it must have base64Data or a url");
    }

    @Test
    void aLongSourceIsShortened() {
        assertThatThrownBy(() -> read(url("data:,%" + "a".repeat(500))))
                .hasMessageMatching("image 1 \\(data:,%a{73}\\.\\.\\.\\): .*");
    }

    @Test
    void whatIsTooLargeIsRefusedBeforeItIsRead() throws IOException {
        Path file = Files.write(folder.resolve("large"), new byte[BYTES_MAX + 1]);
        assertThatThrownBy(() -> read(Image.builder().url(file.toUri()).build()))
                .hasMessageContaining("it has 101 bytes, but at most 100 are read");
        String large = Base64.getEncoder().encodeToString(new byte[BYTES_MAX + 1]);
        assertThatThrownBy(() -> read(Image.builder().base64Data(large).build()))
                .hasMessageContaining("bytes, but at most 100 are read");
        assertThatThrownBy(() -> read(url("data:," + "a".repeat(BYTES_MAX + 1))))
                .hasMessageContaining("it has 101 bytes, but at most 100 are read");
        String exact = Base64.getEncoder().encodeToString(new byte[BYTES_MAX]);
        assertThat(read(Image.builder().base64Data(exact).build())).hasSize(BYTES_MAX);
    }

    @Test
    void urlsOfServersAreRefusedUnlessTheyAreAllowed() {
        assertThatThrownBy(() -> new ImageSource(BYTES_MAX, null).read(url(http("/whole")), 0))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("only after allowImageUrls(...)");
        assertThat(requests).hasValue(0);
    }

    @ParameterizedTest
    @ValueSource(strings = {"/whole", "/chunked", "/hops/3", "/bytes/100"})
    void allowedUrlsAreFetched(String path) {
        assertThat(read(url(http(path)))).isEqualTo(path.equals("/bytes/100") ? new byte[100] : BYTES);
    }

    @Test
    void theRequestHasTheWholeUrl() {
        read(url(http("/whole/a%20b?c=%26")));
        assertThat(request)
                .hasValue("/whole/a%20b?c=%26 127.0.0.1:" + server.getAddress().getPort());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    /status/404         | its server answers with status 404
                    /status/500         | its server answers with status 500
                    /hops/4             | it has more than 3 redirects
                    /to?file:///etc     | must begin with http: or https:, not file
                    /bytes/101          | it has 101 bytes or more, but at most 100 are read
                    /bytes/101/chunked  | it has 101 bytes or more, but at most 100 are read
                    /gzip               | sends it as gzip
                    """)
    void whatAServerMustNotDoIsRefused(String path, String reason) {
        assertThatThrownBy(() -> read(url(http(path))))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageStartingWith("image 1 (" + http(path) + "): it was not fetched: ")
                .hasMessageContaining(reason);
    }

    @Test
    void addressesThatAreNotPublicAreRefusedBeforeAnyConnection() {
        ImageUrlRules rules = new ImageUrlRules(BYTES_MAX, Duration.ofSeconds(20), 3, false);
        for (String host :
                new String[] {"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433"}) {
            String url = "http://" + host + ":" + server.getAddress().getPort() + "/whole";
            assertThatThrownBy(() -> new ImageSource(BYTES_MAX, rules).read(url(url), 0))
                    .as(host)
                    .isInstanceOf(InvalidRequestException.class);
        }
        assertThat(requests).hasValue(0);
    }

    @ParameterizedTest
    @CsvSource({
        "8.8.8.8, true",
        "1.1.1.1, true",
        "172.32.0.1, true",
        "100.128.0.1, true",
        "223.255.255.255, true",
        "0.1.2.3, false",
        "10.0.0.1, false",
        "100.64.0.1, false",
        "127.9.9.9, false",
        "169.254.169.254, false",
        "172.16.0.1, false",
        "172.31.255.255, false",
        "192.0.0.8, false",
        "192.168.1.1, false",
        "198.19.0.1, false",
        "203.0.113.7, false",
        "224.0.0.1, false",
        "255.255.255.255, false",
        "2606:4700::1111, true",
        "2a00:1450::1, true",
        "64:ff9b::808:808, true",
        "64:ff9b::a00:1, false",
        "64:ff9b:1::808:808, false",
        "::, false",
        "::1, false",
        "::ffff:10.0.0.1, false",
        "::ffff:8.8.8.8, true",
        "fe80::1, false",
        "fc00::1, false",
        "fd12::1, false",
        "ff02::1, false",
        "2001::1, false",
        "2001:db8::1, false",
        "2002:a00:1::, false",
        "3fff::1, false",
        "100::1, false"
    })
    void publicAddressesAreToldFromOthers(String address, boolean isPublic) throws IOException {
        assertThat(PublicAddress.is(InetAddress.getByName(address))).isEqualTo(isPublic);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "no HTTP at all",
                "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\ntoo short",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n80000000\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
                "HTTP/1.1 302 Found\r\nLocation: http://[\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Len"
            })
    void aServerThatTalksNonsenseIsAnErrorOfTheRequest(String answer) throws Exception {
        assertThatThrownBy(() -> fromSocket("http", answer, Duration.ofSeconds(20)))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("it was not fetched: ");
    }

    @Test
    void anEndlessHeaderIsRefused() {
        assertThatThrownBy(
                        () -> fromSocket("http", "HTTP/1.1 200 OK\r\nA: " + "a".repeat(40_000), Duration.ofSeconds(20)))
                .hasMessageContaining("a header of more than 32768 bytes");
    }

    @Test
    void aServerThatNeverEndsIsLeftAfterTheTimeout() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
            String url = "http://127.0.0.1:" + silent.getLocalPort() + "/";
            assertThatThrownBy(() -> new ImageSource(BYTES_MAX, rules(Duration.ofMillis(200))).read(url(url), 0))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContaining("it was not fetched within 200 ms");
            try (Socket accepted = silent.accept()) {
                accepted.getInputStream().readAllBytes(); // ends when the other side closes, or never
            }
        }
    }

    @Test
    void aThreadThatIsInterruptedDoesNotWait() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
            AtomicReference<Throwable> thrown = new AtomicReference<>();
            AtomicReference<Boolean> stillInterrupted = new AtomicReference<>();
            Thread reader = Thread.ofPlatform().start(() -> {
                try {
                    read(url("http://127.0.0.1:" + silent.getLocalPort() + "/"));
                } catch (RuntimeException e) {
                    thrown.set(e);
                    stillInterrupted.set(Thread.currentThread().isInterrupted());
                }
            });
            try (Socket accepted = silent.accept()) {
                reader.interrupt();
                reader.join();
                assertThat(thrown.get()).isInstanceOf(NonRetriableException.class);
                assertThat(stillInterrupted).hasValue(true);
            }
        }
    }

    @Test
    void httpsMustBeSpokenAsSuch() {
        assertThatThrownBy(() -> fromSocket("https", "HTTP/1.1 400 Bad Request\r\n\r\n", Duration.ofSeconds(20)))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("it was not fetched: ");
    }

    @Test
    void aCertificateThatNobodyVouchesForIsRefused() throws Exception {
        Path store = folder.resolve("keys.p12");
        char[] password = "password".toCharArray();
        new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "keytool")
                                .toString(),
                        "-genkeypair",
                        "-keyalg",
                        "EC",
                        "-dname",
                        "CN=127.0.0.1",
                        "-ext",
                        "san=ip:127.0.0.1",
                        "-keystore",
                        store.toString(),
                        "-storepass",
                        "password")
                .start()
                .waitFor();
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(KeyStore.getInstance(store.toFile(), password), password);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        HttpsServer secure = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        secure.setHttpsConfigurator(new HttpsConfigurator(context));
        secure.createContext("/", this::answer);
        secure.start();
        try {
            String url = "https://127.0.0.1:" + secure.getAddress().getPort() + "/whole";
            assertThatThrownBy(() -> read(url(url)))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContaining("unable to find valid certification path");
        } finally {
            secure.stop(0);
        }
        assertThat(requests).hasValue(0);
    }

    /** What a server that writes this and closes makes of a picture. */
    private static byte[] fromSocket(String scheme, String answer, Duration timeout) throws Exception {
        try (ServerSocket socket = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
            Thread.ofVirtual().start(() -> {
                try (Socket accepted = socket.accept()) {
                    accepted.getInputStream().read();
                    accepted.getOutputStream().write(answer.getBytes(StandardCharsets.ISO_8859_1));
                    accepted.shutdownOutput();
                    accepted.getInputStream().readAllBytes();
                } catch (IOException e) {
                    // the client has heard enough
                }
            });
            URI url = URI.create(scheme + "://127.0.0.1:" + socket.getLocalPort() + "/");
            return new ImageSource(BYTES_MAX, rules(timeout))
                    .read(Image.builder().url(url).build(), 0)
                    .bytes();
        }
    }
}
