package dev.langchain4j.model.mlx.hub;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;

/**
 * How the hub is reached and how downloads behave.
 *
 * @param endpoint without a slash at the end
 * @param token null for none
 * @param offline whether the cache must do
 * @param connections most requests at once
 * @param segmentBytes bytes of a range request
 * @param attempts most requests for the same bytes
 * @param backoff wait before the second attempt; doubles with each one
 * @param backoffMax longest wait, also if the server asks for more
 * @param stallTimeout how long a server may say nothing
 * @param proxies which proxies are used, and what they want to know
 * @param durable whether contents are brought to the disk before they get their name
 * @param usableSpace bytes that may be written to a folder's disk
 */
record HubSettings(
        URI endpoint,
        String token,
        Path cacheFolder,
        boolean offline,
        int connections,
        long segmentBytes,
        int attempts,
        Duration backoff,
        Duration backoffMax,
        Duration stallTimeout,
        EnvironmentProxies proxies,
        boolean durable,
        UsableSpace usableSpace) {

    /** A text of the server's, without the token that it may repeat. */
    String withoutToken(String text) {
        return token == null || text == null ? text : text.replace(token, "***");
    }

    /** Without the token. */
    @Override
    public String toString() {
        return "HubSettings[endpoint=" + endpoint + ", cacheFolder=" + cacheFolder + ", offline=" + offline + "]";
    }

    /** Asks the file system; tests answer themselves. */
    @FunctionalInterface
    interface UsableSpace {
        long of(Path folder) throws IOException;
    }
}
