package dev.langchain4j.model.mlx;

import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.model.mlx.cache.disk.DiskKeys;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import java.nio.file.Path;
import java.util.Objects;

/**
 * The settings of {@link MlxModel.Builder} for the size and the location of the prompt cache.
 *
 * @param <B> the builder itself
 */
public abstract class MlxCacheSettings<B extends MlxCacheSettings<B>> extends MlxRequestLimits<B> {
    private CacheLimits cacheLimits;
    private DiskCache disk = DiskCache.NONE;

    MlxCacheSettings() {}

    CacheLimits cacheLimits() {
        return cacheLimits;
    }

    DiskCache disk() {
        return disk.over(cluster);
    }

    /**
     * The limits of the prompt cache, including running requests. Default: a share of the memory that the weights of
     * all models leave: half of it for one model, a third for each of two, and so on; it changes when models are loaded
     * and closed. Explicit limits apply unchanged, except for native buffers, which are always shared. {@code
     * entriesMax} 0 stores nothing.
     */
    public B cacheLimits(CacheLimits limits) {
        this.cacheLimits = limits;
        return self();
    }

    /**
     * Also keeps the prompt cache in a folder, so that prefixes survive a restart. For a model that is split over
     * ranks, rank 0 keeps it for all, and the others ignore this setting. Default: none.
     */
    public B diskCache(Path folder, DiskLimits limits) {
        this.disk = disk.in(Objects.requireNonNull(folder, "folder"), Objects.requireNonNull(limits, "limits"));
        return self();
    }

    /** Encrypts what {@link #diskCache} writes, with a key for each memory ID. Default: null, files are unencrypted. */
    public B diskKeys(DiskKeys keys) {
        this.disk = disk.with(keys);
        return self();
    }

    /**
     * A folder of prefixes that ships with the application: the folder of an unencrypted {@link #diskCache} that {@link
     * MlxModel#warm} filled, with the same model, dtype, KV format, device and version of MLX. It is never written or
     * locked, so it may be on a read-only file system and serve several JVMs. A folder without prefixes of this model
     * is ignored, with a warning. Default: null, none.
     */
    public B sharedPrefixes(Path folder) {
        this.disk = disk.reading(folder);
        return self();
    }
}
