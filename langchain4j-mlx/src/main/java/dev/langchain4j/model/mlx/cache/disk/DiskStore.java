package dev.langchain4j.model.mlx.cache.disk;

import dev.langchain4j.Internal;
import dev.langchain4j.model.mlx.cache.disk.DiskRecord.Phase;
import dev.langchain4j.model.mlx.cache.disk.Segments.Segment;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Parts of paths of tokens in files of one folder, which one JVM uses at a time. Nothing here throws because of a file: what
 * cannot be read is missing, what cannot be written is not stored, and {@link #stats} says why.
 *
 * <p>One thread writes, evicts, moves and erases; reading is done by whoever reads, one at a time. Thread-safe but for that.
 */
@Internal
public final class DiskStore implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(DiskStore.class);
    private static final Set<Path> REPORTED = ConcurrentHashMap.newKeySet();
    private static final Pattern FOLDERS = Pattern.compile("[0-9a-f]{32}");
    private static final long UNIT_BYTES = 32 << 20;
    private static final long SEGMENT_BYTES = 64 << 20;
    private static final long SEGMENT_BYTES_MIN = 64 << 10;
    private static final int SEGMENTS = 16;
    private static final int NOTES = 8;
    private static final long DAY_MILLIS = 24 * 3600_000L;
    private static final long NOTED_EVERY_MILLIS = 3600_000L;

    /** Where time comes from. */
    public record Clock(LongSupplier millis, LongSupplier nanos) {
        /** The system's. */
        public static final Clock SYSTEM = new Clock(System::currentTimeMillis, System::nanoTime);
    }

    private final DiskLimits limits;
    private final Clock clock;
    private final RecordIndex index = new RecordIndex();
    private final DiskCounts counts = new DiskCounts();
    private StoreFolder folder;
    private Manifest manifest;
    private Segments segments;
    private UserNotes notes;
    private WriteBudget budget;
    private Upkeep upkeep;
    private DiskWriter writer;
    private ByteBuffer buffer = ByteBuffer.allocateDirect(0);
    private volatile boolean on;
    private volatile Runnable whenWritten = () -> {};

    private DiskStore(DiskLimits limits, Clock clock) {
        this.limits = limits;
        this.clock = clock;
    }

    /**
     * Opens the folder of this identity below {@code root}. If that is not possible the store is off, and says why.
     *
     * @param identity 32 hexadecimal digits, equal for those that may share
     */
    public static DiskStore open(Path root, String identity, DiskLimits limits, Clock clock) {
        return open(root, identity, limits, clock, Segments::writeAll);
    }

    static DiskStore open(Path root, String identity, DiskLimits limits, Clock clock, Segments.Disk disk) {
        DiskStore store = new DiskStore(limits, clock);
        try {
            store.folder = StoreFolder.open(root, identity);
            store.load(disk);
            store.on = true;
            store.writer = new DiskWriter(store.upkeep::maintain, store::stop);
            store.writer.submit(store::tidy);
        } catch (IOException | RuntimeException e) {
            store.counts.reason = "cannot open: " + e.getMessage();
            store.closeFiles();
            if (REPORTED.add(root.resolve(identity))) {
                log.warn("The prompt cache runs without its disk tier: {}", e.getMessage());
            }
        } catch (Throwable e) {
            store.closeFiles();
            throw e;
        }
        return store;
    }

    private synchronized void load(Segments.Disk disk) throws IOException {
        long now = clock.millis.getAsLong();
        long segmentBytes = Math.clamp(limits.bytesMax() / SEGMENTS, SEGMENT_BYTES_MIN, SEGMENT_BYTES);
        segments = new Segments(folder, segmentBytes, disk);
        manifest = Manifest.open(folder, index, now);
        long oldest = now - Math.min(now, DiskLimits.millis(limits.ageMax()));
        notes = UserNotes.open(folder, limits.bytesMax() / NOTES, oldest);
        double written = 0;
        for (DiskRecord record : List.copyOf(index.all())) {
            if (!record.isDropped() && !segments.take(record)) {
                if (segments.get(record.segment) != null) {
                    // a file that is not there was evicted; one that was cut grows again, over where the record was
                    counts.miss("cut off");
                    manifest.dropped(record);
                }
                index.remove(record);
            }
            written += record.length * Math.max(0, 1 - (double) (now - record.writtenMillis) / DAY_MILLIS);
        }
        index.removeUnneeded();
        for (Segment segment : segments.all()) {
            List.copyOf(segment.records).stream().filter(DiskRecord::isDropped).forEach(segments::drop);
        }
        segments.deleteUnknown();
        budget = new WriteBudget(limits.bytesPerDay(), written, clock.nanos.getAsLong());
        upkeep = new Upkeep(this, limits, clock, index, segments, manifest, notes, budget, counts);
        upkeep.expire();
    }

    /** What can wait until the store is open. */
    private void tidy() throws IOException {
        if (manifest.eraseIsDue()) {
            upkeep.erase();
        }
        folder.deleteOthers(FOLDERS, clock.millis.getAsLong() - DiskLimits.millis(limits.idleMax()));
        upkeep.maintain();
    }

    // ---- finding and reading -------------------------------------------------------------------------------------

    /** Whether it may be read. */
    public boolean isOn() {
        return on;
    }

    /** The longest stored path of a scope that begins like these tokens. */
    public synchronized DiskPath match(long scope, int[] tokens) {
        return on ? index.match(scope, tokens, this::tokens) : DiskPath.NONE;
    }

    private int[] tokens(DiskRecord edge) {
        if (edge.tokens == null && edge.isStored()) {
            try {
                Segment segment = segments.get(edge.segment);
                ByteBuffer page = ByteBuffer.allocate((int) Math.min(edge.length, RecordFormat.PAGE));
                Segments.readAll(segment.file, page, edge.offset);
                ByteBuffer header = ByteBuffer.allocate(RecordFormat.headerLength(page.flip(), edge));
                Segments.readAll(segment.file, header, edge.offset);
                edge.tokens = RecordFormat.tokens(header.flip(), edge);
            } catch (IOException | RuntimeException e) {
                damaged(edge, e);
            }
        }
        return edge.isDropped() ? null : edge.tokens;
    }

    /**
     * Reads and verifies a record. Its sections are views of memory that the next call uses again.
     *
     * @return null if it cannot be read; it is stored no longer then, with all that stands on it
     */
    public List<Section> read(DiskRecord record) {
        while (on) {
            Segment segment;
            long offset;
            synchronized (this) {
                segment = record.isStored() ? segments.get(record.segment) : null;
                offset = record.offset;
            }
            if (segment == null) {
                return null;
            }
            try {
                ByteBuffer whole = buffer(record.length);
                Segments.readAll(segment.file, whole, offset);
                List<Section> sections =
                        RecordFormat.decode(whole.flip(), record).sections();
                counts.bytesRead.add(record.length);
                return sections;
            } catch (IOException | RuntimeException e) {
                synchronized (this) {
                    boolean moved = record.isStored() && (record.segment != segment.id || record.offset != offset);
                    boolean gone = record.isDropped() || e instanceof ClosedChannelException;
                    if (!moved) {
                        if (!gone) {
                            damaged(record, e);
                        }
                        return null;
                    }
                }
            }
        }
        return null;
    }

    private ByteBuffer buffer(long length) throws IOException {
        if (length > Integer.MAX_VALUE - 8) {
            throw new IOException("too long");
        }
        if (buffer.capacity() < length) {
            buffer = ByteBuffer.allocateDirect((int) length);
        }
        return buffer.clear().limit((int) length);
    }

    private synchronized void damaged(DiskRecord record, Exception e) {
        log.warn("A part of the prompt cache on disk is not used: {}: {}", record, e.getMessage());
        miss(record, String.valueOf(e.getMessage()));
    }

    /** Drops a record that turned out to be of no use, with all that stands on it. */
    public synchronized void miss(DiskRecord record, String reason) {
        counts.miss(reason);
        List<DiskRecord> removed = index.remove(record);
        removed.forEach(segments::drop);
        writer.submit(() -> noteDropped(removed));
    }

    private synchronized void noteDropped(List<DiskRecord> removed) throws IOException {
        for (DiskRecord record : removed) {
            if (record.segment != 0) {
                manifest.dropped(record);
            }
        }
    }

    /** Counts a use of a record, so that it is not the next to go. */
    public synchronized void use(DiskRecord record) {
        long now = clock.millis.getAsLong();
        index.use(record, now);
        if (now - record.notedMillis > NOTED_EVERY_MILLIS && record.isStored()) {
            record.notedMillis = now;
            writer.submit(() -> {
                synchronized (this) {
                    manifest.used(record);
                }
            });
        }
    }

    /** Counts a request for which something was restored. */
    public void restored(int tokens, long nanos) {
        counts.hits.increment();
        counts.tokensRestored.add(tokens);
        counts.nanosRestoring.add(nanos);
    }

    // ---- writing -------------------------------------------------------------------------------------------------

    /** Most bytes that should be written at a time. */
    public long unitBytes() {
        return Math.clamp(limits.bytesMax() / SEGMENTS, SEGMENT_BYTES_MIN, UNIT_BYTES);
    }

    /** Whether anything may be written: it is on, and neither the disk nor the day's bytes are used up. */
    public synchronized boolean takes(long bytes) {
        boolean allowed = on && upkeep.writes() && budget.allows(bytes, clock.nanos.getAsLong());
        if (on && upkeep.writes() && !allowed) {
            counts.reason = "the bytes of this day are written";
        } else if (allowed) {
            counts.reason = "";
        }
        return allowed;
    }

    /** Bytes that wait to be written, which are in memory. */
    public long bytesQueued() {
        return counts.bytesQueued.get();
    }

    /** Called, on the writing thread, whenever something was written. */
    public void whenWritten(Runnable listener) {
        whenWritten = listener;
    }

    /**
     * Queues an edge behind a path that {@link #match} gave.
     *
     * @param user who needs it for now
     * @param tokens of the edge, which are not there yet
     * @return the record, which can be gone on from at once; null if what it stands on is gone
     */
    public DiskRecord addEdge(long user, long scope, DiskPath path, int[] tokens, List<Section> sections) {
        return add(user, scope, path.last(), path.matched(), tokens, sections);
    }

    /** Queues the state at a position within or at the end of an edge; null if the edge is gone. */
    public DiskRecord addState(long user, DiskRecord edge, int position, List<Section> sections) {
        return add(user, edge.scope, edge, position, null, sections);
    }

    private synchronized DiskRecord add(
            long user, long scope, DiskRecord last, int start, int[] tokens, List<Section> sections) {
        if (!on || last != null && last.isDropped()) {
            return null;
        }
        DiskRecord parent = last == null ? index.root(scope) : last;
        boolean state = tokens == null;
        int end = state ? start : start + tokens.length;
        DiskRecord record = new DiskRecord(index.nextId(), parent, scope, start, end, state, state ? 0 : tokens[0]);
        record.tokens = state ? new int[0] : tokens;
        index.add(record);
        index.needed(user, Need.whole(record), false);
        index.use(record, clock.millis.getAsLong());
        long queued = sections.stream()
                .mapToLong(section -> section.bytes().remaining())
                .sum();
        budget.spend(queued);
        counts.bytesQueued.addAndGet(queued);
        writer.submit(() -> write(user, record, sections, queued));
        return record;
    }

    private void write(long user, DiskRecord record, List<Section> sections, long bytes) throws IOException {
        try {
            RecordFormat.Encoded encoded = RecordFormat.encode(record, sections);
            Segment segment = placeFor(record, encoded.length());
            if (segment == null) {
                return;
            }
            segments.write(segment, encoded, sections);
            synchronized (this) {
                record.headerCrc = encoded.crc();
                record.writtenMillis = clock.millis.getAsLong();
                record.notedMillis = record.writtenMillis;
                segments.wrote(segment, record, encoded.length());
                counts.bytesWritten.add(encoded.header().remaining() + bytes);
                counts.bytesKept.add(bytes);
                if (record.isDropped()) {
                    segments.drop(record);
                    return;
                }
                manifest.record(record);
                manifest.need(user, List.of(Need.whole(record)), false);
                record.phase = Phase.STORED;
            }
        } catch (IOException | RuntimeException e) {
            synchronized (this) {
                counts.miss("not written");
                index.remove(record).forEach(segments::drop);
            }
            throw e;
        } finally {
            counts.bytesQueued.addAndGet(-bytes);
            whenWritten.run();
        }
    }

    /** The file for a record, after others were evicted for it; null if it is not to be written. */
    private synchronized Segment placeFor(DiskRecord record, long length) throws IOException {
        if (!record.isDropped() && (!upkeep.writes() || !upkeep.makeRoom(length))) {
            counts.miss(upkeep.writes() ? "no room" : "not written");
            index.remove(record).forEach(segments::drop);
        }
        return record.isDropped() ? null : segments.toWrite(length);
    }

    /**
     * Says what a user needs: that stays when others are forgotten.
     *
     * @param user a number that stands for a conversation
     * @param noOthers whether it needs nothing else any more
     */
    public synchronized void need(long user, Collection<Need> needs, boolean noOthers) {
        List<DiskRecord> left = index.need(user, needs, noOthers);
        left.forEach(segments::drop);
        List<Need> all = List.copyOf(needs);
        writer.submit(() -> {
            synchronized (this) {
                noteDropped(left);
                manifest.need(
                        user,
                        all.stream().filter(need -> need.record().isStored()).toList(),
                        noOthers);
            }
        });
    }

    // ---- names and notes -----------------------------------------------------------------------------------------

    /** Keeps the name of a user. */
    public void name(long user, byte[] name) {
        if (on && notes.names().putIfAbsent(user, name) == null) {
            writer.submit(() -> {
                synchronized (this) {
                    notes.name(user, name);
                }
            });
        }
    }

    /** The names of users. */
    public Map<Long, byte[]> names() {
        return on ? notes.names() : Map.of();
    }

    /** Keeps a note that is dropped with its user. */
    public void note(long user, byte[] note) {
        if (on && upkeep.writes()) {
            writer.submit(() -> {
                synchronized (this) {
                    notes.note(user, clock.millis.getAsLong(), note);
                    counts.bytesWritten.add(note.length);
                    counts.bytesKept.add(note.length);
                }
            });
        }
    }

    /** The notes that were there when this was opened, the oldest first; only the first time. */
    public synchronized List<byte[]> takeNotes() {
        return on ? notes.takeFound() : List.of();
    }

    // ---- deleting ------------------------------------------------------------------------------------------------

    /**
     * Forgets users, and overwrites what only they needed. What waits to be written for them is not.
     *
     * @return completes, on any thread, when it is done
     */
    public synchronized CompletableFuture<Void> forget(Collection<Long> users) {
        if (!on || users.isEmpty()) {
            return CompletableFuture.completedFuture(null);
        }
        Set<Long> forgotten = Set.copyOf(users);
        notes.names().keySet().removeAll(forgotten);
        for (long user : forgotten) {
            index.forget(user).forEach(segments::drop);
        }
        return writer.submit(() -> upkeep.forget(forgotten));
    }

    /** Forgets users whose names were lost: nobody could have them forgotten any more. */
    public synchronized void forgetUnnamed() {
        if (on) {
            forget(index.users().stream()
                    .filter(user -> user != 0 && !notes.names().containsKey(user))
                    .toList());
        }
    }

    /** Deletes everything; completes, on any thread, when it is done. */
    public synchronized CompletableFuture<Void> clear() {
        if (!on) {
            return CompletableFuture.completedFuture(null);
        }
        List.copyOf(index.all()).forEach(index::remove);
        notes.names().clear();
        return writer.submit(upkeep::clear);
    }

    /** Writes no more, for a reason. */
    private void stop(Throwable cause) {
        if (upkeep.stop()) {
            counts.reason = "writes no more: " + cause.getMessage();
            log.warn("The prompt cache on disk is read only from now on: {}", cause.getMessage());
        }
    }

    // ---- the rest ------------------------------------------------------------------------------------------------

    /** Counts and sizes as of now. */
    public synchronized DiskStats stats() {
        return counts.stats(on, index.size(), on ? upkeep.bytesHeld() : 0);
    }

    /** Completes, on any thread, when all that was asked for before is done. */
    public CompletableFuture<Void> settled() {
        return on ? writer.submit(() -> {}) : CompletableFuture.completedFuture(null);
    }

    /** Writes what is queued, then lets go of the folder. Idempotent. */
    @Override
    public void close() {
        if (on) {
            writer.close();
            on = false;
            closeFiles();
        }
    }

    private synchronized void closeFiles() {
        for (AutoCloseable part : new AutoCloseable[] {segments, notes, manifest, folder}) {
            try {
                if (part != null) {
                    part.close();
                }
            } catch (Exception e) {
                log.warn("A file of the prompt cache was not closed", e);
            }
        }
    }
}
