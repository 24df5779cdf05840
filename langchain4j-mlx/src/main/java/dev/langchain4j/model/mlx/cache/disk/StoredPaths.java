package dev.langchain4j.model.mlx.cache.disk;

import dev.langchain4j.Internal;
import java.util.List;

/** Paths of tokens that are stored, as whoever restores a prompt sees them. Nothing here throws because of a file. */
@Internal
public interface StoredPaths {

    /** Whether it may be read. */
    boolean isOn();

    /** The longest stored path of a scope that begins like these tokens. */
    DiskPath match(long scope, int[] tokens);

    /**
     * Reads and verifies a record. Its sections are views of memory that the next call uses again, without bytes where
     * a destination took them. One caller at a time.
     *
     * @param to says where arrays are read to; not asked of a record that is encrypted, and may be asked again if the
     *     record moves meanwhile
     * @return null if it cannot be read, whatever was put into the destination; {@link #match} does not give it any
     *     more then
     */
    List<Section> read(DiskRecord record, Destination to);

    /** Drops a record that turned out to be of no use, with all that stands on it. */
    void miss(DiskRecord record, String reason);

    /** Counts a use of a record, so that it is not the next to go. */
    void use(DiskRecord record);

    /** Counts a request for which something was restored. */
    void restored(int tokens, long nanos);
}
