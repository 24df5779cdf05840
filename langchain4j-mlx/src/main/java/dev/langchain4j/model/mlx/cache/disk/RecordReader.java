package dev.langchain4j.model.mlx.cache.disk;

import dev.langchain4j.model.mlx.cache.disk.Segments.Segment;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/** Reads records, verifies them, and decrypts them if they are encrypted. One caller at a time, but for the tokens. */
final class RecordReader {
    private final Vault vault;
    private ByteBuffer stored = ByteBuffer.allocateDirect(0);
    private ByteBuffer opened = ByteBuffer.allocateDirect(0);

    /** @param vault null where nothing is encrypted */
    RecordReader(Vault vault) {
        this.vault = vault;
    }

    /** @param key decrypts the record; null if it is not encrypted */
    int[] tokens(Segment segment, DiskRecord edge, SealKey key) throws IOException {
        ByteBuffer page = ByteBuffer.allocate((int) Math.min(edge.length, RecordFormat.PAGE));
        Segments.readAll(segment.file, page, edge.offset);
        ByteBuffer header = ByteBuffer.allocate(RecordFormat.headerLength(page.flip(), edge));
        Segments.readAll(segment.file, header, edge.offset);
        int[] tokens = RecordFormat.tokens(header.flip(), edge);
        return key == null ? tokens : vault.openTokens(key, edge, tokens);
    }

    /**
     * Reads a whole record. Its sections are views of memory that the next call uses again.
     *
     * @param offset where it lies, which may be another place by now
     */
    List<Section> read(Segment segment, long offset, DiskRecord record, SealKey key) throws IOException {
        stored = roomFor(record.length, stored);
        Segments.readAll(segment.file, stored, offset);
        List<Section> sections = RecordFormat.decode(stored.flip(), record).sections();
        if (key == null) {
            return sections;
        }
        opened = roomFor(record.length, opened);
        return vault.open(key, record, sections, opened);
    }

    private static ByteBuffer roomFor(long length, ByteBuffer buffer) throws IOException {
        if (length > Integer.MAX_VALUE - 8) {
            throw new IOException("too long");
        }
        ByteBuffer room = buffer.capacity() < length ? ByteBuffer.allocateDirect((int) length) : buffer;
        return room.clear().limit((int) length);
    }
}
