package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.cache.disk.Section;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Snapshot;
import java.util.List;

/** Turns what layers keep into bytes, and back. Used on the thread that owns the model. */
interface SnapshotCodec {

    /** Adds the bytes of a snapshot, copied. */
    void encode(int layer, Snapshot snapshot, List<Section> sections);

    /**
     * Makes a snapshot of bytes, which are copied.
     *
     * @param sections of this layer
     * @throws RuntimeException if they are none of such a snapshot; nothing is held then
     */
    Snapshot decode(LayerCache layer, int start, int end, List<Section> sections);
}
