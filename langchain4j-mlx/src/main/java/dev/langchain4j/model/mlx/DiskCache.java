package dev.langchain4j.model.mlx;

import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.model.mlx.cache.CacheKey;
import dev.langchain4j.model.mlx.cache.DiskTier;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import dev.langchain4j.model.mlx.cache.disk.DiskStore;
import java.nio.file.Path;
import java.util.Objects;

/**
 * Where and how much a model keeps on disk.
 *
 * @param folder has a folder for each identity of a model
 */
record DiskCache(Path folder, DiskLimits limits) {
    DiskCache {
        Objects.requireNonNull(folder, "folder");
        Objects.requireNonNull(limits, "limits");
    }

    /** Opens the tier of a loaded model; one that cannot be opened is off, and says why. */
    DiskTier open(CacheKey key, MlxThread owner, int gridTokens) {
        String identity = ModelIdentity.of(key, owner, gridTokens);
        DiskStore store =
                owner.call(() -> DiskStore.open(folder.toAbsolutePath(), identity, limits, DiskStore.Clock.SYSTEM));
        return new DiskTier(store, limits, new NamedMemoryIds(), owner, System::nanoTime);
    }
}
