package dev.langchain4j.mlx;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * How much memory the container allows that this process runs in: Linux' control groups, in the files of version 1 and
 * 2. A limit of a group above counts too.
 */
final class ContainerMemory {
    /** Version 1 writes the greatest multiple of a page for no limit. */
    private static final long NO_LIMIT = 1L << 60;

    private ContainerMemory() {}

    /** Bytes that this process may use; {@link Long#MAX_VALUE} if there is no limit, or none that can be read. */
    static long limitBytes() {
        return limitBytes(Path.of("/proc/self/cgroup"), Path.of("/sys/fs/cgroup"));
    }

    /**
     * The same, from files elsewhere.
     *
     * @param groups names the groups of this process, a hierarchy a line: number, controllers, path
     * @param mount where the hierarchies are
     */
    static long limitBytes(Path groups, Path mount) {
        long limit = Long.MAX_VALUE;
        try {
            for (String line : Files.readAllLines(groups)) {
                String[] parts = line.split(":", 3);
                if (parts.length < 3) {
                    continue;
                }
                if (parts[1].isEmpty()) {
                    limit = Math.min(limit, least(mount, parts[2], "memory.max"));
                    limit = Math.min(limit, least(mount.resolve("unified"), parts[2], "memory.max"));
                } else if ((',' + parts[1] + ',').contains(",memory,")) {
                    limit = Math.min(limit, least(mount.resolve("memory"), parts[2], "memory.limit_in_bytes"));
                }
            }
        } catch (IOException | RuntimeException unreadable) {
            return limit;
        }
        return limit;
    }

    /** The least limit of a group and those above it. Within a container its own group may be the root. */
    private static long least(Path root, String group, String file) {
        long least = read(root.resolve(file));
        Path at = root;
        for (Path name : Path.of(group)) {
            at = at.resolve(name);
            least = Math.min(least, read(at.resolve(file)));
        }
        return least;
    }

    private static long read(Path file) {
        try {
            long bytes = Long.parseLong(Files.readString(file).strip());
            return bytes > 0 && bytes < NO_LIMIT ? bytes : Long.MAX_VALUE;
        } catch (IOException | NumberFormatException none) {
            // No such file, or the word "max".
            return Long.MAX_VALUE;
        }
    }
}
