package dev.langchain4j.model.mlx.hub;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Closes streams that nothing comes from any more, which wakes up their readers: Java's HTTP client knows a limit for the
 * headers of an answer only.
 */
final class StallWatch implements AutoCloseable {
    private final long limitNanos;
    private final Set<Watched> streams = ConcurrentHashMap.newKeySet();
    private final Thread thread;

    StallWatch(Duration limit) {
        limitNanos = limit.toNanos();
        long pauseMillis = Math.clamp(limit.toMillis() / 4, 1, 1000);
        thread = Thread.ofVirtual().name("mlx-hub-watch").start(() -> watch(pauseMillis));
    }

    /** A stream under watch. */
    final class Watched implements AutoCloseable {
        private final InputStream stream;
        private volatile long lastRead = System.nanoTime();
        private volatile boolean stalled;

        private Watched(InputStream stream) {
            this.stream = stream;
        }

        /** As {@link InputStream#read(byte[], int, int)}. */
        int read(byte[] buffer, int length) throws IOException {
            try {
                int n = stream.read(buffer, 0, length);
                lastRead = System.nanoTime();
                if (n < 0 && stalled) {
                    throw stalled();
                }
                return n;
            } catch (IOException e) {
                throw stalled ? stalled() : e;
            }
        }

        private IOException stalled() {
            return new BrokenTransferException(
                    "nothing came for " + Duration.ofNanos(limitNanos).toMillis() + " ms");
        }

        @Override
        public void close() throws IOException {
            streams.remove(this);
            stream.close();
        }
    }

    Watched watch(InputStream stream) {
        Watched watched = new Watched(stream);
        streams.add(watched);
        return watched;
    }

    private void watch(long pauseMillis) {
        try {
            while (true) {
                Thread.sleep(pauseMillis);
                long now = System.nanoTime();
                for (Watched watched : streams) {
                    if (now - watched.lastRead > limitNanos) {
                        watched.stalled = true;
                        close(watched);
                    }
                }
            }
        } catch (InterruptedException e) {
            // close() ends the watch.
        }
    }

    private static void close(Watched watched) {
        try {
            watched.close();
        } catch (IOException e) {
            // The stream was broken already, and its reader knows.
        }
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
