package dev.langchain4j.model.mlx.ranks;

import dev.langchain4j.mlx.PeerSockets;
import java.util.function.LongSupplier;

/**
 * Looks from a thread of its own whether the other ranks are still there, for the model's thread cannot: a native call
 * that waits for a rank that is gone may never return. A connection that the other end closed shows at once, a rank
 * that does not answer when a step takes too long.
 */
final class Watch implements AutoCloseable {
    private static final long LOOK_EVERY_MILLIS = 50;

    /** A failed computation may show before the closed connection that it comes from. */
    private static final int LOOKS_AFTER_FAILURE = 10;

    private final RankSettings settings;
    private final PeerSockets sockets;
    private final LongSupplier nanosInStep;
    private final Lost lost;
    private final Runnable idle;
    private final Thread thread;
    private volatile boolean closed;

    /** Hears, once, that a rank is lost. */
    interface Lost {
        void accept(RankLostException cause);
    }

    /**
     * Begins to look.
     *
     * @param nanosInStep how long the step in hand has been taking; 0 if there is none
     * @param idle is called whenever nothing was found
     */
    Watch(RankSettings settings, PeerSockets sockets, LongSupplier nanosInStep, Lost lost, Runnable idle) {
        this.settings = settings;
        this.sockets = sockets;
        this.nanosInStep = nanosInStep;
        this.lost = lost;
        this.idle = idle;
        this.thread = Thread.ofPlatform().daemon().name("mlx-ranks").start(this::look);
    }

    private void look() {
        while (!closed) {
            RankLostException found = find();
            if (found != null && !closed) {
                lost.accept(found);
                return;
            }
            idle.run();
            try {
                Thread.sleep(LOOK_EVERY_MILLIS);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    /** Why a computation failed: the rank that is lost, if one is noticed to be in the next moment. */
    RankLostException explain(Throwable failure) {
        try {
            for (int i = 0; i < LOOKS_AFTER_FAILURE; i++) {
                RankLostException found = find();
                if (found != null) {
                    return found;
                }
                Thread.sleep(LOOK_EVERY_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return new RankLostException("a step failed on rank " + settings.rank() + ": " + failure.getMessage());
    }

    private RankLostException find() {
        int peer = sockets.closedPeer();
        if (peer >= 0) {
            String behind = settings.size() > 2 ? ", itself or because it lost another one, as its log says" : "";
            return new RankLostException(settings.describe(peer) + " closed its connection" + behind);
        }
        return nanosInStep.getAsLong() > settings.timeout().toNanos()
                ? new RankLostException(settings.describeOthers() + " did not answer within "
                        + settings.timeout().toMillis() + " ms")
                : null;
    }

    /** Ends it. Idempotent. */
    @Override
    public void close() {
        closed = true;
        if (Thread.currentThread() != thread) {
            thread.interrupt();
        }
    }
}
