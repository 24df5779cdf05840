package dev.langchain4j.model.mlx.hub;

import dev.langchain4j.exception.AuthenticationException;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.ModelNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds models by name: a folder of this machine, or a repository id of the Hugging Face hub, which is downloaded if it
 * is not in the cache. The cache is shared with huggingface_hub.
 *
 * <p>Only required files are downloaded: settings, tokenizer, chat templates, safetensors. Large files are downloaded
 * in parallel ranges, and resume where an earlier download stopped. Each file's size and checksum are verified before
 * it gets its name. What is not set in the builder comes from huggingface_hub's environment variables: {@code HF_HOME},
 * {@code HF_HUB_CACHE}, {@code HF_TOKEN}, {@code HF_TOKEN_PATH}, {@code HF_ENDPOINT}, {@code HF_HUB_OFFLINE}, and the
 * proxies from {@code HTTPS_PROXY} and similar variables.
 *
 * <p>Thread-safe; two threads or processes that ask for the same repository download it once.
 */
public final class HuggingFaceHub {
    private static final Logger LOG = LoggerFactory.getLogger(HuggingFaceHub.class);
    private static final int LISTING_ATTEMPTS_MAX = 3;

    private final HubSettings settings;
    private final DownloadListener listener;

    HuggingFaceHub(HubSettings settings, DownloadListener listener) {
        this.settings = settings;
        this.listener = listener;
    }

    /** The hub as the environment variables say. */
    public static HuggingFaceHub fromEnvironment() {
        return builder().build();
    }

    /** A hub with settings. */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Finds a model, and downloads what is missing of it.
     *
     * @param name path of a folder, which wins if it exists; else {@code owner/name} or {@code owner/name@revision},
     *     where a revision is a branch, a tag or a commit, by default {@code main}. A branch is asked for on the hub
     *     each time; where the hub does not answer, the snapshot that was downloaded last is used with a warning
     * @throws ModelNotFoundException if there is neither folder nor repository; the message lists the searched places
     * @throws AuthenticationException if the hub requires a token, or a different one
     * @throws InvalidRequestException if the repository contains no supported model, or the disk is full
     * @throws dev.langchain4j.exception.RateLimitException if the hub limits the rate of requests
     * @throws InternalServerException if the hub, the network or the disk fails
     */
    public LocatedModel locate(String name) {
        Path folder = folder(name);
        if (folder != null && Files.isDirectory(folder)) {
            return LocatedModel.of(folder);
        }
        String noFolder = folder == null
                ? ""
                : "there is no folder " + folder.toAbsolutePath().normalize();
        Optional<RepositoryId> id = RepositoryId.parse(name);
        if (id.isEmpty()) {
            throw new ModelNotFoundException("no model \"" + name + "\": " + (folder == null ? "" : noFolder + ", and ")
                    + "it is not a repository id, which is " + RepositoryId.RULE);
        }
        try {
            return new LocatedModel(name, fetch(id.get(), noFolder));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InternalServerException("interrupted while downloading " + name, e);
        } catch (UncheckedIOException e) {
            throw diskFailure(e.getCause());
        } catch (IOException e) {
            throw diskFailure(e);
        }
    }

    /**
     * The models in the cache, complete or not, by name, without network access. Damaged and unrelated folders are
     * skipped.
     */
    public List<CachedModel> cached() {
        return CacheListing.of(settings.cacheFolder());
    }

    private static Path folder(String name) {
        try {
            return name == null || name.isBlank() ? null : Path.of(name);
        } catch (InvalidPathException e) {
            return null;
        }
    }

    private Path fetch(RepositoryId id, String noFolder) throws IOException, InterruptedException {
        HubCache cache = new HubCache(settings.cacheFolder(), id);
        Optional<Path> kept = cache.completeSnapshot();
        if (kept.isPresent() && (settings.offline() || id.namesCommit() && cache.isVerified(id.revision()))) {
            return kept.get();
        }
        String places = "no model \"" + id + "\": " + noFolder + "; " + inCache(cache) + "; ";
        if (settings.offline()) {
            throw new ModelNotFoundException(places + "and offline mode is on. Unset HF_HUB_OFFLINE, or run"
                    + " with a network: hf download " + id.repository());
        }
        try (HubHttp http = new HubHttp(settings)) {
            HubClient client = new HubClient(
                    settings, http, id, kept.isPresent() ? 1 : Math.min(settings.attempts(), LISTING_ATTEMPTS_MAX));
            String commit;
            List<RemoteFile> files;
            try {
                commit = client.commit();
                files = client.files(commit);
            } catch (LangChain4jException e) {
                if (kept.isPresent() && !(e instanceof InvalidRequestException)) {
                    LOG.warn("using the last downloaded snapshot of {}: {}", id, e.getMessage());
                    return kept.get();
                }
                throw HubErrors.prefixed(places, e);
            }
            RepositoryDownload download = new RepositoryDownload(settings, client, cache, id, commit, files);
            if (download.isComplete()) {
                noteIfWritable(cache, download);
                return cache.snapshot(commit);
            }
            cache.createFolders();
            try (RepositoryLock lock = RepositoryLock.acquire(cache.lockFile())) {
                return download.run(listener);
            }
        }
    }

    private static void noteIfWritable(HubCache cache, RepositoryDownload download) {
        try {
            cache.createFolders();
            download.note();
        } catch (IOException e) {
            LOG.debug("the cache {} cannot be written to: {}", cache.folder(), e.toString());
        }
    }

    private static String inCache(HubCache cache) {
        Optional<Path> snapshot = cache.commit().map(cache::snapshot).filter(Files::isDirectory);
        return snapshot.map(s -> "the cache has " + s + " without " + String.join(", ", HubCache.missing(s)))
                .orElseGet(() -> "the cache has nothing in " + cache.folder());
    }

    private InternalServerException diskFailure(IOException e) {
        return new InternalServerException(
                "cannot write to the cache folder " + settings.cacheFolder() + " (" + e
                        + "): set HF_HUB_CACHE to a folder that may be written to",
                e);
    }

    /** Settings of a hub. */
    public static final class Builder {
        private static final int CONNECTIONS_MAX = 64;
        private static final long SEGMENT_BYTES = 8L << 20;

        private final HubEnvironment environment = HubEnvironment.ofProcess();
        private URI endpoint;
        private String token;
        private Path cacheFolder;
        private Boolean offline;
        private Integer connections;
        private DownloadListener listener = progress -> {};

        private Builder() {}

        /** Address of the hub or of a mirror. Default: {@code HF_ENDPOINT}, else {@code https://huggingface.co}. */
        public Builder endpoint(String address) {
            this.endpoint = address == null ? null : HubEnvironment.endpoint("endpoint", address);
            return this;
        }

        /**
         * Token for repositories that need one; it is sent to the endpoint and nowhere else. Default: {@code HF_TOKEN},
         * else the file {@code HF_TOKEN_PATH}, else that of {@code hf auth login}.
         */
        public Builder token(String secret) {
            this.token = secret;
            return this;
        }

        /** Folder of the cache. Default: {@code HF_HUB_CACHE}, else {@code hub} in {@code HF_HOME}. */
        public Builder cacheFolder(Path folder) {
            this.cacheFolder = folder;
            return this;
        }

        /** Whether only folders and the cache are used. Default: {@code HF_HUB_OFFLINE}. */
        public Builder offline(Boolean only) {
            this.offline = only;
            return this;
        }

        /** Maximum number of connections at once, from 1 to 64. Default: 8. */
        public Builder connections(Integer count) {
            this.connections = count;
            return this;
        }

        /** Receives the progress of downloads. Default: none. */
        public Builder listener(DownloadListener downloadListener) {
            this.listener = downloadListener == null ? progress -> {} : downloadListener;
            return this;
        }

        /**
         * Makes the hub, without network access.
         *
         * @throws InvalidRequestException if a setting or an environment variable is not valid
         */
        public HuggingFaceHub build() {
            if (connections != null && (connections < 1 || connections > CONNECTIONS_MAX)) {
                throw new InvalidRequestException(
                        "connections (" + connections + ") must be from 1 to " + CONNECTIONS_MAX);
            }
            String secret = token != null ? token : environment.token();
            if (secret != null && !secret.matches("[!-~]+")) {
                throw new InvalidRequestException("token (not shown) must be of visible ASCII characters");
            }
            HubSettings settings = new HubSettings(
                    endpoint != null ? endpoint : environment.endpoint(),
                    secret,
                    (cacheFolder != null ? cacheFolder : environment.cacheFolder()).toAbsolutePath(),
                    offline != null ? offline : environment.offline(),
                    connections != null ? connections : 8,
                    SEGMENT_BYTES,
                    6,
                    Duration.ofMillis(500),
                    Duration.ofSeconds(60),
                    Duration.ofSeconds(30),
                    EnvironmentProxies.ofProcess(),
                    true,
                    folder -> Files.getFileStore(folder).getUsableSpace());
            return new HuggingFaceHub(settings, listener);
        }
    }
}
