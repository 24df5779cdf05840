package dev.langchain4j.model.mlx.samples;

import dev.langchain4j.model.mlx.hub.DownloadListener;
import dev.langchain4j.model.mlx.hub.DownloadProgress;
import java.io.PrintStream;
import java.util.Locale;

/** Draws a download as a bar in a terminal, or says every tenth of it on a line where there is none. */
final class DownloadBar implements DownloadListener {
    private static final int WIDTH = 30;

    private final PrintStream out;
    private final boolean terminal;
    private final long begin = System.nanoTime();
    private long bytesAtBegin = -1;
    private int tenths = -1;

    DownloadBar(PrintStream out, boolean terminal) {
        this.out = out;
        this.terminal = terminal;
    }

    @Override
    public void onProgress(DownloadProgress p) {
        bytesAtBegin = bytesAtBegin < 0 ? p.bytesDone() : bytesAtBegin;
        double share = p.bytesTotal() == 0 ? 1 : (double) p.bytesDone() / p.bytesTotal();
        if (terminal) {
            int full = (int) (share * WIDTH);
            String bar = "#".repeat(full) + ".".repeat(WIDTH - full);
            out.print("\r" + p.repository() + " [" + bar + "] " + numbers(p, share) + (p.done() ? "\n" : ""));
            out.flush();
        } else if ((int) (share * 10) > tenths || p.done()) {
            tenths = (int) (share * 10);
            out.println(
                    "downloading " + p.repository() + ": " + numbers(p, share).strip());
        }
    }

    private String numbers(DownloadProgress p, double share) {
        double seconds = Math.max(1e-3, (System.nanoTime() - begin) / 1e9);
        double rate = (p.bytesDone() - bytesAtBegin) / seconds;
        return String.format(
                Locale.ROOT,
                "%3.0f%% of %s, %s/s, %d of %d files  ",
                share * 100,
                size(p.bytesTotal()),
                size(rate),
                p.filesDone(),
                p.filesTotal());
    }

    private static String size(double bytes) {
        return bytes >= 1e9
                ? String.format(Locale.ROOT, "%.2f GB", bytes / 1e9)
                : String.format(Locale.ROOT, "%.1f MB", bytes / 1e6);
    }
}
