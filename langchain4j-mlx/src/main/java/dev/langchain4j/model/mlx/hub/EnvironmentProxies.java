package dev.langchain4j.model.mlx.hub;

import dev.langchain4j.exception.InvalidRequestException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The proxies that {@code HTTPS_PROXY}, {@code HTTP_PROXY}, {@code ALL_PROXY} and {@code NO_PROXY} name, with user and
 * password before an {@code @}, as Python's and other command line tools read them. Java's own system properties win
 * where they name a proxy; user and password are then {@code https.proxyUser} and {@code https.proxyPassword}.
 */
final class EnvironmentProxies extends ProxySelector {
    private static final Pattern ADDRESS = Pattern.compile(
            "(?:(?<scheme>[a-z][a-z0-9+.-]*)://)?(?:(?<user>[^/]*)@)?(?<host>\\[[0-9a-f:.]+]|[^\\s/:@\\[\\]]+)"
                    + "(?::(?<port>\\d{1,5}))?/*",
            Pattern.CASE_INSENSITIVE);
    private static final int PORT_MAX = 65_535;

    private final Map<String, String> variables;
    private final Properties properties;

    EnvironmentProxies(Map<String, String> variables, Properties properties) {
        this.variables = variables;
        this.properties = properties;
    }

    /** Of this process. */
    static EnvironmentProxies ofProcess() {
        return new EnvironmentProxies(System.getenv(), System.getProperties());
    }

    /** A proxy, and the value of the header that it wants, or null. */
    private record Named(InetSocketAddress address, String credentials) {}

    @Override
    public List<Proxy> select(URI uri) {
        ProxySelector javas = ProxySelector.getDefault();
        if (byProperties() && javas != null) {
            return javas.select(uri);
        }
        return List.of(find(uri)
                .map(named -> new Proxy(Proxy.Type.HTTP, named.address))
                .orElse(Proxy.NO_PROXY));
    }

    /**
     * What the header {@code Proxy-Authorization} says to the proxy of an address; empty without a proxy or without
     * user and password.
     *
     * @throws InvalidRequestException if the proxy's variable cannot be read
     */
    Optional<String> credentials(URI uri) {
        if (byProperties()) {
            String user = properties.getProperty(uri.getScheme() + ".proxyUser");
            boolean direct = user == null || select(uri).stream().allMatch(p -> p.type() == Proxy.Type.DIRECT);
            return direct
                    ? Optional.empty()
                    : Optional.of(basic(user + ":" + properties.getProperty(uri.getScheme() + ".proxyPassword", "")));
        }
        return find(uri).map(Named::credentials);
    }

    private boolean byProperties() {
        return List.of("https.proxyHost", "http.proxyHost", "socksProxyHost").stream()
                .anyMatch(name -> properties.getProperty(name) != null);
    }

    private Optional<Named> find(URI uri) {
        String scheme = uri.getScheme().toLowerCase(Locale.ROOT);
        String name = variable(scheme + "_proxy") != null ? scheme + "_proxy" : "all_proxy";
        String address = variable(name);
        boolean direct = address == null
                || uri.getHost() == null
                || bypassed(uri.getHost().toLowerCase(Locale.ROOT));
        return direct ? Optional.empty() : Optional.of(read(name, address));
    }

    /** The value is never shown: it may have a password. */
    private static Named read(String name, String address) {
        Matcher parts = ADDRESS.matcher(address);
        boolean http = parts.matches() && (parts.group("scheme") == null || isHttp(parts.group("scheme")));
        int port = http && parts.group("port") != null ? Integer.parseInt(parts.group("port")) : 80;
        if (!http || port > PORT_MAX) {
            throw new InvalidRequestException(name.toUpperCase(Locale.ROOT)
                    + " (not shown) must be the address of an HTTP proxy: http://[user:password@]host[:port]");
        }
        String user = parts.group("user");
        return new Named(new InetSocketAddress(parts.group("host"), port), user == null ? null : basic(decoded(user)));
    }

    private static boolean isHttp(String scheme) {
        return scheme.equalsIgnoreCase("http") || scheme.equalsIgnoreCase("https");
    }

    private static String basic(String userAndPassword) {
        byte[] bytes = userAndPassword.getBytes(StandardCharsets.UTF_8);
        return "Basic " + Base64.getEncoder().encodeToString(bytes);
    }

    /** With {@code %40} and the like as the characters that they stand for. */
    private static String decoded(String user) {
        byte[] bytes = user.getBytes(StandardCharsets.UTF_8);
        byte[] out = new byte[bytes.length];
        int length = 0;
        for (int i = 0; i < bytes.length; i++) {
            int high = i + 2 < bytes.length && bytes[i] == '%' ? Character.digit(bytes[i + 1], 16) : -1;
            int low = high < 0 ? -1 : Character.digit(bytes[i + 2], 16);
            out[length++] = low < 0 ? bytes[i] : (byte) (high << 4 | low);
            i += low < 0 ? 0 : 2;
        }
        return new String(out, 0, length, StandardCharsets.UTF_8);
    }

    private boolean bypassed(String host) {
        if (host.equals("localhost") || host.startsWith("127.") || host.equals("[::1]")) {
            return true;
        }
        String list = variable("no_proxy");
        return list != null
                && Arrays.stream(list.toLowerCase(Locale.ROOT).split(","))
                        .map(String::strip)
                        .map(entry -> entry.startsWith(".") ? entry.substring(1) : entry)
                        .anyMatch(entry -> entry.equals("*")
                                || !entry.isEmpty() && (host.equals(entry) || host.endsWith("." + entry)));
    }

    private String variable(String name) {
        String value = variables.getOrDefault(name, variables.get(name.toUpperCase(Locale.ROOT)));
        return value == null || value.isBlank() ? null : value.strip();
    }

    @Override
    public void connectFailed(URI uri, SocketAddress address, IOException failure) {
        // The failed request says so itself.
    }
}
