package dev.langchain4j.model.mlx.cache.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The files that hold records, one behind the other. Only the newest one grows. Bytes are written without the store's
 * lock by one thread; what is noted of files is guarded by it.
 */
final class Segments implements AutoCloseable {
    private static final int ZEROS = 1 << 20;

    /** Writes bytes; replaced where a test wants a disk that is full. */
    interface Disk {
        void write(FileChannel file, ByteBuffer bytes, long position) throws IOException;
    }

    /** A range of a file that no record needs any more. */
    record Dead(long offset, long length) {}

    /** One file. */
    static final class Segment {
        final long id;
        final FileChannel file;
        final Set<DiskRecord> records = new HashSet<>();
        private final List<Dead> dead = new ArrayList<>();
        long size;
        long liveBytes;

        private Segment(long id, FileChannel file) {
            this.id = id;
            this.file = file;
        }

        /** What no record needs and was not overwritten; it is noted no longer. */
        List<Dead> takeDead() {
            List<Dead> taken = List.copyOf(dead);
            dead.clear();
            return taken;
        }

        /** When a record of it was used last. */
        long used() {
            long used = 0;
            for (DiskRecord record : records) {
                used = Math.max(used, record.used);
            }
            return used;
        }
    }

    private final StoreFolder folder;
    private final long segmentBytes;
    private final Disk disk;
    private final Map<Long, Segment> segments = new HashMap<>();
    private Segment newest;
    private long nextId = 1;
    private long size;

    /** @param segmentBytes size from which on a new file is begun */
    Segments(StoreFolder folder, long segmentBytes, Disk disk) {
        this.folder = folder;
        this.segmentBytes = segmentBytes;
        this.disk = disk;
    }

    static void writeAll(FileChannel file, ByteBuffer bytes, long position) throws IOException {
        long at = position;
        while (bytes.hasRemaining()) {
            // Heap memory is written through native memory of this size.
            int limit = bytes.limit();
            bytes.limit(Math.min(limit, bytes.position() + ZEROS));
            at += file.write(bytes, at);
            bytes.limit(limit);
        }
    }

    /** Whether a record that the manifest knows lies in a file that is there. Opens the file. */
    boolean take(DiskRecord record) throws IOException {
        nextId = Math.max(nextId, record.segment + 1);
        Segment segment = segments.get(record.segment);
        if (segment == null) {
            String name = StoreFolder.segmentName(record.segment);
            if (!folder.isFile(name)) {
                return false;
            }
            segment = new Segment(record.segment, folder.openFile(name));
            segment.size = RecordFormat.pages(segment.file.size());
            size += segment.size;
            segments.put(record.segment, segment);
        }
        boolean within = record.offset >= 0
                && record.offset % RecordFormat.PAGE == 0
                && record.length > 0
                && record.length <= segment.size - record.offset;
        if (within) {
            add(segment, record);
        }
        return within;
    }

    /**
     * Opens the files of all records of an index, of which those stay that are there and that somebody needs, and
     * deletes all other files.
     *
     * @param cutOff hears of records that lie behind the end of their file, where others will be written
     */
    void takeAll(RecordIndex index, CutOff cutOff) throws IOException {
        for (DiskRecord record : List.copyOf(index.all())) {
            if (!record.isDropped() && !take(record)) {
                if (segments.containsKey(record.segment)) {
                    cutOff.accept(record);
                }
                index.remove(record);
            }
        }
        index.removeUnneeded();
        for (Segment segment : segments.values()) {
            List.copyOf(segment.records).stream().filter(DiskRecord::isDropped).forEach(this::drop);
        }
        deleteUnknown();
    }

    /** Takes a record that lies behind the end of its file. */
    interface CutOff {
        void accept(DiskRecord record) throws IOException;
    }

    private static void add(Segment segment, DiskRecord record) {
        segment.records.add(record);
        segment.liveBytes += record.length;
    }

    /** Deletes files without records, and notes what no record needs in the others. */
    private void deleteUnknown() throws IOException {
        for (long id : folder.segments()) {
            nextId = Math.max(nextId, id + 1);
            Segment segment = segments.get(id);
            if (segment == null) {
                folder.delete(StoreFolder.segmentName(id));
            } else if (segment.records.isEmpty()) {
                unlink(segment);
            } else {
                noteDead(segment);
                if (segment.size < segmentBytes && (newest == null || newest.id < id)) {
                    newest = segment;
                }
            }
        }
    }

    private static void noteDead(Segment segment) {
        List<DiskRecord> byOffset = new ArrayList<>(segment.records);
        byOffset.sort((a, b) -> Long.compare(a.offset, b.offset));
        long at = 0;
        for (DiskRecord record : byOffset) {
            if (record.offset > at) {
                segment.dead.add(new Dead(at, record.offset - at));
            }
            at = Math.max(at, record.offset + record.length);
        }
        if (segment.size > at) {
            segment.dead.add(new Dead(at, segment.size - at));
        }
    }

    /** Bytes of all files. */
    long size() {
        return size;
    }

    Collection<Segment> all() {
        return segments.values();
    }

    boolean isNewest(Segment segment) {
        return segment == newest;
    }

    Segment get(long id) {
        return segments.get(id);
    }

    /** The file that a record of this length goes to. Called with the lock, by the writing thread. */
    Segment toWrite(long length) throws IOException {
        if (newest == null || newest.size > 0 && newest.size + length > segmentBytes) {
            long id = nextId++;
            newest = new Segment(id, folder.openFile(StoreFolder.segmentName(id)));
            segments.put(id, newest);
        }
        return newest;
    }

    /** Lets the next record go to a new file, so that this one can be evicted. */
    void seal() {
        newest = null;
    }

    /** Writes a record behind what a file holds; if that fails the file is cut back. Without the lock. */
    void write(Segment segment, RecordFormat.Encoded encoded, List<Section> sections) throws IOException {
        long start = segment.size;
        try {
            disk.write(segment.file, encoded.header().duplicate(), start);
            for (int i = 0; i < sections.size(); i++) {
                disk.write(
                        segment.file,
                        sections.get(i).bytes().duplicate(),
                        start + encoded.offsets().get(i));
            }
            fill(segment, start + encoded.length());
        } catch (IOException e) {
            cutBack(segment, start);
            throw e;
        }
    }

    /** Writes the bytes of a record that lies elsewhere. Without the lock. */
    void copy(Segment from, DiskRecord record, Segment to) throws IOException {
        long start = to.size;
        try {
            ByteBuffer part = ByteBuffer.allocate((int) Math.min(record.length, ZEROS));
            for (long at = 0; at < record.length; at += part.limit()) {
                part.clear().limit((int) Math.min(part.capacity(), record.length - at));
                readAll(from.file, part, record.offset + at);
                disk.write(to.file, part.flip(), start + at);
            }
        } catch (IOException e) {
            cutBack(to, start);
            throw e;
        }
    }

    private void fill(Segment segment, long end) throws IOException {
        if (segment.file.size() < end) {
            disk.write(segment.file, ByteBuffer.allocate(1), end - 1);
        }
    }

    private static void cutBack(Segment segment, long size) {
        try {
            segment.file.truncate(size);
        } catch (IOException stays) {
            // It is not in the manifest, and the next record is written over it.
        }
    }

    /** Notes a record that was written at the end of a file. With the lock. */
    void wrote(Segment segment, DiskRecord record, long length) {
        record.segment = segment.id;
        record.offset = segment.size;
        record.length = length;
        segment.size += length;
        size += length;
        add(segment, record);
    }

    /**
     * Notes that a record was copied to the end of another file; one that was dropped meanwhile is to be erased there.
     */
    void moved(Segment from, DiskRecord record, Segment to) {
        boolean needed = from.records.remove(record);
        if (needed) {
            from.liveBytes -= record.length;
            from.dead.add(new Dead(record.offset, record.length));
            wrote(to, record, record.length);
        } else {
            to.dead.add(new Dead(to.size, record.length));
            to.size += record.length;
            size += record.length;
        }
    }

    static void readAll(FileChannel file, ByteBuffer into, long position) throws IOException {
        long at = position;
        while (into.hasRemaining()) {
            int n = file.read(into, at);
            if (n < 0) {
                throw new IOException("the file ends too early");
            }
            at += n;
        }
    }

    /** Notes that nobody needs a record any more. With the lock. */
    void drop(DiskRecord record) {
        Segment segment = segments.get(record.segment);
        if (segment != null && segment.records.remove(record)) {
            segment.liveBytes -= record.length;
            segment.dead.add(new Dead(record.offset, record.length));
        }
    }

    /** Deletes a file; who reads it at this moment finds it closed. With the lock. */
    void unlink(Segment segment) throws IOException {
        segments.remove(segment.id);
        size -= segment.size;
        newest = segment == newest ? null : newest;
        segment.file.close();
        folder.delete(StoreFolder.segmentName(segment.id));
    }

    /** Overwrites ranges with zeros; gives how many bytes. By the writing thread, without the lock. */
    long erase(Segment segment, List<Dead> ranges) throws IOException {
        long erased = 0;
        for (Dead dead : ranges) {
            ByteBuffer zeros = ByteBuffer.allocate((int) Math.min(ZEROS, dead.length()));
            for (long at = 0; at < dead.length(); at += zeros.limit()) {
                zeros.clear().limit((int) Math.min(zeros.capacity(), dead.length() - at));
                disk.write(segment.file, zeros, dead.offset() + at);
            }
            erased += dead.length();
        }
        return erased;
    }

    @Override
    public void close() throws IOException {
        IOException failure = null;
        for (Segment segment : segments.values()) {
            try {
                segment.file.close();
            } catch (IOException e) {
                failure = e;
            }
        }
        segments.clear();
        if (failure != null) {
            throw failure;
        }
    }
}
