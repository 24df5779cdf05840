package dev.langchain4j.model.mlx.cache.disk;

import dev.langchain4j.Internal;
import java.nio.ByteBuffer;
import java.util.List;

/** Says where the arrays of a record are read to, so that their bytes are not copied a second time. */
@Internal
public interface Destination {
    /** Everything is read into memory of the store. */
    Destination NONE = sections -> null;

    /**
     * A part of an array.
     *
     * @param length its bytes
     * @param into direct memory that has room for them, which nobody reads before the record was; null if they are not
     *     wanted: they count for the checksum only
     */
    record Piece(int length, ByteBuffer into) {}

    /**
     * Called for each layer, in the order in which they are stored, by the thread that reads.
     *
     * @param sections all arrays of a layer, still without bytes
     * @return for each of them its pieces in order; null to read all of them into memory of the store
     */
    List<List<Piece>> of(List<Section> sections);
}
