package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.MlxC;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Reads and writes safetensors files. What is read is lazy and belongs to the current scope; it must be evaluated on
 * the thread that read it. Headers are checked before MLX opens a file, so a damaged one is an {@link MlxException}.
 */
public final class Safetensors {
    private static final int SAMPLE_BYTES = 1024;

    private Safetensors() {}

    /**
     * All tensors of one file by name, in the file's order. Parts of them can be read without the rest
     * ({@link MlxArray#readPart}).
     *
     * @throws MlxException if the file is missing, truncated or malformed
     */
    public static Map<String, MlxArray> load(Path file) {
        Map<String, SafetensorsHeader.Tensor> header = header(file);
        long data = dataStart(file);
        OwnerThread t = OwnerThread.current();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment maps = arena.allocate(16, 8);
            int status = MlxC.mlx_load_safetensors(
                    maps.address(),
                    maps.address() + 8,
                    arena.allocateFrom(file.toString()).address(),
                    t.cpuStream);
            t.check(status, "load_safetensors " + file);
            long tensors = maps.get(ValueLayout.JAVA_LONG, 0);
            try {
                Map<String, MlxArray> loaded = new LinkedHashMap<>();
                for (String name : header.keySet()) {
                    long key = arena.allocateFrom(name).address();
                    t.check(MlxC.mlx_map_string_to_array_get(t.out(), tensors, key), "tensor " + name + " of " + file);
                    MlxArray array = t.adopt(t.outLong());
                    long start = data + header.get(name).start();
                    loaded.put(name, array.withParts(new StoredTensor(file, start, array.dtype(), array.shape())));
                }
                return loaded;
            } finally {
                MlxC.mlx_map_string_to_array_free(tensors);
                MlxC.mlx_map_string_to_string_free(maps.get(ValueLayout.JAVA_LONG, 8));
            }
        }
    }

    /**
     * The weight files of a model folder: those that {@code model.safetensors.index.json} names, else all that are
     * called {@code model*.safetensors}, in the order of their names. An index that names files that are not there does
     * not count if there are others. Empty if there are none.
     *
     * @throws MlxException if the index is malformed, or a file is missing, is not a regular file, or is outside of the
     *     folder
     */
    public static Set<Path> files(Path folder) {
        return new WeightFiles(folder).find();
    }

    /**
     * The file of this name in a folder.
     *
     * @throws MlxException if it is missing, is not a regular file, or lies outside of the folder
     */
    public static Path file(Path folder, String name) {
        return new WeightFiles(folder).file(name);
    }

    /** Writes tensors to a file, which is replaced if it exists. */
    public static void save(Path file, Map<String, MlxArray> tensors) {
        OwnerThread t = OwnerThread.current();
        long map = MlxC.mlx_map_string_to_array_new();
        long metadata = MlxC.mlx_map_string_to_string_new();
        try (Arena arena = Arena.ofConfined()) {
            for (Map.Entry<String, MlxArray> e : tensors.entrySet()) {
                long key = arena.allocateFrom(e.getKey()).address();
                t.check(MlxC.mlx_map_string_to_array_insert(map, key, t.use(e.getValue())), "map_insert", e.getValue());
            }
            long format = arena.allocateFrom("format").address();
            long mlx = arena.allocateFrom("mlx").address();
            t.check(MlxC.mlx_map_string_to_string_insert(metadata, format, mlx), "map_insert");
            long path = arena.allocateFrom(file.toString()).address();
            t.check(MlxC.mlx_save_safetensors(path, map, metadata), "save_safetensors " + file);
        } finally {
            MlxC.mlx_map_string_to_array_free(map);
            MlxC.mlx_map_string_to_string_free(metadata);
        }
    }

    /**
     * The bytes that a file's tensors take, as its header says; checked, without opening it in MLX.
     *
     * @param floating the type that floating numbers of 16 bits and more are converted to; null if they stay as they
     *     are
     */
    public static long dataBytes(Path file, DType floating) {
        return header(file).values().stream()
                .mapToLong(tensor -> bytes(tensor, floating))
                .sum();
    }

    /**
     * As {@link #dataBytes}, with each quantized matrix (one that has scales beside it) as a plain one in single
     * precision.
     *
     * @param groupSize columns that share a scale
     */
    public static long expandedBytes(Path file, DType floating, int groupSize) {
        Map<String, SafetensorsHeader.Tensor> tensors = header(file);
        long sum = 0;
        for (Map.Entry<String, SafetensorsHeader.Tensor> e : tensors.entrySet()) {
            SafetensorsHeader.Tensor tensor = e.getValue();
            String name = e.getKey();
            boolean scales = name.endsWith("scales");
            boolean part = name.endsWith(".biases") || tensor.dtype().equals("U32") || name.endsWith("_blocks");
            if (scales) {
                long elements = 1;
                for (long length : tensor.shape()) {
                    elements *= length;
                }
                sum += elements * groupSize * DType.FLOAT32.bytes();
            } else if (!part) {
                sum += bytes(tensor, floating);
            }
        }
        return sum;
    }

    /**
     * Digests of a file what tells it from others of the same shape: the header, and some bytes from the beginning, the
     * middle and the end of each tensor. Cheap for files of any size.
     */
    public static void digest(Path file, MessageDigest digest) {
        Map<String, SafetensorsHeader.Tensor> tensors = header(file);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer length = headerLength(channel);
            long data = 8 + length.getLong(0);
            digest.update(length.flip());
            for (Map.Entry<String, SafetensorsHeader.Tensor> e : tensors.entrySet()) {
                SafetensorsHeader.Tensor tensor = e.getValue();
                digest.update(e.getKey().getBytes(StandardCharsets.UTF_8));
                digest.update((tensor.dtype() + Arrays.toString(tensor.shape())).getBytes(StandardCharsets.UTF_8));
                long last = Math.max(tensor.start(), tensor.end() - SAMPLE_BYTES);
                for (long at : new long[] {tensor.start(), (tensor.start() + last) / 2, last}) {
                    ByteBuffer sample = ByteBuffer.allocate((int) Math.min(SAMPLE_BYTES, tensor.end() - at));
                    channel.read(sample, data + at);
                    digest.update(sample.flip());
                }
            }
        } catch (IOException e) {
            throw new MlxException("cannot read the safetensors file " + file + ": " + e.getMessage(), e);
        }
    }

    private static ByteBuffer headerLength(FileChannel channel) throws IOException {
        ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        channel.read(length, 0);
        return length;
    }

    /** Offset of the first tensor in a file whose header was checked. */
    private static long dataStart(Path file) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return 8 + headerLength(channel).getLong(0);
        } catch (IOException e) {
            throw new MlxException("cannot read the safetensors file " + file + ": " + e.getMessage(), e);
        }
    }

    private static long bytes(SafetensorsHeader.Tensor tensor, DType floating) {
        long bytes = tensor.end() - tensor.start();
        int width =
                switch (tensor.dtype()) {
                    case "F16", "BF16" -> 2;
                    case "F32" -> 4;
                    case "F64" -> 8;
                    default -> 0;
                };
        return floating == null || width == 0 ? bytes : bytes / width * floating.bytes();
    }

    static Map<String, SafetensorsHeader.Tensor> header(Path file) {
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            throw new MlxException(file + " is not a regular file");
        }
        try {
            return SafetensorsHeader.read(file);
        } catch (NoSuchFileException e) {
            throw new MlxException("there is no safetensors file " + file, e);
        } catch (IOException e) {
            throw new MlxException("cannot read the safetensors file " + file + ": " + e.getMessage(), e);
        }
    }
}
