package dev.langchain4j.model.mlx.hub;

/** Receives the progress of a download. */
@FunctionalInterface
public interface DownloadListener {

    /**
     * Called when a download begins, at most ten times a second while bytes come, and after each complete file; the
     * last call has {@link DownloadProgress#done()}. Calls come one at a time, from the threads that download, which
     * wait for it. What it throws is logged and changes nothing.
     */
    void onProgress(DownloadProgress progress);
}
