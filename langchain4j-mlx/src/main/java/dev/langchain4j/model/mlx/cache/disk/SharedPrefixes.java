package dev.langchain4j.model.mlx.cache.disk;

import dev.langchain4j.Internal;
import dev.langchain4j.model.mlx.cache.disk.Segments.Segment;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a {@link DiskStore} left in a folder that ships with an application: read, and never written, locked or cleaned,
 * so that the folder may be on a read-only file system and serve several JVMs. Only what all conversations share is
 * found. Thread-safe but for {@link #read}.
 */
@Internal
public final class SharedPrefixes implements StoredPaths, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(SharedPrefixes.class);
    private static final Set<Path> REPORTED = ConcurrentHashMap.newKeySet();
    private static final long SCOPE = 0;

    private final RecordIndex index = new RecordIndex();
    private final DiskCounts counts = new DiskCounts();
    private final RecordReader reader = new RecordReader(null);
    private Segments segments;
    private boolean on;

    private SharedPrefixes(String reason) {
        counts.reason = reason;
    }

    /** None. */
    public static SharedPrefixes none() {
        return new SharedPrefixes("not configured");
    }

    /**
     * Opens the folder of this identity below {@code root}. If that is not possible there are none, and it is said why.
     *
     * @param identity 32 hexadecimal digits, equal for those that may share
     */
    public static SharedPrefixes open(Path root, String identity) {
        SharedPrefixes prefixes = new SharedPrefixes("");
        try {
            prefixes.load(root, identity);
            prefixes.on = true;
        } catch (IOException | RuntimeException e) {
            prefixes.counts.reason = "cannot open: " + e.getMessage();
            prefixes.close();
            if (REPORTED.add(root.resolve(identity))) {
                log.warn("The model runs without the shared prefixes of {}: {}", root, e.getMessage());
            }
        } catch (Throwable e) {
            prefixes.close();
            throw e;
        }
        return prefixes;
    }

    private synchronized void load(Path root, String identity) throws IOException {
        StoreFolder folder = StoreFolder.openToRead(root, identity);
        segments = new Segments(folder, 0, (file, bytes, position) -> {
            throw new IOException("nothing is written here");
        });
        Manifest.read(folder, index);
        for (DiskRecord record : List.copyOf(index.all())) {
            boolean shared = record.scope == SCOPE && !record.isSealed();
            if (!record.isDropped() && (!shared || !segments.take(record))) {
                if (shared) {
                    counts.miss("cut off");
                }
                index.remove(record);
            }
        }
        if (index.size() == 0) {
            throw new IOException(folder.path() + " holds no usable prefix");
        }
    }

    @Override
    public synchronized boolean isOn() {
        return on;
    }

    /** Finds what all conversations share, whatever the scope of the prompt is. */
    @Override
    public synchronized DiskPath match(long scope, int[] tokens) {
        return on ? index.match(SCOPE, tokens, this::tokens) : DiskPath.NONE;
    }

    private int[] tokens(DiskRecord record) {
        if (record.tokens == null && record.isStored()) {
            try {
                record.tokens(reader.tokens(segments.get(record.segment), record, null));
            } catch (IOException | RuntimeException e) {
                damaged(record, e);
            }
        }
        return record.isDropped() ? null : record.tokens;
    }

    @Override
    public synchronized List<Section> read(DiskRecord record, Destination to) {
        Segment segment = on && record.isStored() ? segments.get(record.segment) : null;
        if (segment == null) {
            return null;
        }
        try {
            List<Section> sections = reader.read(segment, record.offset, record, null, to);
            counts.bytesRead.add(record.length);
            return sections;
        } catch (IOException | RuntimeException e) {
            damaged(record, e);
            return null;
        }
    }

    private void damaged(DiskRecord record, Exception e) {
        log.warn("A part of the shared prefixes is not used: {}: {}", record, e.getMessage());
        miss(record, DiskCounts.reasonOf(e));
    }

    @Override
    public synchronized void miss(DiskRecord record, String reason) {
        counts.miss(reason);
        index.remove(record);
    }

    @Override
    public synchronized void use(DiskRecord record) {
        index.use(record, 0);
    }

    @Override
    public void restored(int tokens, long nanos) {
        counts.restored(tokens, nanos);
    }

    /** Counts and sizes as of now. */
    public synchronized DiskStats stats() {
        return counts.stats(on, index.size(), on ? segments.size() : 0);
    }

    /** Closes the files. Idempotent. */
    @Override
    public synchronized void close() {
        on = false;
        try {
            if (segments != null) {
                segments.close();
            }
        } catch (IOException e) {
            log.warn("A file of the shared prefixes was not closed", e);
        }
    }
}
