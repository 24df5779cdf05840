package dev.langchain4j.model.mlx.hub;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Closes streams whose readers wait too long for a byte, which wakes up the readers: Java's HTTP client knows a limit
 * for the headers of an answer only.
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
    private final class Watched extends FilterInputStream {
        private static final long NOT_READING = 0;

        private volatile long readingSince = NOT_READING;
        private volatile boolean stalled;

        private Watched(InputStream stream) {
            super(stream);
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] buffer, int offset, int length) throws IOException {
            long now = System.nanoTime();
            readingSince = now == NOT_READING ? 1 : now;
            try {
                int n = in.read(buffer, offset, length);
                if (n < 0 && stalled) {
                    throw stalled();
                }
                return n;
            } catch (IOException e) {
                throw stalled ? stalled() : e;
            } finally {
                readingSince = NOT_READING;
            }
        }

        private boolean waitsTooLong(long now) {
            long since = readingSince;
            return since != NOT_READING && now - since > limitNanos;
        }

        private IOException stalled() {
            return new HttpTimeoutException(
                    "no bytes arrived for " + Duration.ofNanos(limitNanos).toMillis() + " ms");
        }

        @Override
        public void close() throws IOException {
            streams.remove(this);
            super.close();
        }
    }

    InputStream watch(InputStream stream) {
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
                    if (watched.waitsTooLong(now)) {
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
