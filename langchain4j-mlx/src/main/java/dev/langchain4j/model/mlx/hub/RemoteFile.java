package dev.langchain4j.model.mlx.hub;

/**
 * A file of a commit as the hub lists it.
 *
 * @param path names with slashes between them, relative
 * @param size bytes
 * @param checksum what its content must add up to; also the name of its blob
 */
record RemoteFile(String path, long size, Checksum checksum) {
    String blobName() {
        return checksum.hex();
    }
}
