package dev.langchain4j.model.mlx.cache.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * How a record lies in a segment: a header of numbers, a table of its sections and its tokens; then each section at the
 * next multiple of {@link #PAGE}, raw bytes in native order. The header ends with a CRC32C of itself, and has one of
 * each section.
 */
final class RecordFormat {
    /** Sections begin at multiples of this: the page of an Apple silicon machine. */
    static final int PAGE = 16 << 10;

    /** Changes whenever the meaning of a file does. */
    static final int VERSION = 1;

    private static final long MAGIC = 0x31564b584c4d344cL; // "L4MLXKV1"
    private static final int ORDER_MARK = 0x01020304;
    private static final int FIXED = 72;
    private static final int LENGTH_AT = 16;
    private static final int DIMENSIONS_MAX = 8;
    private static final int SECTIONS_MAX = 100_000;

    /** A header, and how many bytes of a segment the record takes. */
    record Encoded(ByteBuffer header, long length, int crc, List<Long> offsets) {}

    /** An array that a record has, without its bytes, and where they lie behind the beginning of the record. */
    record Stored(Section section, long offset, long length, int crc) {}

    /** A header that was read and verified; its tokens are still encrypted if the record is. */
    record Decoded(int[] tokens, List<Stored> sections) {}

    private RecordFormat() {}

    static long pages(long bytes) {
        return (bytes + PAGE - 1) / PAGE * PAGE;
    }

    private static int flags(DiskRecord record) {
        return (record.state ? 1 : 0) | (record.isSealed() ? 2 : 0);
    }

    static Encoded encode(DiskRecord record, int[] tokens, List<Section> sections) {
        int size = FIXED + Integer.BYTES * tokens.length + Integer.BYTES;
        for (Section section : sections) {
            size += 36 + Integer.BYTES * section.shape().length;
        }
        ByteBuffer header = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        header.putLong(MAGIC).putInt(VERSION);
        header.order(ByteOrder.nativeOrder()).putInt(ORDER_MARK).order(ByteOrder.LITTLE_ENDIAN);
        header.putInt(size)
                .putInt(flags(record))
                .putLong(record.id)
                .putLong(record.parent.id)
                .putLong(record.scope)
                .putInt(record.start)
                .putInt(record.end)
                .putInt(sections.size())
                .putInt(tokens.length)
                .putLong(0);
        List<Long> offsets = new ArrayList<>();
        long at = pages(size);
        for (Section section : sections) {
            ByteBuffer bytes = section.bytes();
            header.putInt(section.layer()).putInt(section.slot()).putInt(section.type());
            header.putInt(section.shape().length);
            for (int dimension : section.shape()) {
                header.putInt(dimension);
            }
            header.putLong(at).putLong(bytes.remaining()).putInt(crc(bytes));
            offsets.add(at);
            at += pages(bytes.remaining());
        }
        for (int token : tokens) {
            header.putInt(token);
        }
        int crc = crc(header.duplicate().flip());
        header.putInt(crc).flip();
        return new Encoded(header, at, crc, offsets);
    }

    /** How many bytes a header has, of which the first page was read. */
    static int headerLength(ByteBuffer page, DiskRecord record) throws IOException {
        ByteBuffer in = page.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        if (in.getLong(0) != MAGIC || in.getInt(8) != VERSION) {
            throw new IOException("no record");
        }
        if (page.duplicate().order(ByteOrder.nativeOrder()).getInt(12) != ORDER_MARK) {
            throw new IOException("other byte order");
        }
        int length = in.getInt(LENGTH_AT);
        if (length < FIXED + Integer.BYTES || length > record.length) {
            throw new IOException("damaged header");
        }
        return length;
    }

    /**
     * Reads the header of a record, and verifies it against what the manifest says.
     *
     * @throws IOException saying what is wrong
     */
    static Decoded decode(ByteBuffer header, DiskRecord record) throws IOException {
        ByteBuffer in = header.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        int end = in.limit() - Integer.BYTES;
        int crc = crc(in.duplicate().limit(end));
        if (crc != in.getInt(end) || crc != record.headerCrc) {
            throw new IOException("damaged header");
        }
        // What follows was written by this class: it is checked all the same, for a checksum can be made for anything.
        in.position(LENGTH_AT + Integer.BYTES);
        boolean same = in.getInt() == flags(record)
                && in.getLong() == record.id
                && in.getLong() == record.parent.id
                && in.getLong() == record.scope
                && in.getInt() == record.start
                && in.getInt() == record.end;
        if (!same) {
            throw new IOException("another record");
        }
        int sections = in.getInt();
        int tokens = in.getInt();
        in.getLong();
        if (sections < 0 || sections > SECTIONS_MAX || tokens != Vault.storedTokens(record)) {
            throw new IOException("damaged header");
        }
        List<Stored> found = new ArrayList<>();
        for (int i = 0; i < sections; i++) {
            found.add(section(in, record));
        }
        if (in.limit() - in.position() != Integer.BYTES * (tokens + 1)) {
            throw new IOException("damaged header");
        }
        int[] ids = new int[tokens];
        for (int i = 0; i < tokens; i++) {
            ids[i] = in.getInt();
        }
        return new Decoded(ids, found);
    }

    private static Stored section(ByteBuffer in, DiskRecord record) throws IOException {
        if (in.remaining() < 36) {
            throw new IOException("damaged header");
        }
        int layer = in.getInt();
        int slot = in.getInt();
        int type = in.getInt();
        int rank = in.getInt();
        if (rank < 0 || rank > DIMENSIONS_MAX || in.remaining() < Integer.BYTES * rank + 20) {
            throw new IOException("damaged header");
        }
        int[] shape = new int[rank];
        for (int i = 0; i < rank; i++) {
            shape[i] = in.getInt();
        }
        long offset = in.getLong();
        long length = in.getLong();
        int crc = in.getInt();
        if (offset < 0
                || length < 0
                || offset % PAGE != 0
                || offset > record.length
                || length > Math.min(Integer.MAX_VALUE, record.length - offset)) {
            throw new IOException("damaged header");
        }
        return new Stored(new Section(layer, slot, type, shape, null), offset, length, crc);
    }

    /** The CRC32C of the bytes from position to limit, which stay unread. */
    static int crc(ByteBuffer bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes.duplicate());
        return (int) crc.getValue();
    }
}
