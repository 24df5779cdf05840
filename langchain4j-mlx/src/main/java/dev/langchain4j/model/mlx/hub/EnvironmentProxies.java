package dev.langchain4j.model.mlx.hub;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The proxies that {@code HTTPS_PROXY}, {@code HTTP_PROXY}, {@code ALL_PROXY} and {@code NO_PROXY} name, as Python's and
 * other command line tools read them. Java itself knows its system properties only; where those are set, they win.
 */
final class EnvironmentProxies extends ProxySelector {
    private final Map<String, String> variables;

    private EnvironmentProxies(Map<String, String> variables) {
        this.variables = variables;
    }

    /** These variables' proxies, or Java's own selector if its properties name one. */
    static ProxySelector orDefault(Map<String, String> variables) {
        boolean properties = List.of("https.proxyHost", "http.proxyHost", "socksProxyHost").stream()
                .anyMatch(name -> System.getProperty(name) != null);
        return properties && ProxySelector.getDefault() != null
                ? ProxySelector.getDefault()
                : new EnvironmentProxies(variables);
    }

    @Override
    public List<Proxy> select(URI uri) {
        String address = variable(uri.getScheme() + "_proxy");
        address = address == null ? variable("all_proxy") : address;
        if (address == null || uri.getHost() == null || bypassed(uri.getHost().toLowerCase(Locale.ROOT))) {
            return List.of(Proxy.NO_PROXY);
        }
        try {
            URI proxy = URI.create(address.contains("://") ? address : "http://" + address);
            if (proxy.getHost() != null) {
                int port = proxy.getPort() >= 0 ? proxy.getPort() : 80;
                return List.of(new Proxy(Proxy.Type.HTTP, new InetSocketAddress(proxy.getHost(), port)));
            }
        } catch (IllegalArgumentException e) {
            // No address: as if it were not set.
        }
        return List.of(Proxy.NO_PROXY);
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
