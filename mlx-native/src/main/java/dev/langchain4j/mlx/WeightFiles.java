package dev.langchain4j.mlx;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The files of a model folder that hold its weights. A folder may come from anywhere, so what it names must lie in it:
 * links may only lead elsewhere in it, or to the blobs that Hugging Face's cache keeps beside its snapshots.
 */
final class WeightFiles {
    private static final JsonFactory JSON = new JsonFactory();

    private final Path folder;
    private final Path index;

    WeightFiles(Path folder) {
        this.folder = folder.toAbsolutePath().normalize();
        this.index = this.folder.resolve("model.safetensors.index.json");
    }

    /**
     * The files that the index names. One that names files that are not there is of another time, if there are weights
     * that it does not know: then those count, and what it names and has other tensors.
     */
    Set<Path> find() {
        Set<Path> shards = Files.exists(index) ? shards() : Set.of();
        Set<Path> usual = usual();
        if (shards.isEmpty()) {
            return usual;
        }
        Set<Path> found = new LinkedHashSet<>(usual);
        found.removeAll(shards);
        if (found.isEmpty() || shards.stream().allMatch(Files::exists)) {
            shards.forEach(shard -> checked(shard, index.toString()));
            return shards;
        }
        Set<String> tensors = new HashSet<>();
        found.forEach(file -> tensors.addAll(tensors(file)));
        usual.stream()
                .filter(file -> shards.contains(file) && Collections.disjoint(tensors(file), tensors))
                .forEach(found::add);
        return found;
    }

    private Set<Path> usual() {
        try (Stream<Path> all = Files.list(folder)) {
            Set<Path> found = new LinkedHashSet<>();
            all.filter(f -> f.getFileName().toString().matches("model.*\\.safetensors"))
                    .sorted()
                    .forEach(file -> found.add(checked(file, "the model folder " + folder)));
            return found;
        } catch (IOException e) {
            throw new MlxException("cannot list the folder " + folder, e);
        }
    }

    private static Set<String> tensors(Path file) {
        return Safetensors.header(file).keySet();
    }

    Path file(String name) {
        return checked(folder.resolve(name), "the folder " + folder);
    }

    private Set<Path> shards() {
        checked(index, "the model folder " + folder);
        Set<Path> shards = new LinkedHashSet<>();
        try (JsonParser parser = JSON.createParser(index.toFile())) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new MlxException(index + " is not a JSON object");
            }
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                boolean map = parser.currentName().equals("weight_map");
                JsonToken value = parser.nextToken();
                if (!map) {
                    parser.skipChildren();
                    continue;
                }
                if (value != JsonToken.START_OBJECT) {
                    throw new MlxException(index + " has a weight_map that is not a JSON object");
                }
                readMap(parser, shards);
            }
        } catch (JacksonException e) {
            throw new MlxException(index + " is not JSON: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new MlxException("cannot read " + index, e);
        }
        return shards;
    }

    private void readMap(JsonParser parser, Set<Path> shards) throws IOException {
        String last = null;
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String tensor = parser.currentName();
            if (parser.nextToken() != JsonToken.VALUE_STRING) {
                throw new MlxException(index + " names no file for tensor " + tensor);
            }
            if (!parser.getText().equals(last)) {
                last = parser.getText();
                shards.add(shard(last));
            }
        }
    }

    private Path shard(String name) {
        Path file;
        try {
            file = folder.resolve(name).normalize();
        } catch (InvalidPathException e) {
            throw new MlxException(index + " names the file " + name + ", which is not a path", e);
        }
        if (!file.startsWith(folder) || file.equals(folder)) {
            throw new MlxException(index + " names the file " + name + ", which is outside of the model folder");
        }
        return file;
    }

    private Path checked(Path file, String namedBy) {
        if (!Files.exists(file)) {
            throw new MlxException(
                    namedBy + " names the file " + file.getFileName() + ", which is missing from " + folder);
        }
        if (!Files.isRegularFile(file)) {
            throw new MlxException(namedBy + " has " + file.getFileName() + ", which is not a regular file");
        }
        try {
            Path real = file.toRealPath();
            Path inside = folder.toRealPath();
            if (!real.startsWith(inside) && !isBlob(real, inside)) {
                throw new MlxException(namedBy + " has " + file.getFileName() + ", a link to " + real
                        + ", which is outside of the model folder");
            }
        } catch (IOException e) {
            throw new MlxException("cannot read " + file, e);
        }
        return file;
    }

    /**
     * Whether a folder is a snapshot in Hugging Face's cache, and the file one of the blobs beside it, or of those that
     * all repositories of the cache share.
     */
    private static boolean isBlob(Path real, Path inside) throws IOException {
        Path snapshots = inside.getParent();
        if (snapshots == null || !snapshots.endsWith("snapshots")) {
            return false;
        }
        Path repository = snapshots.getParent();
        boolean inCache = repository.getFileName().toString().startsWith("models--");
        return isBelow(real, repository.resolve("blobs"))
                || inCache && isBelow(real, repository.resolveSibling("blobs"));
    }

    private static boolean isBelow(Path real, Path blobs) throws IOException {
        return Files.isDirectory(blobs) && real.startsWith(blobs.toRealPath());
    }
}
