package dev.langchain4j.model.mlx.hub;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Set;

/**
 * One GET request with its redirects, which are followed by hand: the token goes to the endpoint's own origin and
 * nowhere else, and what the hub says of a file is in the headers of its redirect. HTTP/1.1, so that each range has a
 * connection of its own. Thread-safe.
 */
final class HubHttp implements AutoCloseable {
    private static final int REDIRECTS_MAX = 10;
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);
    private static final Set<Integer> REDIRECTS = Set.of(301, 302, 303, 307, 308);

    /** Java sends no password through a tunnel unless this is empty; it is read once a process. */
    private static final String TUNNEL_SCHEMES = "jdk.http.auth.tunneling.disabledSchemes";

    private final HubSettings settings;
    private final StallWatch watch;
    private final HttpClient client;

    HubHttp(HubSettings settings) {
        this.settings = settings;
        Duration limit = settings.stallTimeout();
        watch = new StallWatch(limit);
        boolean tunnel = "https".equalsIgnoreCase(settings.endpoint().getScheme());
        if (tunnel && settings.proxies().credentials(settings.endpoint()).isPresent()) {
            System.getProperties().putIfAbsent(TUNNEL_SCHEMES, "");
        }
        client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NEVER)
                .proxy(settings.proxies())
                .connectTimeout(limit.compareTo(CONNECT_TIMEOUT) < 0 ? limit : CONNECT_TIMEOUT)
                .build();
    }

    /**
     * What came back, after redirects.
     *
     * @param first headers of the first answer, which the hub itself gave
     */
    record Answer(HttpResponse<InputStream> response, InputStream body, HttpHeaders first) {
        int status() {
            return response.statusCode();
        }

        URI location() {
            return response.uri();
        }

        String header(String name) {
            return response.headers().firstValue(name).orElse(null);
        }

        /** The failure that this answer is, if another attempt may mend it. */
        BrokenTransferException broken(String message) {
            return new BrokenTransferException(message, status(), retryAfter(header("Retry-After")));
        }

        /** Without headers: those of redirects have signatures. */
        @Override
        public String toString() {
            return "HTTP status " + status() + " from " + HubErrors.withoutQuery(location());
        }
    }

    /**
     * Sends a request; the caller closes the body.
     *
     * @param range value of the Range header, or null
     * @throws IOException if no answer came, or one that makes no sense
     */
    Answer get(URI uri, String range) throws IOException, InterruptedException {
        HttpHeaders first = null;
        URI target = uri;
        for (int i = 0; i <= REDIRECTS_MAX; i++) {
            HttpResponse<InputStream> response =
                    client.send(request(target, range), HttpResponse.BodyHandlers.ofInputStream());
            first = first == null ? response.headers() : first;
            if (!REDIRECTS.contains(response.statusCode())) {
                return new Answer(response, watch.watch(response.body()), first);
            }
            response.body().close();
            target = redirected(response);
        }
        throw new BrokenTransferException(
                HubErrors.withoutQuery(uri) + " redirects more than " + REDIRECTS_MAX + " times");
    }

    private HttpRequest request(URI uri, String range) {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri)
                .timeout(settings.stallTimeout())
                .header("User-Agent", "langchain4j-mlx")
                .header("Accept-Encoding", "identity");
        if (range != null) {
            request.header("Range", range);
        }
        settings.proxies().credentials(uri).ifPresent(value -> request.header("Proxy-Authorization", value));
        if (settings.token() != null && isEndpoint(uri)) {
            request.header("Authorization", "Bearer " + settings.token());
        }
        return request.build();
    }

    /** Whether a URI is of the endpoint's origin: scheme, host and port. */
    boolean isEndpoint(URI uri) {
        URI endpoint = settings.endpoint();
        return endpoint.getScheme().equalsIgnoreCase(uri.getScheme())
                && endpoint.getHost().equalsIgnoreCase(uri.getHost())
                && port(endpoint) == port(uri);
    }

    private static int port(URI uri) {
        boolean secure = "https".equalsIgnoreCase(uri.getScheme());
        return uri.getPort() >= 0 ? uri.getPort() : secure ? 443 : 80;
    }

    private static URI redirected(HttpResponse<InputStream> response) throws BrokenTransferException {
        String location = response.headers().firstValue("Location").orElse("");
        URI from = response.uri();
        try {
            URI to = from.resolve(URI.create(location));
            boolean safe = "https".equalsIgnoreCase(to.getScheme())
                    || "http".equalsIgnoreCase(to.getScheme()) && "http".equalsIgnoreCase(from.getScheme());
            if (!location.isEmpty() && safe && to.getHost() != null) {
                return to;
            }
        } catch (IllegalArgumentException e) {
            // Falls through to the same message.
        }
        throw new BrokenTransferException(HubErrors.withoutQuery(from) + " redirects to \""
                + HubErrors.withoutQuery(location) + "\", which must not be followed");
    }

    /** Seconds or a date, as a duration; null if there is none or it makes no sense. */
    static Duration retryAfter(String value) {
        if (value == null) {
            return null;
        }
        try {
            if (value.strip().matches("\\d{1,9}")) {
                return Duration.ofSeconds(Long.parseLong(value.strip()));
            }
            Instant then = ZonedDateTime.parse(value.strip(), DateTimeFormatter.RFC_1123_DATE_TIME)
                    .toInstant();
            Duration wait = Duration.between(Instant.now(), then);
            return wait.isNegative() ? Duration.ZERO : wait;
        } catch (DateTimeException e) {
            return null;
        }
    }

    @Override
    public void close() {
        watch.close();
        client.shutdownNow();
        client.close();
    }
}
