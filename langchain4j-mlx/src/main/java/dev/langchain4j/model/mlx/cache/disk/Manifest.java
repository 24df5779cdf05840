package dev.langchain4j.model.mlx.cache.disk;

import dev.langchain4j.model.mlx.cache.disk.DiskRecord.Phase;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The log of what the segments hold and who needs it: numbers only. An entry of a record is written after its bytes.
 * What nobody needs is removed from the index once all is read, for entries to come may need it. Guarded by its store.
 */
final class Manifest implements AutoCloseable {
    private static final String NAME = "manifest.log";
    private static final byte RECORD = 1;
    private static final byte TIP = 2;
    private static final byte DROPPED = 3;
    private static final byte USED = 4;
    private static final byte FORGOTTEN = 5;
    private static final byte ERASED = 6;
    private static final int ENTRY_BYTES = 96;
    private static final int SPARE_ENTRIES = 10_000;

    private final RecordIndex index;
    /** For each user that has one set of tips, which of its sets counts. */
    private final Map<Long, Long> generations = new HashMap<>();

    private AppendLog log;
    private int entries;
    private boolean eraseIsDue;

    private Manifest(RecordIndex index) {
        this.index = index;
    }

    /** Reads a manifest into an empty index; times that lie ahead count as now. */
    static Manifest open(StoreFolder folder, Vault vault, RecordIndex index, long nowMillis) throws IOException {
        Manifest manifest = new Manifest(index);
        AppendLog.Form form = vault == null ? AppendLog.Form.CLEAR : vault.form(NAME);
        manifest.log = AppendLog.open(folder, NAME, form, entry -> manifest.read(entry, nowMillis));
        return manifest;
    }

    /**
     * Reads a manifest that is in clear into an empty index, and changes nothing.
     *
     * @throws IOException saying why it is of no use
     */
    static void read(StoreFolder folder, RecordIndex index) throws IOException {
        Manifest manifest = new Manifest(index);
        try (FileChannel file = folder.openFile(NAME)) {
            if (AppendLog.read(file, AppendLog.Form.CLEAR, entry -> manifest.read(entry, Long.MAX_VALUE)) == 0) {
                throw new IOException(folder.path() + " is of another version or byte order");
            }
        }
    }

    private void read(ByteBuffer in, long now) {
        entries++;
        if (in.remaining() != ENTRY_BYTES) {
            return;
        }
        byte type = in.get();
        long id = in.getLong();
        long a = in.getLong();
        long b = in.getLong();
        switch (type) {
            case RECORD -> readRecord(id, a, b, in, now);
            case TIP -> readTip(id, a, b, in.getInt());
            case DROPPED -> {
                if (index.get(id) != null) {
                    index.remove(index.get(id));
                }
            }
            case USED -> {
                if (index.get(id) != null) {
                    index.use(index.get(id), Math.min(a, now));
                }
            }
            case FORGOTTEN -> eraseIsDue = true;
            case ERASED -> eraseIsDue = false;
            default -> {
                // of another version
            }
        }
    }

    private void readRecord(long id, long parentId, long scope, ByteBuffer in, long now) {
        int start = in.getInt();
        int end = in.getInt();
        int first = in.getInt();
        boolean state = in.get() != 0;
        index.reserve(id);
        DiskRecord record = index.get(id);
        if (record == null) {
            DiskRecord parent = parentId == 0 ? index.root(scope) : index.get(parentId);
            boolean root = parentId == 0;
            if (parent == null
                    || parent.scope != scope
                    || parent.state
                    || start < 0
                    || (root ? start != 0 : start <= parent.start || start > parent.end)
                    || (state ? end != start : end <= start)) {
                return;
            }
            record = new DiskRecord(id, parent, scope, start, end, state, first);
            index.add(record);
        }
        record.segment = in.getLong();
        record.offset = in.getLong();
        record.length = in.getLong();
        record.headerCrc = in.getInt();
        record.writtenMillis = Math.min(in.getLong(), now);
        record.usedMillis = Math.max(record.usedMillis, record.writtenMillis);
        record.notedMillis = record.usedMillis;
        record.phase = Phase.STORED;
        record.tokens = state ? new int[0] : null;
        record.owner = in.getLong();
        record.keyId = in.getLong();
        record.firstHidden = record.isSealed();
        index.use(record, record.usedMillis);
    }

    private void readTip(long user, long recordId, long generation, int end) {
        DiskRecord record = index.get(recordId);
        boolean newer = generation > generations.getOrDefault(user, 0L);
        if (newer) {
            generations.put(user, generation);
        }
        if (record != null) {
            index.needed(user, new Need(record, Math.min(end, record.end)), newer);
        } else if (newer) {
            index.forgotten(user);
        }
    }

    private static ByteBuffer entry(byte type, long id, long a, long b) {
        return ByteBuffer.allocate(ENTRY_BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(type)
                .putLong(id)
                .putLong(a)
                .putLong(b);
    }

    private void append(ByteBuffer entry) throws IOException {
        log.append(entry.position(0).limit(ENTRY_BYTES));
        entries++;
    }

    private static ByteBuffer recordEntry(DiskRecord record) {
        return entry(RECORD, record.id, record.parent.id, record.scope)
                .putInt(record.start)
                .putInt(record.end)
                .putInt(record.isSealed() ? 0 : record.first)
                .put((byte) (record.state ? 1 : 0))
                .putLong(record.segment)
                .putLong(record.offset)
                .putLong(record.length)
                .putInt(record.headerCrc)
                .putLong(record.writtenMillis)
                .putLong(record.owner)
                .putLong(record.keyId);
    }

    private static ByteBuffer tipEntry(long user, Need need, long generation) {
        return entry(TIP, user, need.record().id, generation).putInt(need.end());
    }

    /** Notes where a record lies: a new one, or one that was moved. */
    void record(DiskRecord record) throws IOException {
        append(recordEntry(record));
    }

    /** Notes what a user needs, and that it needs nothing else if {@code noOthers}. */
    void need(long user, Iterable<Need> needs, boolean noOthers) throws IOException {
        long generation = generations.getOrDefault(user, 0L) + (noOthers ? 1 : 0);
        generations.put(user, generation);
        for (Need need : needs) {
            append(tipEntry(user, need, generation));
        }
    }

    void dropped(DiskRecord record) throws IOException {
        append(entry(DROPPED, record.id, 0, 0));
    }

    void used(DiskRecord record) throws IOException {
        record.notedMillis = record.usedMillis;
        append(entry(USED, record.id, record.usedMillis, 0));
    }

    /** Writes all anew without users that were forgotten; what they left is still to be overwritten. */
    void forgotten(Set<Long> users) throws IOException {
        generations.keySet().removeAll(users);
        rewrite();
        append(entry(FORGOTTEN, 0, 0, 0));
    }

    /** Notes that what forgotten users left was overwritten. */
    void erased() throws IOException {
        append(entry(ERASED, 0, 0, 0));
    }

    /** Whether a user was forgotten, and what it left was not overwritten when the manifest was opened. */
    boolean eraseIsDue() {
        return eraseIsDue;
    }

    long size() {
        return log.size();
    }

    /** Whether most entries say what does not count any more. */
    boolean isWasteful() {
        return entries > 4 * index.size() + SPARE_ENTRIES;
    }

    /** Writes what counts anew, in the place of all entries. */
    void rewrite() throws IOException {
        List<ByteBuffer> all = new ArrayList<>();
        index.all().stream()
                .filter(DiskRecord::isStored)
                .sorted((a, b) -> Long.compare(a.id, b.id))
                .forEach(record -> all.add(recordEntry(record)));
        index.all().stream()
                .filter(DiskRecord::isStored)
                .sorted((a, b) -> Long.compare(a.used, b.used))
                .forEach(record -> all.add(entry(USED, record.id, record.usedMillis, 0)));
        for (long user : index.users()) {
            for (Need need : index.needs(user)) {
                all.add(tipEntry(user, need, generations.getOrDefault(user, 0L)));
            }
        }
        all.forEach(entry -> entry.position(0).limit(ENTRY_BYTES));
        log.rewrite(all);
        entries = all.size();
    }

    /** Drops all entries. */
    void clear() throws IOException {
        log.clear();
        generations.clear();
        entries = 0;
    }

    @Override
    public void close() throws IOException {
        log.close();
    }
}
