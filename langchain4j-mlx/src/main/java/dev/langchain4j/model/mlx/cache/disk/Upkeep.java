package dev.langchain4j.model.mlx.cache.disk;

import dev.langchain4j.model.mlx.cache.disk.Segments.Segment;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Keeps a store within its limits: evicts, expires, moves and erases. By the thread that writes. */
final class Upkeep {
    /** A file of which less than this fraction is needed is given up, and what is needed is moved. */
    private static final int LIVE_SHARE = 4;

    private final Object lock;
    private final DiskLimits limits;
    private final DiskStore.Clock clock;
    private final RecordIndex index;
    private final Segments segments;
    private final Manifest manifest;
    private final UserNotes notes;
    private final WriteBudget budget;
    private final DiskCounts counts;
    private volatile boolean writes = true;

    /** @param lock guards all that it is made of */
    Upkeep(
            Object lock,
            DiskLimits limits,
            DiskStore.Clock clock,
            RecordIndex index,
            Segments segments,
            Manifest manifest,
            UserNotes notes,
            WriteBudget budget,
            DiskCounts counts) {
        this.lock = lock;
        this.limits = limits;
        this.clock = clock;
        this.index = index;
        this.segments = segments;
        this.manifest = manifest;
        this.notes = notes;
        this.budget = budget;
        this.counts = counts;
    }

    /** Whether records are written; not any more once a disk failed. */
    boolean writes() {
        return writes;
    }

    /** Writes no more; whether it did before. */
    boolean stop() {
        boolean before = writes;
        writes = false;
        return before;
    }

    /** Evicts files until so many bytes more may be held; whether that is possible. With the lock. */
    boolean makeRoom(long bytes) throws IOException {
        while (bytesHeld() + bytes > limits.bytesMax()) {
            Segment victim = null;
            long used = 0;
            for (Segment segment : segments.all()) {
                long own = segment.used();
                if (!segments.isNewest(segment) && (victim == null || own < used)) {
                    victim = segment;
                    used = own;
                }
            }
            if (victim != null) {
                evict(victim);
            } else if (!segments.all().isEmpty()) {
                segments.seal();
            } else {
                return false;
            }
        }
        return true;
    }

    private void evict(Segment victim) throws IOException {
        for (DiskRecord record : List.copyOf(victim.records)) {
            List<DiskRecord> removed = index.remove(record);
            removed.forEach(segments::drop);
            counts.evicted.add(removed.size());
        }
        segments.unlink(victim);
    }

    /** Bytes of all files. With the lock. */
    long bytesHeld() {
        return segments.size() + manifest.size() + notes.size();
    }

    /** Notes that users are forgotten, and overwrites what they left. If that fails everything is deleted. */
    void forget(Set<Long> users) throws IOException {
        try {
            synchronized (lock) {
                manifest.forgotten(users);
                notes.forget(users::contains);
            }
            erase();
        } catch (IOException e) {
            clear();
            throw e;
        }
    }

    /** Deletes everything. What was queued behind that is written. */
    void clear() throws IOException {
        synchronized (lock) {
            for (Segment segment : List.copyOf(segments.all())) {
                evict(segment);
            }
            notes.clear();
            manifest.clear();
        }
    }

    /** Overwrites what forgotten users left, if that was not done before the store was closed. */
    void eraseIfDue() throws IOException {
        if (manifest.eraseIsDue()) {
            erase();
        }
    }

    /** Overwrites what no record needs any more. */
    void erase() throws IOException {
        List<Segment> all;
        synchronized (lock) {
            all = List.copyOf(segments.all());
        }
        for (Segment segment : all) {
            List<Segments.Dead> dead;
            synchronized (lock) {
                dead = segment.takeDead();
                if (segment.records.isEmpty()) {
                    segments.unlink(segment);
                    continue;
                }
            }
            try {
                counts.bytesWritten.add(segments.erase(segment, dead));
            } catch (IOException e) {
                // A file that cannot be overwritten is deleted.
                synchronized (lock) {
                    evict(segment);
                }
            }
        }
        synchronized (lock) {
            manifest.erased();
        }
    }

    /** What is to be done now and then. */
    void maintain() throws IOException {
        if (expire()) {
            erase();
        }
        for (Segment segment : candidates()) {
            move(segment);
        }
        synchronized (lock) {
            if (manifest.isWasteful()) {
                manifest.rewrite();
            }
        }
    }

    /** Drops what lies there for too long, or unused for too long. A clock that went back makes everything younger. */
    boolean expire() {
        long now = clock.millis().getAsLong();
        long idleMax = DiskLimits.millis(limits.idleMax());
        long ageMax = DiskLimits.millis(limits.ageMax());
        synchronized (lock) {
            List<DiskRecord> removed = new ArrayList<>();
            for (DiskRecord record : List.copyOf(index.all())) {
                if (record.isStored() && (now - record.usedMillis > idleMax || now - record.writtenMillis > ageMax)) {
                    removed.addAll(index.remove(record));
                }
            }
            removed.forEach(segments::drop);
            counts.evicted.add(removed.size());
            return !removed.isEmpty();
        }
    }

    private List<Segment> candidates() {
        synchronized (lock) {
            return segments.all().stream()
                    .filter(segment -> !segments.isNewest(segment) && segment.liveBytes < segment.size / LIVE_SHARE)
                    .toList();
        }
    }

    /** Moves what is needed of a file to the newest one, a record at a time, then deletes it. */
    private void move(Segment from) throws IOException {
        List<DiskRecord> records;
        synchronized (lock) {
            records = List.copyOf(from.records);
        }
        for (DiskRecord record : records) {
            Segment to = placeToMove(record);
            if (to == null) {
                continue;
            }
            segments.copy(from, record, to);
            synchronized (lock) {
                segments.moved(from, record, to);
                counts.bytesWritten.add(record.length);
                if (!record.isDropped()) {
                    manifest.record(record);
                }
            }
        }
        synchronized (lock) {
            if (from.records.isEmpty()) {
                segments.unlink(from);
            }
        }
    }

    private Segment placeToMove(DiskRecord record) throws IOException {
        synchronized (lock) {
            boolean room = writes && bytesHeld() + record.length <= limits.bytesMax();
            if (record.isDropped()
                    || !room
                    || !budget.allows(record.length, clock.nanos().getAsLong())) {
                return null;
            }
            budget.spend(record.length);
            return segments.toWrite(record.length);
        }
    }
}
