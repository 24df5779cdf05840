package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.MlxArray;

/**
 * A layer whose state another process keeps: what is known of it here is how many tokens were fed, so that all layers
 * of a sequence can be treated alike.
 */
public final class RemoteLayer implements LayerCache {

    private record Remote(int start, int end) implements Snapshot {
        @Override
        public long bytes() {
            return 0;
        }

        @Override
        public int bufferCount() {
            return 0;
        }

        @Override
        public MlxArray[] arrays() {
            return new MlxArray[0];
        }

        @Override
        public Snapshot slice(int from, int to) {
            return new Remote(from, to);
        }

        @Override
        public void close() {}
    }

    private final boolean sliceable;
    private final int chunkLimit;
    private int offset;

    /** In the place of a layer that was not written yet. */
    public RemoteLayer(LayerCache layer) {
        this.sliceable = layer.sliceable();
        this.chunkLimit = layer.chunkLimit();
    }

    /** Says that so many tokens were fed. */
    public void advance(int tokens) {
        offset += tokens;
    }

    @Override
    public int offset() {
        return offset;
    }

    @Override
    public long bytes() {
        return 0;
    }

    @Override
    public boolean sliceable() {
        return sliceable;
    }

    @Override
    public Snapshot slice(int start, int end) {
        return new Remote(start, end);
    }

    @Override
    public Snapshot state() {
        return new Remote(0, offset);
    }

    @Override
    public void restore(Snapshot snapshot) {
        if (!(snapshot instanceof Remote) || sliceable && snapshot.start() != offset) {
            throw new IllegalArgumentException("%s does not fit at position %d".formatted(snapshot, offset));
        }
        offset = snapshot.end();
    }

    @Override
    public Snapshot snapshot(int start, int end, MlxArray[] arrays) {
        return new Remote(start, end);
    }

    @Override
    public int chunkLimit() {
        return offset < chunkLimit ? chunkLimit : Integer.MAX_VALUE;
    }

    @Override
    public void trimTo(int position) {
        offset = position;
    }

    @Override
    public void close() {
        offset = 0;
    }
}
