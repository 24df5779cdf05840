package dev.langchain4j.model.mlx.hub;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * What the cache holds. Other programs write there and people delete there, so nothing that is found makes it fail:
 * what cannot be read has a problem, and what is no repository of a model is left out.
 */
final class CacheListing {
    private static final String MODELS = "models--";

    private CacheListing() {}

    /** All models, by name. */
    static List<CachedModel> of(Path cacheFolder) {
        List<CachedModel> all = new ArrayList<>();
        for (Path repository : files(cacheFolder)) {
            String folder = repository.getFileName().toString();
            if (folder.startsWith(MODELS) && Files.isDirectory(repository)) {
                String id = folder.substring(MODELS.length()).replaceFirst("--", "/");
                for (String revision : revisions(repository)) {
                    String name = revision.equals("main") ? id : id + "@" + revision;
                    RepositoryId.parse(name).ifPresent(known -> all.add(model(new HubCache(cacheFolder, known), name)));
                }
            }
        }
        return all;
    }

    /** Branches and tags that were fetched; of a repository that has none the commits. */
    private static List<String> revisions(Path repository) {
        Path refs = repository.resolve("refs");
        TreeSet<String> names = new TreeSet<>();
        try (Stream<Path> all = Files.walk(refs)) {
            all.filter(file -> Files.isRegularFile(file) && !file.toString().endsWith(".tmp"))
                    .forEach(file -> names.add(refs.relativize(file).toString().replace('\\', '/')));
        } catch (IOException | RuntimeException none) {
            names.clear();
        }
        if (names.isEmpty()) {
            files(repository.resolve("snapshots")).stream()
                    .map(folder -> folder.getFileName().toString())
                    .filter(RepositoryId::isCommit)
                    .forEach(names::add);
        }
        return List.copyOf(names);
    }

    private static CachedModel model(HubCache cache, String name) {
        Path snapshot = cache.snapshot(cache.commit().orElse("none"));
        if (!Files.isDirectory(snapshot)) {
            return new CachedModel(name, snapshot, 0, "there is no snapshot of its commit");
        }
        List<String> missing = HubCache.missing(snapshot);
        return new CachedModel(
                name, snapshot, bytes(snapshot), missing.isEmpty() ? "" : "lacks " + String.join(", ", missing));
    }

    private static long bytes(Path folder) {
        long sum = 0;
        for (Path file : files(folder)) {
            try {
                sum += Files.isDirectory(file) ? bytes(file) : Files.size(file);
            } catch (IOException missing) {
                // a link whose contents were deleted, which missing(..) tells of if it is needed
            }
        }
        return sum;
    }

    private static List<Path> files(Path folder) {
        try (Stream<Path> all = Files.list(folder)) {
            return all.sorted().toList();
        } catch (IOException | RuntimeException unreadable) {
            return List.of();
        }
    }
}
