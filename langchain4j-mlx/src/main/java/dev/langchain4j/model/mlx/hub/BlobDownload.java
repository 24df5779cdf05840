package dev.langchain4j.model.mlx.hub;

import dev.langchain4j.exception.InternalServerException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpHeaders;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.LongConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Brings the contents of one file into the cache: missing segments side by side, then the checksum, then the move to
 * its place. Contents that do not add up are thrown away and fetched again.
 */
final class BlobDownload {
    private static final int ROUNDS_MAX = 3;
    private static final int BUFFER_BYTES = 1 << 16;
    private static final Pattern CONTENT_RANGE = Pattern.compile("bytes (\\d{1,18})-(\\d{1,18})/(\\d{1,18}|\\*)");

    private final HubSettings settings;
    private final HubClient client;
    private final HubCache cache;
    private final Tasks tasks;
    private final RemoteFile file;
    private final String commit;
    private final LongConsumer progress;
    /** Where the hub redirected to; null if it is to be asked. */
    private volatile URI location;

    private volatile boolean rangesIgnored;

    /** @param progress hears of bytes that came, and with a minus of those that were thrown away */
    BlobDownload(
            HubSettings settings,
            HubClient client,
            HubCache cache,
            Tasks tasks,
            RemoteFile file,
            String commit,
            LongConsumer progress) {
        this.settings = settings;
        this.client = client;
        this.cache = cache;
        this.tasks = tasks;
        this.file = file;
        this.commit = commit;
        this.progress = progress;
    }

    /** Bytes of an earlier attempt that need not be fetched again. */
    static long bytesLeft(HubSettings settings, HubCache cache, RemoteFile file) throws IOException {
        try (PartialFile partial = open(settings, cache, file)) {
            return partial.bytesComplete();
        }
    }

    private static PartialFile open(HubSettings settings, HubCache cache, RemoteFile file) throws IOException {
        PartialFile partial =
                PartialFile.open(cache.partialBlob(file), cache.segmentsOf(file), file.size(), settings.segmentBytes());
        Path others = cache.partialBlobOfOthers(file);
        try {
            boolean adopts = partial.bytesComplete() == 0
                    && Files.isRegularFile(others)
                    && settings.usableSpace().of(cache.folder()) >= file.size();
            if (adopts) {
                partial.adopt(others);
            }
            return partial;
        } catch (IOException e) {
            partial.close();
            throw e;
        }
    }

    void run() throws IOException, InterruptedException {
        try (PartialFile partial = open(settings, cache, file)) {
            for (int round = 1; ; round++) {
                fetch(partial);
                String sum = file.checksum().compute(partial.file(), file.size());
                if (sum.equals(file.checksum().hex())) {
                    break;
                }
                progress.accept(-file.size());
                partial.restart();
                if (round == ROUNDS_MAX) {
                    throw new InternalServerException("the contents of " + client.address(file, commit)
                            + " have the checksum "
                            + sum + ", but the hub says " + file.checksum().hex() + "; tried " + ROUNDS_MAX
                            + " times: a proxy on the way may change them");
                }
            }
            if (settings.durable()) {
                partial.force();
            }
            cache.publish(file, partial.file());
            partial.deleteJournal();
        }
    }

    /** The first segment goes ahead: it tells whether the server knows ranges. */
    private void fetch(PartialFile partial) throws InterruptedException {
        List<Span> missing = new ArrayList<>();
        for (int i = 0; i < partial.segments(); i++) {
            if (!partial.isComplete(i)) {
                missing.add(new Span(i, i + 1, partial));
            }
        }
        if (missing.isEmpty()) {
            return;
        }
        tasks.withConnection(() -> fetch(partial, missing.getFirst()));
        if (rangesIgnored && missing.size() > 1) {
            Span rest = new Span(missing.get(1).segment, partial.segments(), partial);
            tasks.withConnection(() -> fetch(partial, rest));
            return;
        }
        List<Callable<Void>> others = new ArrayList<>();
        for (Span span : missing.subList(1, missing.size())) {
            others.add(() -> {
                tasks.withConnection(() -> fetch(partial, span));
                return null;
            });
        }
        tasks.all(others);
    }

    /** Bytes that one request is for, and how many of them came. */
    private static final class Span {
        private int segment;
        private long position;
        private final long end;

        Span(int from, int to, PartialFile partial) {
            segment = from;
            position = partial.start(from);
            end = partial.end(to - 1);
        }
    }

    private void fetch(PartialFile partial, Span span) throws InterruptedException {
        Retries retries = new Retries(settings, settings.attempts(), "download " + client.address(file, commit));
        while (span.position < span.end) {
            long before = span.position;
            try {
                transfer(partial, span);
            } catch (IOException e) {
                location = null;
                retries.failed(e, span.position - before);
            }
        }
        completeUpTo(partial, span);
    }

    private void transfer(PartialFile partial, Span span) throws IOException, InterruptedException {
        boolean whole = span.position == 0 && span.end == file.size();
        String range = whole ? null : "bytes=" + span.position + "-" + (span.end - 1);
        URI known = location;
        HubHttp.Answer answer = client.open(known != null ? known : client.address(file, commit), range);
        try (InputStream body = answer.body()) {
            if (known == null) {
                checkSame(answer);
            }
            byte[] buffer = new byte[BUFFER_BYTES];
            skip(body, buffer, bytesBefore(answer, span, whole));
            location = answer.location();
            while (span.position < span.end) {
                int n = body.read(buffer, 0, (int) Math.min(buffer.length, span.end - span.position));
                if (n < 0) {
                    throw new BrokenTransferException(
                            "the connection ended at byte " + span.position + " of [.., " + span.end + ")");
                }
                write(partial, buffer, n, span.position);
                span.position += n;
                completeUpTo(partial, span);
                progress.accept(n);
            }
            if (answer.status() == 206 || span.end == file.size()) {
                // Reading to the end lets the connection serve the next request.
                body.read(buffer, 0, 1);
            }
        }
    }

    private static void write(PartialFile partial, byte[] buffer, int length, long position) {
        try {
            partial.write(ByteBuffer.wrap(buffer, 0, length), position);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void completeUpTo(PartialFile partial, Span span) {
        try {
            for (; span.segment < partial.segments() && partial.end(span.segment) <= span.position; span.segment++) {
                partial.complete(span.segment);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void skip(InputStream body, byte[] buffer, long bytes) throws IOException {
        for (long left = bytes; left > 0; ) {
            int n = body.read(buffer, 0, (int) Math.min(buffer.length, left));
            if (n < 0) {
                throw new BrokenTransferException("the connection ended before the requested bytes");
            }
            left -= n;
        }
    }

    /** Bytes of the answer that come before those that were asked for: none, unless the server ignores ranges. */
    private long bytesBefore(HubHttp.Answer answer, Span span, boolean whole) throws IOException {
        if (answer.header("Content-Encoding") != null
                && !answer.header("Content-Encoding").equals("identity")) {
            throw answer.broken("the content is compressed, which was not requested");
        }
        if (answer.status() == 200) {
            String length = answer.header("Content-Length");
            if (length != null && !length.equals(String.valueOf(file.size()))) {
                throw answer.broken("the server has " + length + " bytes, but the hub lists " + file.size());
            }
            rangesIgnored |= !whole;
            return span.position;
        }
        String given = answer.header("Content-Range");
        Matcher range = CONTENT_RANGE.matcher(given == null ? "" : given);
        boolean fits = range.matches()
                && Long.parseLong(range.group(1)) == span.position
                && Long.parseLong(range.group(2)) < span.end
                && (range.group(3).equals("*") || Long.parseLong(range.group(3)) == file.size());
        if (!fits) {
            throw answer.broken("requested the bytes [" + span.position + ", " + span.end + ") of " + file.size()
                    + ", the server gave \"" + given + "\"");
        }
        return 0;
    }

    /** Refuses contents that the hub itself says are others than it listed. */
    private void checkSame(HubHttp.Answer answer) throws IOException {
        HttpHeaders hub = answer.first();
        check(
                answer,
                "checksum",
                hub.firstValue("X-Linked-Etag").map(BlobDownload::plain).orElse(null),
                file.checksum().hex());
        check(answer, "size", hub.firstValue("X-Linked-Size").orElse(null), String.valueOf(file.size()));
        check(answer, "commit", hub.firstValue("X-Repo-Commit").orElse(null), commit);
    }

    private static void check(HubHttp.Answer answer, String what, String given, String expected) throws IOException {
        if (given != null && !given.equals(expected)) {
            throw answer.broken("the hub sent the " + what + " " + given + ", but it listed " + expected);
        }
    }

    private static String plain(String etag) {
        return etag.replaceFirst("^W/", "").replace("\"", "");
    }
}
