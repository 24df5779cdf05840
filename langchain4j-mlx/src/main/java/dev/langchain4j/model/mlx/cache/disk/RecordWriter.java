package dev.langchain4j.model.mlx.cache.disk;

import dev.langchain4j.model.mlx.cache.disk.DiskRecord.Phase;
import dev.langchain4j.model.mlx.cache.disk.Segments.Segment;
import java.io.IOException;
import java.util.List;

/** Writes records that were queued, encrypted if the store is. By the thread that writes. */
final class RecordWriter {
    private final Object lock;
    private final Vault vault;
    private final DiskStore.Clock clock;
    private final RecordIndex index;
    private final Segments segments;
    private final Manifest manifest;
    private final UserNotes notes;
    private final Upkeep upkeep;
    private final DiskCounts counts;

    /**
     * @param lock guards all that it is made of
     * @param vault null where nothing is encrypted
     */
    RecordWriter(
            Object lock,
            Vault vault,
            DiskStore.Clock clock,
            RecordIndex index,
            Segments segments,
            Manifest manifest,
            UserNotes notes,
            Upkeep upkeep,
            DiskCounts counts) {
        this.lock = lock;
        this.vault = vault;
        this.clock = clock;
        this.index = index;
        this.segments = segments;
        this.manifest = manifest;
        this.notes = notes;
        this.upkeep = upkeep;
        this.counts = counts;
    }

    /** @param bytes of all sections, which count as queued until this returns */
    void write(long user, DiskRecord record, List<Section> sections, long bytes) throws IOException {
        try {
            if (vault == null) {
                writeAs(user, record, record.tokens, sections, bytes);
            } else {
                seal(user, record, sections, bytes);
            }
        } catch (IOException | RuntimeException e) {
            drop(record, "not written");
            throw e;
        } finally {
            counts.bytesQueued.addAndGet(-bytes);
        }
    }

    private void seal(long user, DiskRecord record, List<Section> sections, long bytes) throws IOException {
        SealKey key = notes.key(record.owner);
        if (key == null) {
            drop(record, "no key");
            return;
        }
        record.keyId = key.id();
        // For this long it is there twice.
        counts.bytesQueued.addAndGet(bytes);
        try {
            writeAs(user, record, vault.sealTokens(key, record), vault.seal(key, record, sections), bytes);
        } finally {
            counts.bytesQueued.addAndGet(-bytes);
        }
    }

    private void writeAs(long user, DiskRecord record, int[] tokens, List<Section> sections, long bytes)
            throws IOException {
        RecordFormat.Encoded encoded = RecordFormat.encode(record, tokens, sections);
        Segment segment = placeFor(record, encoded.length());
        if (segment == null) {
            return;
        }
        segments.write(segment, encoded, sections);
        synchronized (lock) {
            record.headerCrc = encoded.crc();
            record.writtenMillis = clock.millis().getAsLong();
            record.notedMillis = record.writtenMillis;
            segments.wrote(segment, record, encoded.length());
            long written = encoded.header().remaining() + bytes;
            counts.bytesWritten.add(written + (vault == null ? 0 : (long) SealKey.OVERHEAD * sections.size()));
            counts.bytesKept.add(bytes);
            if (record.isDropped()) {
                segments.drop(record);
                return;
            }
            manifest.record(record);
            manifest.need(user, List.of(Need.whole(record)), false);
            record.phase = Phase.STORED;
        }
    }

    private void drop(DiskRecord record, String reason) {
        synchronized (lock) {
            if (!record.isDropped()) {
                counts.miss(reason);
                index.remove(record).forEach(segments::drop);
            }
        }
    }

    /** The file for a record, after others were evicted for it; null if it is not to be written. */
    private Segment placeFor(DiskRecord record, long length) throws IOException {
        synchronized (lock) {
            if (!upkeep.writes() || !record.isDropped() && !upkeep.makeRoom(length)) {
                drop(record, upkeep.writes() ? "no room" : "not written");
            }
            return record.isDropped() ? null : segments.toWrite(length);
        }
    }
}
