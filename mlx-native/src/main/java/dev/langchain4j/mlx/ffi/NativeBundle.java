package dev.langchain4j.mlx.ffi;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/**
 * Native libraries packed as resources: META-INF/natives/PLATFORM/ with index.txt, which has a line "SHA-256 bytes
 * name" for each file; lines from # on are comments.
 */
final class NativeBundle {
    private static final System.Logger LOG = System.getLogger(NativeBundle.class.getName());

    private final ClassLoader classes;
    private final String platform;

    NativeBundle(ClassLoader classes, String platform) {
        this.classes = classes;
        this.platform = platform;
    }

    String folderName() {
        return "META-INF/natives/" + platform;
    }

    boolean exists() {
        return classes.getResource(indexName()) != null;
    }

    private String indexName() {
        return folderName() + "/index.txt";
    }

    /**
     * Unpacks the bundle, once for each content, and returns its folder; null where there is no bundle. Where the cache
     * cannot be written to, the bundle goes to a temporary folder of its own, which is deleted when the JVM ends.
     *
     * @throws IOException if a file is missing or not what the index says, or neither folder can be written
     */
    Path unpack(Path cache) throws IOException {
        byte[] index;
        try (InputStream in = classes.getResourceAsStream(indexName())) {
            if (in == null) {
                return null;
            }
            index = in.readAllBytes();
        }
        try {
            return unpack(index, cache);
        } catch (FileSystemException first) {
            try {
                Path folder = unpack(index, temporaryFolder());
                LOG.log(
                        System.Logger.Level.WARNING,
                        "cannot unpack the native libraries to {0} ({1}); they are in {2} until this process ends",
                        cache,
                        first,
                        folder);
                return folder;
            } catch (FileSystemException second) {
                IOException failure = new IOException(
                        "cannot unpack it to " + cache + " (" + first + "), nor to the temporary folder (" + second
                                + ")",
                        first);
                failure.addSuppressed(second);
                throw failure;
            }
        }
    }

    // A name that nobody can know before, and readable for nobody else: what lies in it is loaded.
    private static Path temporaryFolder() throws IOException {
        Path folder;
        try {
            folder = Files.createTempDirectory("langchain4j-mlx-");
        } catch (FileSystemException e) {
            throw e;
        } catch (IOException e) {
            throw new FileSystemException(System.getProperty("java.io.tmpdir"), null, e.toString());
        }
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                delete(folder);
            } catch (IOException e) {
                // The system cleans its temporary folder.
            }
        }));
        return folder;
    }

    private Path unpack(byte[] index, Path cache) throws IOException {
        List<Entry> entries = new String(index, StandardCharsets.UTF_8)
                .lines()
                .filter(line -> !line.isBlank() && !line.startsWith("#"))
                .map(Entry::parse)
                .toList();
        String hash = HexFormat.of().formatHex(sha256().digest(index)).substring(0, 16);
        Path folder = cache.resolve(platform + "-" + hash);
        if (!isComplete(folder, entries)) {
            unpack(entries, folder);
        }
        return folder;
    }

    // The folder appears by one rename, so sizes tell enough about a file that somebody damaged.
    private static boolean isComplete(Path folder, List<Entry> entries) throws IOException {
        for (Entry entry : entries) {
            Path file = folder.resolve(entry.name());
            if (!Files.isRegularFile(file) || Files.size(file) != entry.bytes()) {
                return false;
            }
        }
        return true;
    }

    private void unpack(List<Entry> entries, Path folder) throws IOException {
        Files.createDirectories(folder.getParent());
        Path partial = Files.createTempDirectory(folder.getParent(), ".unpacking-");
        try {
            for (Entry entry : entries) {
                unpack(entry, partial.resolve(entry.name()));
            }
            if (Files.exists(folder) && !isComplete(folder, entries)) {
                delete(folder);
            }
            try {
                Files.move(partial, folder);
            } catch (IOException e) {
                // Another process may have come first.
                if (!isComplete(folder, entries)) {
                    throw e;
                }
            }
        } finally {
            delete(partial);
        }
    }

    private void unpack(Entry entry, Path file) throws IOException {
        String resource = folderName() + "/" + entry.name();
        MessageDigest digest = sha256();
        try (InputStream in = classes.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IOException(resource + " is in the index, but not there");
            }
            Files.copy(new DigestInputStream(in, digest), file);
        }
        String found = HexFormat.of().formatHex(digest.digest());
        if (!found.equals(entry.sha256())) {
            throw new IOException(resource + " has SHA-256 " + found + ", the index says " + entry.sha256());
        }
    }

    private static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        try (Stream<Path> paths = Files.walk(folder)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    private record Entry(String sha256, long bytes, String name) {
        static Entry parse(String line) {
            String[] parts = line.split(" ", 3);
            if (parts.length != 3 || parts[2].contains("/") || parts[2].startsWith(".")) {
                throw new IllegalArgumentException("index line (" + line + ") must be SHA-256, bytes and a file name");
            }
            return new Entry(parts[0], Long.parseLong(parts[1]), parts[2]);
        }
    }
}
