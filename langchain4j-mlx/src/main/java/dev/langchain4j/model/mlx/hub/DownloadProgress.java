package dev.langchain4j.model.mlx.hub;

/**
 * The progress of a download.
 *
 * @param repository the repository id, with its revision if that is not main
 * @param file the file that bytes came for last, relative to the repository
 * @param bytesDone bytes that are on disk, those of earlier attempts included; may shrink when a file turns out corrupt
 * @param bytesTotal bytes of all files that were missing when the download began
 * @param filesDone files that are complete and verified
 * @param filesTotal files that were missing when the download began
 */
public record DownloadProgress(
        String repository, String file, long bytesDone, long bytesTotal, int filesDone, int filesTotal) {

    /** Whether every file is complete and verified. */
    public boolean done() {
        return filesDone == filesTotal;
    }
}
