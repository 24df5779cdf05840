package dev.langchain4j.model.mlx.cache.disk;

import dev.langchain4j.Internal;

/**
 * What a user needs: a record up to this position, and all that it stands on.
 *
 * @param end a position of the record, its end at most
 */
@Internal
public record Need(DiskRecord record, int end) {
    /** A whole record. */
    public static Need whole(DiskRecord record) {
        return new Need(record, record.end());
    }
}
