package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.cache.disk.Destination.Piece;
import dev.langchain4j.model.mlx.cache.disk.Section;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Snapshot;
import java.util.List;

/** Turns what layers keep into bytes, and back. Used on the thread that owns the model. */
interface SnapshotCodec {

    /** Says what the layers keep: what else there is cannot be decoded or placed. */
    default void expect(LayerForms forms) {}

    /** Adds the bytes of a snapshot, copied. */
    void encode(int layer, Snapshot snapshot, List<Section> sections);

    /**
     * Makes a snapshot of bytes, which are copied.
     *
     * @param sections of this layer
     * @throws RuntimeException if they are none of such a snapshot; nothing is held then
     */
    Snapshot decode(LayerCache layer, int start, int end, List<Section> sections);

    /**
     * Where the bytes of the positions {@code [layer.offset(), to)} of a slice {@code [start, end)} lie in the layer
     * itself.
     *
     * @param sections all of this layer, without their bytes
     * @return for each section the pieces of it, of which those of other positions go nowhere; null if the layer takes
     *     snapshots only
     * @throws RuntimeException if they are none of such a slice
     */
    default List<List<Piece>> place(LayerCache layer, int start, int end, int to, List<Section> sections) {
        return null;
    }
}
