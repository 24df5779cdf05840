package dev.langchain4j.model.mlx.cache.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.util.function.Consumer;

/**
 * A file of entries that only grows, until it is rewritten. Each entry has a mark, its length and a CRC32C. An entry
 * that is damaged or was not written to its end is passed over, and what follows it is read all the same. Not
 * thread-safe.
 */
final class AppendLog implements AutoCloseable {
    private static final long MAGIC = 0x31474c584c4d344cL; // "L4MLXLG1"
    private static final int MARK = 0x5ca1ab1e;
    private static final int FRAME = 12;
    private static final int HEAD = 16;
    private static final int ORDER_MARK = 0x01020304;

    /** How an entry lies in the file. */
    interface Form {
        /** As it is. */
        Form CLEAR = new Form() {
            @Override
            public ByteBuffer write(ByteBuffer entry) {
                return entry;
            }

            @Override
            public ByteBuffer read(ByteBuffer stored) {
                return stored;
            }
        };

        ByteBuffer write(ByteBuffer entry) throws IOException;

        /** @throws IOException if it is none of this form */
        ByteBuffer read(ByteBuffer stored) throws IOException;
    }

    private final StoreFolder folder;
    private final String name;
    private final Form form;
    private FileChannel channel;
    private long size;

    private AppendLog(StoreFolder folder, String name, Form form) {
        this.folder = folder;
        this.name = name;
        this.form = form;
    }

    /**
     * Opens a log. One of another version or byte order is begun anew.
     *
     * @param entries takes each entry that is whole, in order
     */
    static AppendLog open(StoreFolder folder, String name, Form form, Consumer<ByteBuffer> entries) throws IOException {
        AppendLog log = new AppendLog(folder, name, form);
        log.channel = folder.openFile(name);
        try {
            log.load(entries);
            return log;
        } catch (Throwable e) {
            log.close();
            throw e;
        }
    }

    private void load(Consumer<ByteBuffer> entries) throws IOException {
        int end = read(channel, form, entries);
        channel.truncate(end);
        size = end > 0 ? end : channel.write(head(), 0);
    }

    /**
     * Reads a log without changing it.
     *
     * @return where its last entry ends; 0 if it is of another version or byte order
     */
    static int read(FileChannel channel, Form form, Consumer<ByteBuffer> entries) throws IOException {
        long length = channel.size() > Integer.MAX_VALUE - 8 ? 0 : channel.size();
        ByteBuffer all = ByteBuffer.allocate((int) length).order(ByteOrder.LITTLE_ENDIAN);
        while (all.hasRemaining() && channel.read(all, all.position()) >= 0) {
            // until all is read
        }
        all.flip();
        if (all.limit() < HEAD || !ByteBuffer.wrap(all.array(), 0, HEAD).equals(head())) {
            return 0;
        }
        int at = HEAD;
        int end = HEAD;
        while (at + FRAME <= all.limit()) {
            int next = entryAt(all, at);
            if (next > 0) {
                accept(all.slice(at + FRAME, next - at - FRAME), form, entries);
                end = next;
            }
            at = next > 0 ? next : at + 1;
        }
        return end;
    }

    private static void accept(ByteBuffer stored, Form form, Consumer<ByteBuffer> entries) {
        ByteBuffer entry;
        try {
            entry = form.read(stored);
        } catch (IOException damaged) {
            return;
        }
        entries.accept(entry.order(ByteOrder.LITTLE_ENDIAN));
    }

    /** Where the entry that begins here ends; 0 if none does. */
    private static int entryAt(ByteBuffer all, int at) {
        if (all.getInt(at) != MARK) {
            return 0;
        }
        int length = all.getInt(at + 4);
        if (length < 0 || length > all.limit() - at - FRAME) {
            return 0;
        }
        return RecordFormat.crc(all.slice(at + FRAME, length)) == all.getInt(at + 8) ? at + FRAME + length : 0;
    }

    private static ByteBuffer head() {
        ByteBuffer head = ByteBuffer.allocate(HEAD).order(ByteOrder.LITTLE_ENDIAN);
        head.putLong(MAGIC).putInt(RecordFormat.VERSION);
        return head.order(ByteOrder.nativeOrder()).putInt(ORDER_MARK).flip();
    }

    /** Bytes of the file. */
    long size() {
        return size;
    }

    /** Appends an entry; if that fails the file is as before. */
    void append(ByteBuffer payload) throws IOException {
        try {
            size += write(channel, size, payload);
        } catch (IOException e) {
            channel.truncate(size);
            throw e;
        }
    }

    private int write(FileChannel to, long position, ByteBuffer entry) throws IOException {
        ByteBuffer payload = form.write(entry);
        ByteBuffer frame = ByteBuffer.allocate(FRAME + payload.remaining()).order(ByteOrder.LITTLE_ENDIAN);
        frame.putInt(MARK).putInt(payload.remaining()).putInt(RecordFormat.crc(payload));
        frame.put(payload.duplicate()).flip();
        int length = frame.remaining();
        Segments.writeAll(to, frame, position);
        return length;
    }

    /** Replaces all entries by these, at once. */
    void rewrite(Iterable<ByteBuffer> entries) throws IOException {
        FileChannel next = folder.openUnfinished(name);
        try {
            long end = next.write(head(), 0);
            for (ByteBuffer entry : entries) {
                end += write(next, end, entry);
            }
            folder.replace(name);
            channel.close();
            channel = next;
            size = end;
        } catch (Throwable e) {
            if (channel != next) {
                next.close();
            }
            throw e;
        }
    }

    /** Drops all entries. Takes no room on the disk. */
    void clear() throws IOException {
        channel.truncate(HEAD);
        size = HEAD;
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
