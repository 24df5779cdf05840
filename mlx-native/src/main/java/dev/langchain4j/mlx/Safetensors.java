package dev.langchain4j.mlx;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.langchain4j.mlx.ffi.MlxC;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Reads and writes safetensors files. What is read is lazy and belongs to the current scope; it must be evaluated on the
 * thread that read it. Headers are checked before MLX opens a file, so a damaged one is an {@link MlxException}.
 */
public final class Safetensors {
    private static final JsonFactory JSON = new JsonFactory();

    private Safetensors() {}

    /**
     * All tensors of one file by name, in the file's order.
     *
     * @throws MlxException if the file is missing, truncated or malformed
     */
    public static Map<String, MlxArray> load(Path file) {
        Map<String, SafetensorsHeader.Tensor> header = header(file);
        OwnerThread t = OwnerThread.current();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment maps = arena.allocate(16, 8);
            int status = MlxC.mlx_load_safetensors(
                    maps.address(),
                    maps.address() + 8,
                    arena.allocateFrom(file.toString()).address(),
                    t.fileStream);
            t.check(status, "load_safetensors " + file);
            long tensors = maps.get(ValueLayout.JAVA_LONG, 0);
            try {
                Map<String, MlxArray> loaded = new LinkedHashMap<>();
                for (String name : header.keySet()) {
                    long key = arena.allocateFrom(name).address();
                    t.check(MlxC.mlx_map_string_to_array_get(t.out(), tensors, key), "tensor " + name + " of " + file);
                    loaded.put(name, t.adopt(t.outLong()));
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
     * called {@code model*.safetensors}, in the order of their names. Empty if there are none.
     *
     * @throws MlxException if the index is malformed, or names a file that is missing or outside the folder
     */
    public static Set<Path> files(Path folder) {
        Path index = folder.resolve("model.safetensors.index.json");
        if (Files.isRegularFile(index)) {
            Set<Path> shards = shards(folder, index);
            if (!shards.isEmpty()) {
                return shards;
            }
        }
        try (Stream<Path> all = Files.list(folder)) {
            Set<Path> found = new LinkedHashSet<>();
            all.filter(f -> f.getFileName().toString().matches("model.*\\.safetensors"))
                    .sorted()
                    .forEach(found::add);
            return found;
        } catch (IOException e) {
            throw new MlxException("cannot list the folder " + folder, e);
        }
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

    private static Map<String, SafetensorsHeader.Tensor> header(Path file) {
        try {
            return SafetensorsHeader.read(file);
        } catch (NoSuchFileException e) {
            throw new MlxException("there is no safetensors file " + file, e);
        } catch (IOException e) {
            throw new MlxException("cannot read the safetensors file " + file + ": " + e.getMessage(), e);
        }
    }

    private static Set<Path> shards(Path folder, Path index) {
        Set<Path> shards = new LinkedHashSet<>();
        try (JsonParser parser = JSON.createParser(index.toFile())) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new MlxException(index + " is no JSON object");
            }
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                boolean map = parser.currentName().equals("weight_map");
                JsonToken value = parser.nextToken();
                if (!map) {
                    parser.skipChildren();
                    continue;
                }
                if (value != JsonToken.START_OBJECT) {
                    throw new MlxException(index + " has a weight_map that is no JSON object");
                }
                while (parser.nextToken() == JsonToken.FIELD_NAME) {
                    parser.nextToken();
                    shards.add(shard(folder, index, parser.getText()));
                }
            }
        } catch (JacksonException e) {
            throw new MlxException(index + " is no JSON: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new MlxException("cannot read " + index, e);
        }
        return shards;
    }

    private static Path shard(Path folder, Path index, String name) {
        Path inside = folder.normalize();
        Path file = inside.resolve(name).normalize();
        if (!file.startsWith(inside)) {
            throw new MlxException(index + " names the file " + name + ", which is outside of the model folder");
        }
        if (!Files.isRegularFile(file)) {
            throw new MlxException(index + " names the file " + name + ", which is missing from " + folder);
        }
        return file;
    }
}
