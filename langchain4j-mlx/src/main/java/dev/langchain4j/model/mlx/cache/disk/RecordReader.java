package dev.langchain4j.model.mlx.cache.disk;

import dev.langchain4j.model.mlx.cache.disk.Destination.Piece;
import dev.langchain4j.model.mlx.cache.disk.RecordFormat.Stored;
import dev.langchain4j.model.mlx.cache.disk.Segments.Segment;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.zip.CRC32C;

/**
 * Reads records, verifies them, and decrypts them if they are encrypted. Arrays are read and verified on threads of
 * their own, while the caller makes room for the next ones. One caller at a time, but for the tokens.
 */
final class RecordReader {
    /** Bytes that are still in a processor's cache when they are verified. */
    private static final int AT_ONCE = 256 << 10;

    private final Vault vault;
    private ByteBuffer stored = ByteBuffer.allocateDirect(0);

    /** @param vault null where nothing is encrypted */
    RecordReader(Vault vault) {
        this.vault = vault;
    }

    /** @param key decrypts the record; null if it is not encrypted */
    int[] tokens(Segment segment, DiskRecord edge, SealKey key) throws IOException {
        int[] tokens =
                RecordFormat.decode(header(segment, edge.offset, edge), edge).tokens();
        return key == null ? tokens : vault.openTokens(key, edge, tokens);
    }

    private static ByteBuffer header(Segment segment, long offset, DiskRecord record) throws IOException {
        ByteBuffer page = ByteBuffer.allocate((int) Math.min(record.length, RecordFormat.PAGE));
        Segments.readAll(segment.file, page, offset);
        int length = RecordFormat.headerLength(page.flip(), record);
        if (length <= page.limit()) {
            return page.limit(length);
        }
        ByteBuffer header = ByteBuffer.allocate(length);
        Segments.readAll(segment.file, header, offset);
        return header.flip();
    }

    /**
     * Reads a whole record. Its sections are views of memory that the next call uses again, without bytes where a
     * destination took them.
     *
     * @param offset where it lies, which may be another place by now
     */
    List<Section> read(Segment segment, long offset, DiskRecord record, SealKey key, Destination to)
            throws IOException {
        List<Stored> all =
                RecordFormat.decode(header(segment, offset, record), record).sections();
        List<Section> sections = new ArrayList<>();
        List<CompletableFuture<Void>> reads = new ArrayList<>();
        try {
            for (List<Stored> layer : byLayer(all)) {
                List<List<Piece>> taken =
                        to.of(layer.stream().map(Stored::section).toList());
                for (int i = 0; i < layer.size(); i++) {
                    Stored each = layer.get(i);
                    ByteBuffer own = taken == null ? ownMemory(record, each, key != null) : null;
                    List<Piece> pieces = own == null ? taken.get(i) : List.of(new Piece(own.remaining(), own));
                    int index = sections.size();
                    sections.add(each.section().with(own));
                    reads.add(start(
                            key == null
                                    ? () -> read(segment, offset, each, pieces)
                                    : () -> open(segment, offset, each, pieces, key, record, index)));
                }
            }
        } finally {
            await(reads);
        }
        return sections;
    }

    private static List<List<Stored>> byLayer(List<Stored> sections) {
        List<List<Stored>> layers = new ArrayList<>();
        for (Stored each : sections) {
            if (layers.isEmpty()
                    || layers.getLast().getFirst().section().layer()
                            != each.section().layer()) {
                layers.add(new ArrayList<>());
            }
            layers.getLast().add(each);
        }
        return layers;
    }

    private ByteBuffer ownMemory(DiskRecord record, Stored section, boolean sealed) throws IOException {
        stored = roomFor(record.length, stored);
        return stored.slice((int) section.offset(), sealed ? openedLength(section) : (int) section.length());
    }

    private static int openedLength(Stored sealed) throws IOException {
        if (sealed.length() < SealKey.OVERHEAD) {
            throw new IOException("damaged section");
        }
        return (int) sealed.length() - SealKey.OVERHEAD;
    }

    private static ByteBuffer roomFor(long length, ByteBuffer buffer) throws IOException {
        if (length > Integer.MAX_VALUE - 8) {
            throw new IOException("too long");
        }
        ByteBuffer room = buffer.capacity() < length ? ByteBuffer.allocateDirect((int) length) : buffer;
        return room.clear().limit((int) length);
    }

    private static CompletableFuture<Void> start(Read read) {
        return CompletableFuture.runAsync(
                () -> {
                    try {
                        read.run();
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                },
                task -> Thread.ofVirtual().name("mlx-disk-cache-read").start(task));
    }

    private interface Read {
        void run() throws IOException;
    }

    /** Waits for all of them, for they write into memory of others. */
    private static void await(List<CompletableFuture<Void>> reads) throws IOException {
        try {
            CompletableFuture.allOf(reads.toArray(CompletableFuture[]::new)).join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof UncheckedIOException io) {
                throw io.getCause();
            }
            throw e;
        }
    }

    /** Reads a section and decrypts it: all of it at once, for nothing of it is known to be right before its end. */
    private void open(
            Segment segment, long offset, Stored section, List<Piece> pieces, SealKey key, DiskRecord record, int index)
            throws IOException {
        ByteBuffer sealed = ByteBuffer.allocate((int) section.length());
        read(segment, offset, section, List.of(new Piece(sealed.capacity(), sealed)));
        ByteBuffer opened = ByteBuffer.allocate(openedLength(section));
        vault.open(key, record, index, section.section().with(sealed), opened);
        opened.flip();
        for (Piece piece : pieces) {
            if (piece.length() > opened.remaining()) {
                throw new IOException("another length");
            }
            if (piece.into() != null) {
                piece.into().duplicate().put(opened.slice(opened.position(), piece.length()));
            }
            opened.position(opened.position() + piece.length());
        }
        if (opened.hasRemaining()) {
            throw new IOException("another length");
        }
    }

    private static void read(Segment segment, long offset, Stored section, List<Piece> pieces) throws IOException {
        CRC32C crc = new CRC32C();
        long end = offset + section.offset() + section.length();
        long at = offset + section.offset();
        for (Piece piece : pieces) {
            if (piece.length() > end - at) {
                throw new IOException("another length");
            }
            for (int done = 0; done < piece.length(); done += AT_ONCE) {
                int length = Math.min(AT_ONCE, piece.length() - done);
                ByteBuffer part = piece.into() == null
                        ? ByteBuffer.allocate(length)
                        : piece.into().slice(done, length);
                Segments.readAll(segment.file, part, at);
                crc.update(part.flip());
                at += length;
            }
        }
        if (at != end || (int) crc.getValue() != section.crc()) {
            throw new IOException("damaged section");
        }
    }
}
