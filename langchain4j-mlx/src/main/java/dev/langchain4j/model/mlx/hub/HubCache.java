package dev.langchain4j.model.mlx.hub;

import dev.langchain4j.exception.InvalidRequestException;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * One repository in the cache, as huggingface_hub lays it out: {@code blobs} has contents by checksum,
 * {@code snapshots} a folder of links to them for each commit, {@code refs} the commits of branches and tags.
 *
 * <p>Contents move to {@code blobs} in one step when they are complete and verified; links come after them, and a ref
 * after the links, so that whoever follows a ref finds whole files.
 */
final class HubCache {
    private static final String WHOLE = "model.safetensors";

    private final Path cacheFolder;
    private final Path folder;
    private final RepositoryId id;

    HubCache(Path cacheFolder, RepositoryId id) {
        this.cacheFolder = cacheFolder;
        this.id = id;
        this.folder = cacheFolder.resolve(id.folderName());
    }

    Path folder() {
        return folder;
    }

    Path lockFile() {
        return cacheFolder.resolve(".locks").resolve(id.folderName()).resolve("langchain4j-mlx.lock");
    }

    Path snapshot(String commit) {
        return folder.resolve("snapshots").resolve(commit);
    }

    Path blob(RemoteFile file) {
        return folder.resolve("blobs").resolve(file.blobName());
    }

    /** What huggingface_hub left of a download. It may still be writing there, so it is only read. */
    Path partialBlobOfOthers(RemoteFile file) {
        return folder.resolve("blobs").resolve(file.blobName() + ".incomplete");
    }

    Path partialBlob(RemoteFile file) {
        return folder.resolve("blobs").resolve(file.blobName() + ".mlx.incomplete");
    }

    Path segmentsOf(RemoteFile file) {
        return folder.resolve("blobs").resolve(file.blobName() + ".mlx.segments");
    }

    /** The commit that the revision was when it was last fetched. */
    Optional<String> commit() {
        if (id.namesCommit()) {
            return Optional.of(id.revision());
        }
        try {
            String commit = Files.readString(ref()).strip();
            return RepositoryId.isCommit(commit) ? Optional.of(commit) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** The snapshot of the revision's last known commit, if it has all that a model needs. */
    Optional<Path> completeSnapshot() {
        return commit().map(this::snapshot).filter(snapshot -> missing(snapshot).isEmpty());
    }

    /**
     * What a snapshot lacks to be loaded as a model, as far as the snapshot itself tells: settings that are not there
     * but on the hub it does not know of.
     */
    static List<String> missing(Path snapshot) {
        List<String> missing = new ArrayList<>();
        for (String name : List.of("config.json", "tokenizer.json")) {
            if (!Files.isRegularFile(snapshot.resolve(name))) {
                missing.add(name);
            }
        }
        if (!Files.isRegularFile(snapshot.resolve(WHOLE))) {
            shards(snapshot).stream()
                    .filter(name -> !Files.isRegularFile(snapshot.resolve(name)))
                    .forEach(missing::add);
        }
        return missing;
    }

    /** The files of weights: those that the index names, else those that the names of the ones that are there imply. */
    private static Set<String> shards(Path snapshot) {
        Path index = snapshot.resolve(NeededFiles.INDEX);
        try {
            return Files.isRegularFile(index) ? NeededFiles.shards(index) : NeededFiles.siblings(weights(snapshot));
        } catch (InvalidRequestException e) {
            return Set.of(NeededFiles.INDEX + " that can be read");
        }
    }

    private static Set<String> weights(Path snapshot) {
        try (Stream<Path> files = Files.list(snapshot)) {
            Set<String> names = files.map(f -> f.getFileName().toString())
                    .filter(NeededFiles::isWeights)
                    .collect(Collectors.toSet());
            return names.isEmpty() ? Set.of(WHOLE) : names;
        } catch (IOException e) {
            return Set.of(WHOLE);
        }
    }

    /**
     * Whether the snapshot was complete by the hub's own list when it was fetched, and still is. One that another
     * program made may lack settings that nothing else tells of.
     */
    boolean isVerified(String commit) {
        try {
            return Files.readAllLines(listFile(commit)).stream().allMatch(line -> {
                int space = line.indexOf(' ');
                return isFile(snapshot(commit).resolve(line.substring(space + 1)), Long.parseLong(line, 0, space, 10));
            });
        } catch (IOException | RuntimeException e) {
            return false;
        }
    }

    /** Notes which files a commit needs, all of which are there. */
    void noteVerified(String commit, Collection<RemoteFile> files) throws IOException {
        if (isVerified(commit)) {
            return;
        }
        Path temporary = listFile(commit).resolveSibling(commit + "." + unique() + ".tmp");
        Files.write(
                temporary,
                files.stream().map(file -> file.size() + " " + file.path()).toList());
        Files.move(temporary, listFile(commit), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private Path listFile(String commit) {
        return lockFile().resolveSibling(commit + ".files");
    }

    /** Whether the snapshot has the file, with its bytes. */
    boolean has(RemoteFile file, String commit) {
        return isFile(snapshot(commit).resolve(file.path()), file.size());
    }

    /** Whether the contents of the file are there, perhaps from another commit. */
    boolean hasBlob(RemoteFile file) {
        return isFile(blob(file), file.size());
    }

    private static boolean isFile(Path path, long size) {
        try {
            return Files.isRegularFile(path) && Files.size(path) == size;
        } catch (IOException e) {
            return false;
        }
    }

    void createFolders() throws IOException {
        Files.createDirectories(folder.resolve("blobs"));
        Files.createDirectories(lockFile().getParent());
    }

    /** Makes complete and verified contents a blob. */
    void publish(RemoteFile file, Path contents) throws IOException {
        Files.move(contents, blob(file), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Lets the snapshot show the blob of a file. */
    void link(RemoteFile file, String commit) throws IOException {
        Path link = snapshot(commit).resolve(file.path());
        Files.createDirectories(link.getParent());
        Path temporary = link.resolveSibling(link.getFileName() + "." + unique());
        try {
            Files.createSymbolicLink(temporary, link.getParent().relativize(blob(file)));
        } catch (UnsupportedOperationException | FileSystemException e) {
            // Where links are not allowed, a snapshot has the contents themselves, as huggingface_hub does it.
            Files.copy(blob(file), temporary);
        }
        Files.move(temporary, link, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Notes which commit the revision is. */
    void note(String commit) throws IOException {
        if (id.namesCommit() || commit().equals(Optional.of(commit))) {
            return;
        }
        Files.createDirectories(ref().getParent());
        Path temporary = ref().resolveSibling(ref().getFileName() + "." + unique() + ".tmp");
        Files.writeString(temporary, commit);
        Files.move(temporary, ref(), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private Path ref() {
        return folder.resolve("refs").resolve(id.revision());
    }

    private static String unique() {
        return UUID.randomUUID().toString().substring(0, 8);
    }
}
