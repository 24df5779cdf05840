package dev.langchain4j.model.mlx.hub;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Behaves as the hub does, on two ports of the loopback interface: one is the hub, the other the store of large files
 * that it redirects to. Faults can be put into any answer.
 */
final class FakeHub implements AutoCloseable {
    static final String TOKEN = "hf_secret";
    private static final Pattern RANGE = Pattern.compile("bytes=(\\d+)-(\\d+)");
    private static final Pattern API = Pattern.compile("/api/models/(.+)/(revision|tree)/([^/?]+)");
    private static final Pattern RESOLVE = Pattern.compile("/(.+)/resolve/([^/]+)/(.+)");

    /** What goes wrong with an answer. */
    record Fault(Kind kind, int number) {
        enum Kind {
            /** Everything is right. */
            NONE,
            /** The status {@code number}. */
            STATUS,
            /** The connection ends after {@code number} bytes, modulo the length. */
            CUT,
            /** Byte {@code number}, modulo the length, is another. */
            WRONG_BYTE,
            /** {@code number} bytes are missing from the end, and the length says so. */
            SHORT,
            /** {@code number} bytes more than there should be, and the length says so. */
            LONG,
            /** All of the file with status 200, whatever was asked for. */
            WHOLE,
            /** Another range than was asked for. */
            OTHER_RANGE,
            /** The right bytes, without an end of the answer that could be told. */
            CHUNKED,
            /** Headers, and then nothing. */
            STALL,
            /** Headers and the first half, and then nothing. */
            STALL_AFTER,
            /** Not even headers, for {@code number} milliseconds. */
            SILENT,
            /** A byte each {@code number} milliseconds. */
            TRICKLE,
            /** The status {@code number}, and the token of the request in its message. */
            ECHO,
            /** A redirect that leads nowhere. */
            NOWHERE
        }

        static final Fault NONE = new Fault(Kind.NONE, 0);
    }

    /** A request as it came. */
    record Request(String host, String path, String range, String authorization) {}

    private record Commit(String sha, Map<String, byte[]> files) {}

    final List<Request> requests = new CopyOnWriteArrayList<>();
    /** Files of more bytes than this are large ones. */
    int largeFrom = 500;
    /** Entries of a page of the listing. */
    int pageSize = 1000;
    /** Fields of listed files that the hub sends other than they are: path to JSON fields. */
    final Map<String, String> lies = new ConcurrentHashMap<>();

    volatile Function<Request, Fault> faults = request -> Fault.NONE;
    volatile boolean gated;
    volatile boolean needsToken;
    volatile String retryAfter = "0";

    private final Map<String, Map<String, Commit>> repositories = new ConcurrentHashMap<>();
    private final Map<String, byte[]> stored = new ConcurrentHashMap<>();
    private final HttpServer hub;
    private final HttpServer store;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

    FakeHub() {
        hub = start(this::answerHub);
        store = start(this::answerStore);
    }

    private HttpServer start(Handler handler) {
        try {
            HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            server.setExecutor(threads);
            server.createContext("/", exchange -> {
                try (exchange) {
                    handler.handle(exchange);
                }
            });
            server.start();
            return server;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @FunctionalInterface
    private interface Handler {
        void handle(HttpExchange exchange) throws IOException;
    }

    URI endpoint() {
        return URI.create("http://127.0.0.1:" + hub.getAddress().getPort());
    }

    String storeHost() {
        return "127.0.0.1:" + store.getAddress().getPort();
    }

    /** Makes a commit the revision of a repository; returns its id. */
    String commit(String repository, String revision, Map<String, byte[]> files) {
        StringBuilder all = new StringBuilder();
        new TreeMap<>(files).forEach((path, bytes) -> all.append(path).append(blobId(bytes)));
        String sha = blobId(all.toString().getBytes(StandardCharsets.UTF_8));
        Commit commit = new Commit(sha, new TreeMap<>(files));
        files.values().forEach(bytes -> stored.put(sha256(bytes), bytes));
        Map<String, Commit> revisions = repositories.computeIfAbsent(repository, r -> new ConcurrentHashMap<>());
        revisions.put(revision, commit);
        revisions.put(sha, commit);
        return sha;
    }

    void dropRevision(String repository, String revision) {
        repositories.get(repository).remove(revision);
    }

    private Request note(HttpExchange e) {
        Request request = new Request(
                e.getRequestHeaders().getFirst("Host"),
                e.getRequestURI().getPath(),
                e.getRequestHeaders().getFirst("Range"),
                e.getRequestHeaders().getFirst("Authorization"));
        requests.add(request);
        return request;
    }

    private void answerHub(HttpExchange e) throws IOException {
        Request request = note(e);
        Fault fault = faults.apply(request);
        if (fault.kind() == Fault.Kind.SILENT) {
            sleep(fault.number());
        }
        if (fault.kind() == Fault.Kind.STATUS) {
            fail(e, fault.number(), "", "");
            return;
        }
        if (fault.kind() == Fault.Kind.ECHO) {
            fail(e, fault.number(), "Odd", "what is " + request.authorization() + "?");
            return;
        }
        if (gated && !("Bearer " + TOKEN).equals(request.authorization())) {
            fail(e, request.authorization() == null ? 401 : 403, "GatedRepo", "Access to this model is restricted.");
            return;
        }
        if (needsToken && !("Bearer " + TOKEN).equals(request.authorization())) {
            fail(e, 401, "RepoNotFound", "Repository not found");
            return;
        }
        Matcher api = API.matcher(e.getRequestURI().getRawPath());
        Matcher resolve = RESOLVE.matcher(request.path());
        if (api.matches()) {
            String revision = java.net.URLDecoder.decode(api.group(3), StandardCharsets.UTF_8);
            Commit commit = find(e, api.group(1), revision);
            if (commit != null && api.group(2).equals("tree")) {
                tree(e, commit, fault);
            } else if (commit != null) {
                String json = "{\"id\":\"x\",\"sha\":\"" + commit.sha + "\",\"siblings\":[]}";
                send(e, json.getBytes(StandardCharsets.UTF_8), fault, null);
            }
        } else if (resolve.matches()) {
            Commit commit = find(e, resolve.group(1), resolve.group(2));
            if (commit != null) {
                resolve(e, resolve.group(1), commit, resolve.group(3), fault);
            }
        } else {
            fail(e, 404, "", "");
        }
    }

    private Commit find(HttpExchange e, String repository, String revision) throws IOException {
        Map<String, Commit> revisions = repositories.get(repository);
        Commit commit = revisions == null ? null : revisions.get(revision);
        if (commit == null) {
            fail(
                    e,
                    revisions == null ? 401 : 404,
                    revisions == null ? "RepoNotFound" : "RevisionNotFound",
                    "Not found");
        }
        return commit;
    }

    private void tree(HttpExchange e, Commit commit, Fault fault) throws IOException {
        String query = e.getRequestURI().getQuery();
        int from = query.contains("cursor=") ? Integer.parseInt(query.replaceAll(".*cursor=(\\d+).*", "$1")) : 0;
        List<String> paths = new ArrayList<>(commit.files.keySet());
        List<String> entries =
                new ArrayList<>(List.of("{\"type\":\"directory\",\"oid\":\"0\",\"size\":0,\"path\":\"onnx\"}"));
        for (String path : paths.subList(from, Math.min(paths.size(), from + pageSize))) {
            entries.add(lies.getOrDefault(path, entry(path, commit.files.get(path))));
        }
        if (from + pageSize < paths.size()) {
            String next = endpoint() + e.getRequestURI().getPath() + "?recursive=true&cursor=" + (from + pageSize);
            e.getResponseHeaders().set("Link", "<" + next + ">; rel=\"next\"");
        }
        send(e, ("[" + String.join(",", entries) + "]").getBytes(StandardCharsets.UTF_8), fault, null);
    }

    private String entry(String path, byte[] bytes) {
        String lfs = bytes.length < largeFrom
                ? ""
                : ",\"lfs\":{\"oid\":\"" + sha256(bytes) + "\",\"size\":" + bytes.length + ",\"pointerSize\":130}";
        return "{\"type\":\"file\",\"oid\":\"" + blobId(bytes) + "\",\"size\":" + bytes.length + ",\"path\":\"" + path
                + "\"" + lfs + "}";
    }

    private void resolve(HttpExchange e, String repository, Commit commit, String path, Fault fault)
            throws IOException {
        byte[] bytes = commit.files.get(path);
        e.getResponseHeaders().set("X-Repo-Commit", commit.sha);
        if (bytes == null) {
            fail(e, 404, "EntryNotFound", "Entry not found");
        } else if (bytes.length < largeFrom) {
            e.getResponseHeaders().set("ETag", "\"" + blobId(bytes) + "\"");
            send(e, bytes, fault, e.getRequestHeaders().getFirst("Range"));
        } else {
            String name = sha256(bytes);
            e.getResponseHeaders().set("X-Linked-Etag", "\"" + name + "\"");
            e.getResponseHeaders().set("X-Linked-Size", String.valueOf(bytes.length));
            String host = fault.kind() == Fault.Kind.NOWHERE ? "" : "http://" + storeHost();
            String target =
                    fault.kind() == Fault.Kind.NOWHERE ? "ftp://nowhere/" : host + "/" + repository + "/" + name;
            e.getResponseHeaders().set("Location", target + "?signature=abc");
            e.sendResponseHeaders(302, -1);
        }
    }

    private void answerStore(HttpExchange e) throws IOException {
        Request request = note(e);
        Fault fault = faults.apply(request);
        if (fault.kind() == Fault.Kind.SILENT) {
            sleep(fault.number());
        }
        if (fault.kind() == Fault.Kind.STATUS) {
            fail(e, fault.number(), "", "");
            return;
        }
        String name = request.path().substring(request.path().lastIndexOf('/') + 1);
        byte[] bytes = stored.get(name);
        send(e, bytes, fault, request.range());
    }

    private void send(HttpExchange e, byte[] bytes, Fault fault, String range) throws IOException {
        byte[] part = bytes;
        int status = 200;
        Matcher m = RANGE.matcher(range == null ? "" : range);
        if (m.matches() && fault.kind() != Fault.Kind.WHOLE) {
            int shift = fault.kind() == Fault.Kind.OTHER_RANGE ? 1 : 0;
            int start = Math.min(bytes.length - 1, Integer.parseInt(m.group(1)) + shift);
            int end = Math.min(bytes.length, Integer.parseInt(m.group(2)) + 1 + shift);
            part = Arrays.copyOfRange(bytes, start, end);
            e.getResponseHeaders().set("Content-Range", "bytes " + start + "-" + (end - 1) + "/" + bytes.length);
            status = 206;
        }
        send(e, status, part.clone(), fault);
    }

    private static void send(HttpExchange e, int status, byte[] part, Fault fault) throws IOException {
        byte[] body = part;
        int position = part.length == 0 ? 0 : fault.number() % part.length;
        switch (fault.kind()) {
            case WRONG_BYTE -> body[position] ^= 0x10;
            case SHORT -> body = Arrays.copyOf(part, part.length - Math.min(part.length, fault.number()));
            case LONG -> body = Arrays.copyOf(part, part.length + fault.number());
            default -> {}
        }
        boolean chunked = fault.kind() == Fault.Kind.CHUNKED;
        e.sendResponseHeaders(status, chunked ? 0 : body.length == 0 ? -1 : body.length);
        OutputStream out = e.getResponseBody();
        switch (fault.kind()) {
            case CUT -> out.write(body, 0, position);
            case STALL -> sleep(fault.number());
            case STALL_AFTER -> {
                out.write(body, 0, body.length / 2);
                out.flush();
                sleep(fault.number());
            }
            case TRICKLE -> {
                for (byte b : body) {
                    out.write(b);
                    out.flush();
                    sleep(fault.number());
                }
            }
            default -> out.write(body);
        }
        out.flush();
        if (fault.kind() != Fault.Kind.CUT && !fault.kind().name().startsWith("STALL")) {
            out.close();
        }
    }

    private static void sleep(int millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void fail(HttpExchange e, int status, String code, String message) throws IOException {
        if (!code.isEmpty()) {
            e.getResponseHeaders().set("X-Error-Code", code);
            e.getResponseHeaders().set("X-Error-Message", message);
        }
        if (status == 429 || status == 503) {
            e.getResponseHeaders().set("Retry-After", retryAfter);
        }
        e.sendResponseHeaders(status, -1);
    }

    static String sha256(byte[] bytes) {
        return hex("SHA-256", bytes);
    }

    /** What {@code git hash-object} prints. */
    static String blobId(byte[] bytes) {
        byte[] header = ("blob " + bytes.length + "\0").getBytes(StandardCharsets.US_ASCII);
        byte[] all = Arrays.copyOf(header, header.length + bytes.length);
        System.arraycopy(bytes, 0, all, header.length, bytes.length);
        return hex("SHA-1", all);
    }

    private static String hex(String algorithm, byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        hub.stop(0);
        store.stop(0);
        threads.shutdownNow();
    }
}
