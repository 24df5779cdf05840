package dev.langchain4j.model.mlx.cache.disk;

import javax.crypto.SecretKey;

/**
 * Provides the keys of an encrypted prompt cache on disk: one for each memory ID, and one for data of no memory ID.
 * When a key is no longer provided, the data that it encrypts is unreadable, also in copies of the files: deleting the
 * key of a memory ID deletes its data.
 *
 * <p>Called by the thread of the model and by the writing thread, so it must be thread-safe and return at once. An
 * implementation with a key server should request keys in advance, or cache them. A result is valid for a second.
 */
@FunctionalInterface
public interface DiskKeys {

    /**
     * The key of a memory ID.
     *
     * @param memoryId as the application knows it, that of {@code @MemoryId} for example; null asks for the key of what
     *     belongs to no memory ID, and of the list of memory IDs. That one is asked for when the model is loaded, and
     *     without it nothing is kept on disk
     * @return at least 16 bytes, which {@link SecretKey#getEncoded()} must give, of any algorithm: keys for AES-GCM
     *     with 256 bits are derived from them. Null if there is no such key, or none any more: then nothing is written
     *     for this memory ID, and what there is is not read. What is thrown means the same, and is logged once
     */
    SecretKey key(Object memoryId);
}
