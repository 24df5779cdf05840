package dev.langchain4j.model.mlx.cache.disk;

import dev.langchain4j.Internal;
import dev.langchain4j.model.mlx.cache.disk.Segments.Segment;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.crypto.SecretKey;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Parts of paths of tokens in files of one folder, which one JVM uses at a time. Nothing here throws because of a file:
 * what cannot be read is missing, what cannot be written is not stored, and {@link #stats} says why.
 *
 * <p>One thread writes, evicts, moves and erases; reading is done by whoever reads, one at a time. Thread-safe but for
 * that.
 */
@Internal
public final class DiskStore implements StoredPaths, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(DiskStore.class);
    private static final Set<Path> REPORTED = ConcurrentHashMap.newKeySet();
    private static final Pattern FOLDERS = Pattern.compile("[0-9a-f]{32}(-[0-9a-f]{16})?");
    private static final long UNIT_BYTES = 32 << 20;
    private static final long SEGMENT_BYTES = 64 << 20;
    private static final long SEGMENT_BYTES_MIN = 64 << 10;
    private static final int SEGMENTS = 16;
    private static final int NOTES = 8;
    private static final String OTHER_KEY = "encrypted with another key";
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
    /** Encrypts; null if nothing is encrypted. */
    private Vault vault;

    private RecordReader reader;
    private RecordWriter records;
    private volatile boolean on;
    private volatile Runnable whenWritten = () -> {};

    private DiskStore(DiskLimits limits, Clock clock) {
        this.limits = limits;
        this.clock = clock;
    }

    /** A store that is off, where none is configured. */
    public static DiskStore none() {
        DiskStore store = new DiskStore(DiskLimits.ofBytes(Long.MAX_VALUE), Clock.SYSTEM);
        store.counts.reason = "not configured";
        return store;
    }

    /** Opens an unencrypted store, see {@link #open(Path, String, DiskLimits, Clock, Function)}. */
    public static DiskStore open(Path root, String identity, DiskLimits limits, Clock clock) {
        return open(root, identity, limits, clock, null, Segments::writeAll);
    }

    /**
     * Opens the folder of this identity below {@code root}. If that is not possible the store is off, and says why.
     *
     * @param identity 32 hexadecimal digits, equal for those that may share
     * @param keys gives the key of a user's name, null for what belongs to no user; null if nothing is encrypted
     */
    public static DiskStore open(
            Path root, String identity, DiskLimits limits, Clock clock, Function<byte[], SecretKey> keys) {
        return open(root, identity, limits, clock, keys, Segments::writeAll);
    }

    static DiskStore open(
            Path root,
            String identity,
            DiskLimits limits,
            Clock clock,
            Function<byte[], SecretKey> keys,
            Segments.Disk disk) {
        DiskStore store = new DiskStore(limits, clock);
        try {
            store.vault = keys == null ? null : new Vault(keys, identity, store.counts, clock.nanos);
            store.folder = StoreFolder.open(root, keys == null ? identity : identity + store.vault.suffix());
            store.load(disk);
            store.on = true;
            store.writer = new DiskWriter(store.upkeep::maintain, store::stop);
            store.writer.submit(store::tidy);
            for (String other : store.folder.beside(identity)) {
                store.counts.miss(other.equals(identity) ? "not encrypted" : keys == null ? "encrypted" : OTHER_KEY);
            }
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
        reader = new RecordReader(vault);
        manifest = Manifest.open(folder, vault, index, now);
        long oldest = now - Math.min(now, DiskLimits.millis(limits.ageMax()));
        notes = UserNotes.open(folder, vault, limits.bytesMax() / NOTES, oldest);
        double written = index.all().stream()
                .mapToDouble(
                        record -> record.length * Math.max(0, 1 - (double) (now - record.writtenMillis) / DAY_MILLIS))
                .sum();
        segments.takeAll(index, record -> {
            counts.miss("cut off");
            manifest.dropped(record);
        });
        budget = new WriteBudget(limits.bytesPerDay(), written, clock.nanos.getAsLong());
        upkeep = new Upkeep(this, limits, clock, index, segments, manifest, notes, budget, counts);
        records = new RecordWriter(this, vault, clock, index, segments, manifest, notes, upkeep, counts);
        upkeep.expire();
    }

    /** What can wait until the store is open. */
    private void tidy() throws IOException {
        upkeep.eraseIfDue();
        folder.deleteOthers(FOLDERS, clock.millis.getAsLong() - DiskLimits.millis(limits.idleMax()));
        upkeep.maintain();
    }

    // ---- finding and reading -------------------------------------------------------------------------------------

    @Override
    public boolean isOn() {
        return on;
    }

    @Override
    public synchronized DiskPath match(long scope, int[] tokens) {
        return on ? index.match(scope, tokens, this::tokens) : DiskPath.NONE;
    }

    private int[] tokens(DiskRecord record) {
        SealKey key = keyOf(record);
        if (isLocked(record, key)) {
            return null;
        }
        if (record.tokens == null && record.isStored()) {
            try {
                record.tokens(reader.tokens(segments.get(record.segment), record, key));
            } catch (IOException | RuntimeException e) {
                damaged(record, e);
            }
        }
        return record.isDropped() ? null : record.tokens;
    }

    private SealKey keyOf(DiskRecord record) {
        return record.isSealed() ? notes.key(record.owner) : null;
    }

    /** Whether a record is encrypted with a key that is not there; the first time that is a miss. */
    private boolean isLocked(DiskRecord record, SealKey key) {
        boolean locked = record.isSealed() && (key == null || key.id() != record.keyId);
        if (locked && !record.missed) {
            record.missed = true;
            counts.miss(key == null ? "no key" : OTHER_KEY);
        }
        return locked;
    }

    @Override
    public List<Section> read(DiskRecord record, Destination to) {
        while (on) {
            Segment segment;
            long offset;
            SealKey key;
            synchronized (this) {
                key = keyOf(record);
                segment = record.isStored() && !isLocked(record, key) ? segments.get(record.segment) : null;
                offset = record.offset;
            }
            if (segment == null) {
                return null;
            }
            try {
                List<Section> sections = reader.read(segment, offset, record, key, to);
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

    private synchronized void damaged(DiskRecord record, Exception e) {
        log.warn("A part of the prompt cache on disk is not used: {}: {}", record, e.getMessage());
        miss(record, DiskCounts.reasonOf(e));
    }

    @Override
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

    @Override
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

    @Override
    public void restored(int tokens, long nanos) {
        counts.restored(tokens, nanos);
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
            counts.reason = "the limit of bytes per day is reached";
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
     * @param user the conversation that needs it at present
     * @param owner the user whose key encrypts it, if the store is encrypted; 0 for the common key
     * @param tokens of the edge, which are not there yet
     * @return the record, which can be gone on from at once; null if what it stands on is gone
     */
    public DiskRecord addEdge(long user, long owner, long scope, DiskPath path, int[] tokens, List<Section> sections) {
        return add(user, owner, scope, path.last(), path.matched(), tokens, sections);
    }

    /** Queues the state at a position within or at the end of an edge; null if the edge is gone. */
    public DiskRecord addState(long user, long owner, DiskRecord edge, int position, List<Section> sections) {
        return add(user, owner, edge.scope, edge, position, null, sections);
    }

    private synchronized DiskRecord add(
            long user, long owner, long scope, DiskRecord last, int start, int[] tokens, List<Section> sections) {
        if (!on || last != null && last.isDropped()) {
            return null;
        }
        DiskRecord parent = last == null ? index.root(scope) : last;
        boolean state = tokens == null;
        int end = state ? start : start + tokens.length;
        DiskRecord record = new DiskRecord(index.nextId(), parent, scope, start, end, state, state ? 0 : tokens[0]);
        record.tokens = state ? new int[0] : tokens;
        record.owner = vault == null ? 0 : owner;
        index.add(record);
        index.needed(user, Need.whole(record), false);
        index.use(record, clock.millis.getAsLong());
        long queued = sections.stream()
                .mapToLong(section -> section.bytes().remaining())
                .sum();
        budget.spend(queued);
        counts.bytesQueued.addAndGet(queued);
        writer.submit(() -> {
            try {
                records.write(user, record, sections, queued);
            } finally {
                whenWritten.run();
            }
        });
        return record;
    }

    /**
     * Says what a user needs: that stays when others are forgotten.
     *
     * @param user a number that stands for a conversation
     * @param noOthers whether it needs nothing else any more
     */
    public synchronized void need(long user, Collection<Need> needs, boolean noOthers) {
        if (!on) {
            return;
        }
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

    /** The number of a user or of something else that has a name; not 0, and the same in each run. */
    public long number(String kind, byte[] name) {
        long number = vault == null ? Vault.plainHash(kind, name) : vault.hash(kind, name);
        // positive: 0 and less mean something else
        return (number & Long.MAX_VALUE) | 1;
    }

    /** Whether anything may be written for a user; not if its key is missing, which is a miss. */
    public boolean takesFor(long user, byte[] name) {
        boolean taken = vault == null || vault.key(user, name) != null;
        if (!taken) {
            counts.miss("no key");
        }
        return taken;
    }

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
        forgotten.forEach(user -> index.forget(user).forEach(segments::drop));
        return writer.submit(() -> upkeep.forget(forgotten));
    }

    /** Forgets users whose names were lost: nobody could have them forgotten any more. */
    public synchronized void forgetUnnamed() {
        if (on) {
            forget(Stream.concat(index.users().stream(), index.owners().stream())
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
            counts.reason = "writing stopped: " + cause.getMessage();
            log.warn("The prompt cache on disk is read-only from now on: {}", cause.getMessage());
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
