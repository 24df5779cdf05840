package dev.langchain4j.model.mlx;

import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.model.mlx.cache.CacheKey;
import dev.langchain4j.model.mlx.cache.ConversationKey;
import dev.langchain4j.model.mlx.cache.DiskTier;
import dev.langchain4j.model.mlx.cache.MemoryIdNames;
import dev.langchain4j.model.mlx.cache.disk.DiskKeys;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import dev.langchain4j.model.mlx.cache.disk.DiskStore;
import dev.langchain4j.model.mlx.cache.disk.SharedPrefixes;
import java.nio.file.Path;
import java.util.function.Function;
import javax.crypto.SecretKey;

/**
 * Where and how much a model keeps on disk.
 *
 * @param folder has a folder for each identity of a model; null if nothing is written
 * @param limits of that folder
 * @param keys encrypt it; null for files in clear
 * @param prefixes the same kind of folder, read only; null for none
 * @param ranks how many processes have a share of what is kept
 */
record DiskCache(Path folder, DiskLimits limits, DiskKeys keys, Path prefixes, int ranks) {
    static final DiskCache NONE = new DiskCache(null, DiskLimits.ofBytes(1 << 20), null, null, 1);

    DiskCache in(Path newFolder, DiskLimits newLimits) {
        return new DiskCache(newFolder, newLimits, keys, prefixes, ranks);
    }

    DiskCache with(DiskKeys newKeys) {
        return new DiskCache(folder, limits, newKeys, prefixes, ranks);
    }

    DiskCache reading(Path newPrefixes) {
        return new DiskCache(folder, limits, keys, newPrefixes, ranks);
    }

    DiskCache over(MlxCluster cluster) {
        return cluster == null ? this : new DiskCache(folder, limits, keys, prefixes, cluster.size());
    }

    /** Opens the tier of a loaded model; what cannot be opened is off, and says why. Null if there is none. */
    DiskTier open(CacheKey key, MlxThread owner, int gridTokens) {
        if (folder == null && prefixes == null) {
            return null;
        }
        String identity = ModelIdentity.of(key, owner, gridTokens);
        MemoryIdNames names = new NamedMemoryIds();
        return owner.call(() -> {
            DiskStore store = folder == null ? DiskStore.none() : open(identity, names);
            try {
                SharedPrefixes shared = prefixes == null
                        ? SharedPrefixes.none()
                        : SharedPrefixes.open(prefixes.toAbsolutePath(), identity);
                return new DiskTier(store, shared, limits, names, owner, ranks, System::nanoTime);
            } catch (Throwable e) {
                store.close();
                throw e;
            }
        });
    }

    private DiskStore open(String identity, MemoryIdNames names) {
        Function<byte[], SecretKey> byName = keys == null ? null : name -> keys.key(memoryId(name, names));
        return DiskStore.open(folder.toAbsolutePath(), identity, limits, DiskStore.Clock.SYSTEM, byName);
    }

    /** The memory ID as the application knows it. */
    private static Object memoryId(byte[] name, MemoryIdNames names) {
        Object id = name == null ? null : names.id(name);
        return id instanceof ConversationKey of ? of.id() : id;
    }
}
