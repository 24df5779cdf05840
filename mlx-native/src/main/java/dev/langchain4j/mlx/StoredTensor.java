package dev.langchain4j.mlx;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/** Where a tensor lies in a safetensors file, so that a part of it can be read without the rest. Immutable. */
final class StoredTensor implements PartReader {
    /** Shorter pieces are not worth a read each. */
    private static final long PIECE_BYTES_MIN = 512;

    private static final long READ_BYTES_MAX = 1L << 30;

    private final Path file;
    private final long start;
    private final DType type;
    private final int[] shape;

    /**
     * A tensor of a file.
     *
     * @param start offset of its first byte in the file
     */
    StoredTensor(Path file, long start, DType type, int... shape) {
        this.file = file;
        this.start = start;
        this.type = type;
        this.shape = shape;
    }

    /** Reads into memory of its own; null if the bytes lie in so many short pieces that the whole tensor costs less. */
    @Override
    public MlxArray read(int[]... bounds) {
        long[] strides = strides();
        int cut = lastCut(bounds);
        if (shortestRange(bounds[cut]) * strides[cut] < PIECE_BYTES_MIN) {
            return null;
        }
        MlxArray part = Indexing.unwritten(
                type, Arrays.stream(bounds).mapToInt(StoredTensor::length).toArray());
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            new Pieces(channel, part.memory(), bounds, strides, cut).fill(0, start);
            return part;
        } catch (IOException e) {
            throw new MlxException("cannot read the safetensors file " + file + ": " + e.getMessage(), e);
        }
    }

    /** Bytes from an index to the next one, of each dimension. */
    private long[] strides() {
        long[] strides = new long[shape.length];
        long bytes = type.bytes();
        for (int axis = shape.length - 1; axis >= 0; axis--) {
            strides[axis] = bytes;
            bytes *= shape[axis];
        }
        return strides;
    }

    /** The last dimension that is not read as a whole: from there on, indices lie one behind the other. */
    private int lastCut(int[][] bounds) {
        int cut = shape.length - 1;
        while (cut > 0 && length(bounds[cut]) == shape[cut]) {
            cut--;
        }
        return cut;
    }

    private static int length(int[] ranges) {
        int length = 0;
        for (int i = 0; i < ranges.length; i += 2) {
            length += ranges[i + 1] - ranges[i];
        }
        return length;
    }

    private static int shortestRange(int[] ranges) {
        int shortest = Integer.MAX_VALUE;
        for (int i = 0; i < ranges.length; i += 2) {
            shortest = Math.min(shortest, ranges[i + 1] - ranges[i]);
        }
        return shortest;
    }

    /** Puts pieces of the file one behind the other into memory. */
    private final class Pieces {
        private final FileChannel channel;
        private final MemorySegment memory;
        private final int[][] bounds;
        private final long[] strides;
        private final int cut;
        private long filled;

        Pieces(FileChannel channel, MemorySegment memory, int[][] bounds, long[] strides, int cut) {
            this.channel = channel;
            this.memory = memory;
            this.bounds = bounds;
            this.strides = strides;
            this.cut = cut;
        }

        /** Reads the part of the dimensions from this one on that begin here. */
        void fill(int axis, long at) throws IOException {
            for (int i = 0; i < bounds[axis].length; i += 2) {
                int from = bounds[axis][i];
                int to = bounds[axis][i + 1];
                if (axis == cut) {
                    read(at + from * strides[axis], (to - from) * strides[axis]);
                    continue;
                }
                for (int index = from; index < to; index++) {
                    fill(axis + 1, at + index * strides[axis]);
                }
            }
        }

        private void read(long at, long bytes) throws IOException {
            long end = filled + bytes;
            while (filled < end) {
                ByteBuffer target = memory.asSlice(filled, Math.min(READ_BYTES_MAX, end - filled))
                        .asByteBuffer();
                int read = channel.read(target, at + bytes - (end - filled));
                if (read < 0) {
                    throw new MlxException("the safetensors file " + file + " ends within a tensor");
                }
                filled += read;
            }
        }
    }
}
