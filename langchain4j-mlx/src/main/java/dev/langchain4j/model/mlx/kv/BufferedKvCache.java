package dev.langchain4j.model.mlx.kv;

import dev.langchain4j.mlx.MlxArray;

/** What all have in common that keep keys and values as they are: two buffers, and how many tokens were fed. */
abstract class BufferedKvCache implements AttentionCache {
    final PositionBuffers buffers;
    int offset;

    /** Empty buffers, which grow to {@code capacityMax} positions at the most. */
    BufferedKvCache(int capacityMax) {
        buffers = new PositionBuffers(2, capacityMax);
    }

    @Override
    public int offset() {
        return offset;
    }

    @Override
    public long bytes() {
        return buffers.bytes();
    }

    @Override
    public int bufferCount() {
        return buffers.count();
    }

    @Override
    public MlxArray[] buffers() {
        return buffers.arrays();
    }

    @Override
    public void close() {
        buffers.close();
        offset = 0;
    }
}
