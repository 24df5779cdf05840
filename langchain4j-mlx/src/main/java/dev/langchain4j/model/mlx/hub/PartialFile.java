package dev.langchain4j.model.mlx.hub;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.BitSet;
import java.util.List;

/**
 * A file that is written in segments, in any order, and what of it is complete: a journal beside it has a line for each
 * segment whose bytes were written. Another process goes on where this one was stopped. What a crash of the machine may
 * lose in spite of the journal, the checksum of the whole file finds. Thread-safe.
 */
final class PartialFile implements AutoCloseable {
    private final Path file;
    private final Path journal;
    private final long size;
    private final long segmentBytes;
    private final BitSet complete = new BitSet();
    private FileChannel contents;
    private FileChannel lines;

    private PartialFile(Path file, Path journal, long size, long segmentBytes) {
        this.file = file;
        this.journal = journal;
        this.size = size;
        this.segmentBytes = segmentBytes;
    }

    /** Opens what an earlier attempt left, or begins anew if that does not fit. */
    static PartialFile open(Path file, Path journal, long size, long segmentBytes) throws IOException {
        PartialFile partial = new PartialFile(file, journal, size, segmentBytes);
        if (!partial.readJournal()) {
            partial.begin();
        }
        try {
            partial.openChannels();
        } catch (IOException e) {
            partial.close();
            throw e;
        }
        return partial;
    }

    Path file() {
        return file;
    }

    int segments() {
        return (int) Math.max(1, (size + segmentBytes - 1) / segmentBytes);
    }

    long start(int segment) {
        return segment * segmentBytes;
    }

    long end(int segment) {
        return Math.min(size, (segment + 1) * segmentBytes);
    }

    synchronized boolean isComplete(int segment) {
        return complete.get(segment);
    }

    synchronized long bytesComplete() {
        return complete.stream().mapToLong(i -> end(i) - start(i)).sum();
    }

    void write(ByteBuffer bytes, long position) throws IOException {
        long at = position;
        while (bytes.hasRemaining()) {
            at += contents.write(bytes, at);
        }
    }

    /** Notes that all bytes of a segment were written. */
    synchronized void complete(int segment) throws IOException {
        complete.set(segment);
        ByteBuffer line = StandardCharsets.US_ASCII.encode(segment + "\n");
        while (line.hasRemaining()) {
            lines.write(line);
        }
    }

    /**
     * Takes over what another program downloaded of the same contents, from their beginning on. Whether it did so
     * without gaps, the checksum of the whole tells.
     */
    synchronized void adopt(Path other) throws IOException {
        try (FileChannel from = FileChannel.open(other, StandardOpenOption.READ)) {
            long end = Math.min(from.size(), size);
            for (long at = 0; at < end; ) {
                long n = from.transferTo(at, end - at, contents.position(at));
                if (n <= 0) {
                    return;
                }
                at += n;
            }
            for (int i = 0; i < segments() && end(i) <= end; i++) {
                complete(i);
            }
        }
    }

    /** Forgets everything: the contents are not what they should be. */
    synchronized void restart() throws IOException {
        close();
        begin();
        openChannels();
    }

    /** Brings the contents to the disk. */
    synchronized void force() throws IOException {
        contents.force(true);
    }

    /** Removes the journal, after the file was moved to its place. */
    void deleteJournal() throws IOException {
        Files.deleteIfExists(journal);
    }

    private void begin() throws IOException {
        complete.clear();
        Files.deleteIfExists(journal);
        Files.deleteIfExists(file);
        Files.createFile(file);
        Files.writeString(journal, header());
    }

    private String header() {
        return size + " bytes in segments of " + segmentBytes + "\n";
    }

    private boolean readJournal() throws IOException {
        if (!Files.isRegularFile(journal) || !Files.isRegularFile(file)) {
            return false;
        }
        String text = Files.readString(journal, StandardCharsets.ISO_8859_1);
        if (!text.startsWith(header())) {
            return false;
        }
        // A line without its end was not written whole.
        List<String> rows = text.substring(header().length(), text.lastIndexOf('\n') + 1)
                .lines()
                .toList();
        for (String row : rows) {
            if (!row.matches("\\d{1,9}") || Integer.parseInt(row) >= segments()) {
                return false;
            }
            complete.set(Integer.parseInt(row));
        }
        return Files.size(file) <= size && (complete.isEmpty() || Files.size(file) >= end(complete.length() - 1));
    }

    private void openChannels() throws IOException {
        contents = FileChannel.open(file, StandardOpenOption.WRITE);
        lines = FileChannel.open(journal, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
    }

    @Override
    public synchronized void close() throws IOException {
        try (FileChannel first = contents;
                FileChannel second = lines) {
            contents = null;
            lines = null;
        }
    }
}
