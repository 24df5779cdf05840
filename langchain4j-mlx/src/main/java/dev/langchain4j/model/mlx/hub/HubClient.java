package dev.langchain4j.model.mlx.hub;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the hub is asked: which commit a revision is, which files a commit has, and the bytes of a file. Thread-safe.
 */
final class HubClient {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int ANSWER_BYTES_MAX = 32 << 20;
    private static final int PAGES_MAX = 1000;
    /** A page takes no longer than so many stall timeouts, however slowly its bytes come. */
    private static final int STALLS_PER_PAGE = 10;

    private static final Pattern NEXT = Pattern.compile("<([^>]+)>\\s*;\\s*rel=\"?next\"?");
    private static final String UNRESERVED = "-._~";

    private final HubSettings settings;
    private final HubHttp http;
    private final RepositoryId id;
    private final int listingAttempts;

    /** @param listingAttempts how often to ask what is no content of a file */
    HubClient(HubSettings settings, HubHttp http, RepositoryId id, int listingAttempts) {
        this.listingAttempts = listingAttempts;
        this.settings = settings;
        this.http = http;
        this.id = id;
    }

    /** The commit that the revision is now. */
    String commit() throws InterruptedException {
        if (id.namesCommit()) {
            return id.revision();
        }
        URI uri = address("/api/models/" + encodePath(id.repository()) + "/revision/" + encode(id.revision()));
        String commit = page(uri).json.path("sha").asText("");
        if (!RepositoryId.isCommit(commit)) {
            throw new InvalidRequestException(
                    uri + " names the commit \"" + settings.withoutToken(commit) + "\", which is not a commit hash");
        }
        return commit;
    }

    /** All files of a commit. */
    List<RemoteFile> files(String commit) throws InterruptedException {
        List<RemoteFile> files = new ArrayList<>();
        URI uri = address("/api/models/" + encodePath(id.repository()) + "/tree/" + commit + "?recursive=true");
        for (int pages = 0; uri != null; pages++) {
            Page page = page(uri);
            if (!page.json.isArray() || pages == PAGES_MAX) {
                throw new InvalidRequestException(uri + " is not a listing of files");
            }
            for (JsonNode entry : page.json) {
                switch (entry.path("type").asText()) {
                    case "file" -> files.add(file(entry, uri));
                    case "directory" -> {}
                    default ->
                        throw new InvalidRequestException(uri + " has an entry that is neither file nor directory");
                }
            }
            uri = page.next;
        }
        return files;
    }

    /** Where the bytes of a file are asked for. */
    URI address(RemoteFile file, String commit) {
        return address("/" + encodePath(id.repository()) + "/resolve/" + commit + "/" + encodePath(file.path()));
    }

    /**
     * Asks for the bytes of a file.
     *
     * @param uri {@link #address}, or where that redirected to before
     * @param range value of the Range header, or null
     * @return an answer with status 200 or 206, which the caller closes
     * @throws LangChain4jException if the hub refuses
     */
    HubHttp.Answer open(URI uri, String range) throws IOException, InterruptedException {
        HubHttp.Answer answer = http.get(uri, range);
        if (answer.status() == 200 || answer.status() == 206) {
            return answer;
        }
        try (InputStream body = answer.body()) {
            throw refused(answer);
        }
    }

    private record Page(JsonNode json, URI next) {}

    private Page page(URI uri) throws InterruptedException {
        return new Retries(settings, listingAttempts, "ask " + uri).run(() -> {
            HubHttp.Answer answer = open(uri, null);
            try (InputStream body = answer.body()) {
                return new Page(JSON.readTree(allOf(body, uri)), next(answer));
            } catch (JacksonException e) {
                throw answer.broken(
                        uri + " answers with text that is not JSON: " + settings.withoutToken(e.getOriginalMessage()));
            }
        });
    }

    /** All bytes of an answer, if they come at a pace that makes sense. */
    private byte[] allOf(InputStream body, URI uri) throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        byte[] buffer = new byte[1 << 16];
        long begin = System.nanoTime();
        long limit = settings.stallTimeout().toNanos() * STALLS_PER_PAGE;
        for (int n; (n = body.read(buffer, 0, buffer.length)) >= 0; ) {
            all.write(buffer, 0, n);
            if (all.size() > ANSWER_BYTES_MAX) {
                throw new InvalidRequestException(uri + " answers with more than " + ANSWER_BYTES_MAX + " bytes");
            }
            if (System.nanoTime() - begin > limit) {
                throw new HttpTimeoutException(
                        uri + " gave " + all.size() + " bytes in " + limit / 1_000_000_000 + " s, and has not ended");
            }
        }
        return all.toByteArray();
    }

    private URI next(HubHttp.Answer answer) throws IOException {
        String link = answer.header("Link");
        Matcher next = NEXT.matcher(link == null ? "" : link);
        if (!next.find()) {
            return null;
        }
        try {
            URI uri = answer.location().resolve(URI.create(next.group(1)));
            if (http.isEndpoint(uri)) {
                return uri;
            }
        } catch (IllegalArgumentException e) {
            // Falls through to the same message.
        }
        throw answer.broken(
                "the listing continues at " + HubErrors.withoutQuery(next.group(1)) + ", which is not on the hub");
    }

    private RemoteFile file(JsonNode entry, URI listing) {
        JsonNode lfs = entry.path("lfs");
        boolean large = lfs.isObject();
        String path = entry.path("path").asText("");
        long size = (large ? lfs : entry).path("size").asLong(-1);
        String sum = (large ? lfs : entry).path("oid").asText("");
        if (!isInside(path) || size < 0) {
            throw new InvalidRequestException(listing + " has the file \"" + path + "\" of " + size
                    + " bytes, which must be a relative path without \"..\" and have a size");
        }
        try {
            return new RemoteFile(path, size, new Checksum(large ? Checksum.Kind.SHA256 : Checksum.Kind.GIT_BLOB, sum));
        } catch (IllegalArgumentException e) {
            throw new InvalidRequestException(listing + " has the file " + path + " with a " + e.getMessage(), e);
        }
    }

    /** Whether a path of the hub stays inside of the folder that it is written to, on any operating system. */
    static boolean isInside(String path) {
        if (path.isEmpty() || path.chars().anyMatch(c -> c < ' ' || c == '\\' || c == ':')) {
            return false;
        }
        for (String name : path.split("/", -1)) {
            if (name.isEmpty() || name.equals(".") || name.equals("..")) {
                return false;
            }
        }
        return true;
    }

    private IOException refused(HubHttp.Answer answer) {
        int status = answer.status();
        String message = HubErrors.serverMessage(settings, answer);
        String said = "HTTP status " + status + " from " + HubErrors.withoutQuery(answer.location()) + message;
        if (status == 408
                || status == 429
                || status >= 500
                || status == 416
                || status != 407 && !http.isEndpoint(answer.location())) {
            return answer.broken(said);
        }
        throw HubErrors.refusal(settings, id, answer, said);
    }

    private URI address(String pathAndQuery) {
        return URI.create(settings.endpoint() + pathAndQuery);
    }

    private static String encodePath(String path) {
        List<String> names = new ArrayList<>();
        for (String name : path.split("/")) {
            names.add(encode(name));
        }
        return String.join("/", names);
    }

    private static String encode(String name) {
        StringBuilder encoded = new StringBuilder();
        for (byte b : name.getBytes(StandardCharsets.UTF_8)) {
            char c = (char) (b & 0xff);
            boolean plain = c < 128 && (Character.isLetterOrDigit(c) || UNRESERVED.indexOf(c) >= 0);
            encoded.append(plain ? String.valueOf(c) : String.format("%%%02X", (int) c));
        }
        return encoded.toString();
    }
}
