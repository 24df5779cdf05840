package dev.langchain4j.model.mlx.hub;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Semaphore;
import java.util.function.LongConsumer;
import java.util.stream.Stream;

/** Brings what is missing of a commit's snapshot into the cache: settings first, then the weights. */
final class RepositoryDownload {
    /** While the checksum of one is computed, the other downloads. */
    private static final int LARGE_FILES_AT_ONCE = 2;

    private final HubSettings settings;
    private final HubClient client;
    private final HubCache cache;
    private final RepositoryId id;
    private final String commit;
    private final Map<String, RemoteFile> listed = new LinkedHashMap<>();

    RepositoryDownload(
            HubSettings settings,
            HubClient client,
            HubCache cache,
            RepositoryId id,
            String commit,
            List<RemoteFile> files) {
        this.settings = settings;
        this.client = client;
        this.cache = cache;
        this.id = id;
        this.commit = commit;
        files.forEach(file -> listed.put(file.path(), file));
    }

    /** Whether all files are there, so that nothing has to be written: a cache may be read-only. */
    boolean isComplete() {
        RemoteFile index = listed.get(NeededFiles.INDEX);
        return (index == null || cache.has(index, commit)) && missing(weights()).isEmpty();
    }

    /** Downloads and returns the snapshot's folder. */
    Path run(DownloadListener listener) throws IOException, InterruptedException {
        try (Tasks tasks = new Tasks(settings.connections())) {
            RemoteFile index = listed.get(NeededFiles.INDEX);
            if (index != null && !cache.has(index, commit)) {
                checkDisk(index.size());
                fetch(index, bytes -> {}, tasks);
            }
            List<RemoteFile> weights = weights();
            List<RemoteFile> missing = missing(weights);
            if (!missing.isEmpty()) {
                download(missing, weights, listener, tasks);
            }
            note();
            return cache.snapshot(commit);
        }
    }

    /** Notes which commit the revision is, and that it is complete. */
    void note() throws IOException {
        cache.noteVerified(commit, needed(weights()));
        cache.note(commit);
    }

    private List<RemoteFile> needed(List<RemoteFile> weights) {
        return Stream.concat(listed.values().stream().filter(f -> NeededFiles.isSetting(f.path())), weights.stream())
                .toList();
    }

    private List<RemoteFile> missing(List<RemoteFile> weights) {
        return needed(weights).stream().filter(file -> !cache.has(file, commit)).toList();
    }

    private void download(List<RemoteFile> missing, List<RemoteFile> weights, DownloadListener listener, Tasks tasks)
            throws IOException, InterruptedException {
        long total = missing.stream().mapToLong(RemoteFile::size).sum();
        long there = 0;
        for (RemoteFile file : missing) {
            there += cache.hasBlob(file) ? file.size() : BlobDownload.bytesLeft(settings, cache, file);
        }
        checkDisk(total - there);
        ProgressReport report = new ProgressReport(listener, id.toString(), there, total, missing.size());
        report.begin(missing.getFirst().path());
        Set<RemoteFile> large = Set.copyOf(weights);
        fetch(missing.stream().filter(f -> !large.contains(f)).toList(), settings.connections(), report, tasks);
        fetch(missing.stream().filter(large::contains).toList(), LARGE_FILES_AT_ONCE, report, tasks);
    }

    private void fetch(List<RemoteFile> files, int atOnce, ProgressReport report, Tasks tasks)
            throws InterruptedException {
        Semaphore slots = new Semaphore(atOnce, true);
        List<Callable<Void>> all = new ArrayList<>();
        for (RemoteFile file : files) {
            all.add(() -> {
                slots.acquire();
                try {
                    fetch(file, bytes -> report.bytes(file.path(), bytes), tasks);
                    report.fileDone(file.path());
                } finally {
                    slots.release();
                }
                return null;
            });
        }
        tasks.all(all);
    }

    private void fetch(RemoteFile file, LongConsumer progress, Tasks tasks) throws IOException, InterruptedException {
        if (!cache.hasBlob(file)) {
            new BlobDownload(settings, client, cache, tasks, file, commit, progress).run();
        }
        cache.link(file, commit);
    }

    /**
     * The files with weights: those that the index names, which must be there if it is listed, or those with the usual
     * names, if there is no index or one of other files.
     */
    private List<RemoteFile> weights() {
        Set<String> named = listed.containsKey(NeededFiles.INDEX)
                ? NeededFiles.shards(cache.snapshot(commit).resolve(NeededFiles.INDEX))
                : Set.of();
        boolean listedAll = !named.isEmpty() && listed.keySet().containsAll(named);
        List<RemoteFile> weights = listed.values().stream()
                .filter(f -> listedAll ? named.contains(f.path()) : NeededFiles.isWeights(f.path()))
                .toList();
        if (weights.isEmpty() && !named.isEmpty()) {
            throw new InvalidRequestException("the repository " + id + " has an index of weights that names the files "
                    + named + ", but not all of them");
        }
        return usual(weights);
    }

    private List<RemoteFile> usual(List<RemoteFile> weights) {
        if (weights.isEmpty() || !listed.containsKey("config.json")) {
            List<String> some = listed.keySet().stream().limit(8).toList();
            throw new ModelNotFoundException("the repository " + id
                    + " has no config.json with model.safetensors; it has "
                    + (some.isEmpty() ? "no files" : String.join(", ", some))
                    + (listed.size() > some.size() ? ", ..." : "")
                    + ". Weights of other formats can be converted: mlx_lm.convert --hf-path " + id.repository());
        }
        return weights;
    }

    private void checkDisk(long bytes) throws IOException {
        long usable = settings.usableSpace().of(cache.folder());
        if (bytes > usable) {
            throw new InvalidRequestException(
                    "the download of " + id + " needs " + bytes + " bytes more, but the disk of " + cache.folder()
                            + " has " + usable + " free: make room, or set HF_HUB_CACHE to a folder elsewhere");
        }
    }
}
