package dev.langchain4j.model.mlx.cache.disk;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A folder that one JVM uses at a time and that nobody but its owner may read: mode 0700, its files 0600, no link
 * followed. Touches only files whose names are its own.
 */
final class StoreFolder implements AutoCloseable {
    private static final FileAttribute<?> PRIVATE_FOLDER =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
    private static final FileAttribute<?> PRIVATE_FILE =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
    private static final String LOCK = "lock";
    private static final String SUFFIX = ".seg";
    private static final String UNFINISHED = ".tmp";
    private static final Pattern OWN = Pattern.compile("[0-9a-f]{16}\\.seg|[a-z]+\\.log(\\.tmp)?|lock");

    private final Path path;
    private final boolean writable;
    private FileChannel lockFile;
    private FileLock lock;

    private StoreFolder(Path path, boolean writable) {
        this.path = path;
        this.writable = writable;
    }

    /**
     * Opens the folder of this name below {@code root} for reading only: nothing is made, locked or deleted.
     *
     * @throws IOException saying why not
     */
    static StoreFolder openToRead(Path root, String name) throws IOException {
        if (!Files.isDirectory(root)) {
            throw new IOException(root + " is not a folder");
        }
        StoreFolder folder = new StoreFolder(root.toRealPath().resolve(name), false);
        if (!Files.isDirectory(folder.path, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException(
                    root + " holds no cache of this model, adapter, type, KV format, device and version of MLX");
        }
        return folder;
    }

    /**
     * Opens and locks the folder of this name below {@code root}; both are made if they are not there.
     *
     * @throws IOException saying why not
     */
    static StoreFolder open(Path root, String name) throws IOException {
        if (!Files.isDirectory(root)) {
            Files.createDirectories(root, PRIVATE_FOLDER);
        }
        StoreFolder folder = new StoreFolder(root.toRealPath().resolve(name), true);
        try {
            folder.make();
            folder.lock();
            folder.deleteUnfinished();
            return folder;
        } catch (Throwable e) {
            folder.close();
            throw e;
        }
    }

    private void make() throws IOException {
        try {
            Files.createDirectory(path, PRIVATE_FOLDER);
        } catch (FileAlreadyExistsException there) {
            if (!Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
                throw new IOException(path + " is not a folder", there);
            }
            Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwx------"));
        }
    }

    private void lock() throws IOException {
        lockFile = openFile(LOCK);
        try {
            lock = lockFile.tryLock();
        } catch (OverlappingFileLockException thisJvm) {
            lock = null;
        }
        if (lock == null) {
            throw new IOException("another model or JVM uses " + path);
        }
    }

    private void deleteUnfinished() throws IOException {
        for (String name : names()) {
            if (name.endsWith(UNFINISHED)) {
                delete(name);
            }
        }
    }

    Path path() {
        return path;
    }

    /** Opens a file for reading; if it may be written for that, too, and then it is made if it is not there. */
    FileChannel openFile(String name) throws IOException {
        if (!writable) {
            return FileChannel.open(path.resolve(name), StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
        }
        Set<OpenOption> options = new HashSet<>(List.of(
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE,
                LinkOption.NOFOLLOW_LINKS));
        return FileChannel.open(path.resolve(name), options, PRIVATE_FILE);
    }

    /** Opens an empty file that takes the place of {@code name} when {@link #replace} is called. */
    FileChannel openUnfinished(String name) throws IOException {
        delete(name + UNFINISHED);
        return openFile(name + UNFINISHED);
    }

    void replace(String name) throws IOException {
        Files.move(
                path.resolve(name + UNFINISHED),
                path.resolve(name),
                StandardCopyOption.ATOMIC_MOVE,
                StandardCopyOption.REPLACE_EXISTING);
    }

    void delete(String name) throws IOException {
        Files.deleteIfExists(path.resolve(name));
    }

    static String segmentName(long id) {
        return "%016x%s".formatted(id, SUFFIX);
    }

    /** The ids of all segment files: regular files, not links. */
    List<Long> segments() throws IOException {
        List<Long> ids = new ArrayList<>();
        for (String name : names()) {
            if (name.endsWith(SUFFIX)) {
                ids.add(Long.parseUnsignedLong(name, 0, 16, 16));
            }
        }
        return ids;
    }

    boolean isFile(String name) {
        return Files.isRegularFile(path.resolve(name), LinkOption.NOFOLLOW_LINKS);
    }

    private List<String> names() throws IOException {
        return names(path);
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> OWN.matcher(name).matches())
                    .toList();
        }
    }

    /** The names of folders beside this one that begin like this. */
    List<String> beside(String start) throws IOException {
        try (Stream<Path> files = Files.list(path.getParent())) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.startsWith(start) && !path.endsWith(name))
                    .toList();
        }
    }

    /** Deletes folders of other models, versions and settings that nobody has used since this time. */
    void deleteOthers(Pattern names, long usedMillis) throws IOException {
        List<Path> others;
        try (Stream<Path> files = Files.list(path.getParent())) {
            others = files.filter(file -> !file.equals(path)
                            && names.matcher(file.getFileName().toString()).matches()
                            && Files.isDirectory(file, LinkOption.NOFOLLOW_LINKS))
                    .toList();
        }
        for (Path other : others) {
            if (newest(other) < usedMillis) {
                try (StoreFolder locked =
                        open(path.getParent(), other.getFileName().toString())) {
                    for (String name : names(other)) {
                        locked.delete(name);
                    }
                    Files.delete(other);
                } catch (IOException inUseOrNotOurs) {
                    // it stays
                }
            }
        }
    }

    private static long newest(Path folder) throws IOException {
        long newest = 0;
        for (String name : names(folder)) {
            newest = Math.max(
                    newest,
                    Files.readAttributes(folder.resolve(name), BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                            .lastModifiedTime()
                            .toMillis());
        }
        return newest;
    }

    /** Unlocks the folder. Idempotent. */
    @Override
    public void close() throws IOException {
        if (lockFile != null) {
            lockFile.close();
        }
    }
}
