package dev.langchain4j.model.mlx.samples.bench;

import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Snapshot;
import java.util.ArrayList;
import java.util.List;

/** A layer that knows its offset and holds nothing, so that the cost of the prompt cache's own work alone shows. */
final class PlaceLayer implements LayerCache {
    private static final int LAYERS = 8;

    private int offset;

    private record Place(int start, int end) implements Snapshot {
        @Override
        public long bytes() {
            return end - start;
        }

        @Override
        public int bufferCount() {
            return 0;
        }

        @Override
        public Snapshot slice(int from, int to) {
            return new Place(from, to);
        }

        @Override
        public void close() {}
    }

    static List<LayerCache> layers() {
        List<LayerCache> layers = new ArrayList<>();
        for (int i = 0; i < LAYERS; i++) {
            layers.add(new PlaceLayer());
        }
        return layers;
    }

    void feed(int tokens) {
        offset += tokens;
    }

    @Override
    public int offset() {
        return offset;
    }

    @Override
    public long bytes() {
        return offset;
    }

    @Override
    public boolean sliceable() {
        return true;
    }

    @Override
    public Snapshot slice(int start, int end) {
        return new Place(start, end);
    }

    @Override
    public Snapshot state() {
        throw new UnsupportedOperationException("a layer of full attention has no state");
    }

    @Override
    public void restore(Snapshot snapshot) {
        offset = snapshot.end();
    }

    @Override
    public void trimTo(int position) {
        offset = position;
    }

    @Override
    public void close() {}
}
