package dev.langchain4j.model.mlx.cache.disk;

import javax.crypto.SecretKey;

/**
 * Gives the keys with which the prompt cache on disk is encrypted: one for each memory ID, and one for what belongs to none.
 * A key that is not given any more makes what was encrypted with it unreadable, also in copies of the files: whoever deletes
 * the key of a memory ID has deleted what was written for it.
 *
 * <p>Asked by the thread of the model and by the one that writes, so it has to be thread-safe, and to answer at once: one
 * that asks a server should do so before, or keep what it was told. An answer holds for a second.
 */
@FunctionalInterface
public interface DiskKeys {

    /**
     * The key of a memory ID.
     *
     * @param memoryId as the application knows it, that of {@code @MemoryId} for example; null asks for the key of what
     *     belongs to no memory ID, and of the list of memory IDs. That one is asked for when the model is loaded, and
     *     without it nothing is kept on disk
     * @return at least 16 bytes, which {@link SecretKey#getEncoded()} must give, of any algorithm: keys for AES-GCM with 256
     *     bits are derived from them. Null if there is no such key, or none any more: then nothing is written for this
     *     memory ID, and what there is is not read. What is thrown means the same, and is logged once
     */
    SecretKey key(Object memoryId);
}
