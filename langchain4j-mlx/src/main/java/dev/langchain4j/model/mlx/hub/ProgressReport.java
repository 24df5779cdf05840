package dev.langchain4j.model.mlx.hub;

import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Adds up what the threads of a download bring, and tells the listener now and then. Thread-safe. */
final class ProgressReport {
    private static final Logger LOG = LoggerFactory.getLogger(ProgressReport.class);
    private static final long PAUSE_NANOS = Duration.ofMillis(100).toNanos();

    private final DownloadListener listener;
    private final String repository;
    private final long bytesTotal;
    private final int filesTotal;
    private long bytesDone;
    private int filesDone;
    private long told;

    ProgressReport(DownloadListener listener, String repository, long bytesDone, long bytesTotal, int filesTotal) {
        this.listener = listener;
        this.repository = repository;
        this.bytesDone = bytesDone;
        this.bytesTotal = bytesTotal;
        this.filesTotal = filesTotal;
    }

    synchronized void begin(String file) {
        tell(file);
    }

    synchronized void bytes(String file, long bytes) {
        bytesDone += bytes;
        if (System.nanoTime() - told >= PAUSE_NANOS) {
            tell(file);
        }
    }

    synchronized void fileDone(String file) {
        filesDone++;
        tell(file);
    }

    private void tell(String file) {
        told = System.nanoTime();
        try {
            listener.onProgress(new DownloadProgress(repository, file, bytesDone, bytesTotal, filesDone, filesTotal));
        } catch (RuntimeException e) {
            LOG.warn("the download listener failed", e);
        }
    }
}
