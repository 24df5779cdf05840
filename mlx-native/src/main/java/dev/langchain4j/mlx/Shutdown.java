package dev.langchain4j.mlx;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Sees to it that nothing computes any more when the JVM ends. The C library then takes down the thread pools of MLX and
 * BLAS; a computation under way at that moment ends the process with a crash, or keeps it from ending at all.
 */
final class Shutdown {
    private static final long PATIENCE_NANOS = 5_000_000_000L;
    private static final long LOOK_EVERY_MILLIS = 2;
    private static final Set<OwnerThread> THREADS = ConcurrentHashMap.newKeySet();
    private static volatile boolean begun;
    /** Registered while there are threads: the JVM holds it, and with it these classes and their loader. */
    private static Thread hook;

    private Shutdown() {}

    static synchronized void add(OwnerThread thread) {
        THREADS.add(thread);
        if (hook == null && !begun) {
            try {
                hook = new Thread(Shutdown::run, "mlx-shutdown");
                Runtime.getRuntime().addShutdownHook(hook);
            } catch (IllegalStateException e) {
                begun = true;
            }
        }
    }

    static synchronized void remove(OwnerThread thread) {
        THREADS.remove(thread);
        if (hook != null && THREADS.isEmpty() && !begun) {
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
                hook = null;
            } catch (IllegalStateException e) {
                begun = true;
            }
        }
    }

    static boolean hasBegun() {
        return begun;
    }

    /**
     * To be called before something is computed.
     *
     * @throws MlxException if the JVM is ending
     */
    static void check() {
        if (begun) {
            throw new MlxException("the JVM is shutting down");
        }
    }

    /** To be called after a task: waits for what it left to be computed, if the JVM is ending. */
    static void settle(OwnerThread thread) {
        if (begun && thread.stream != 0) {
            thread.settle();
        }
    }

    private static void run() {
        begun = true;
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        for (OwnerThread thread : THREADS) {
            while (thread.busy && thread.isAlive() && System.nanoTime() < deadline) {
                try {
                    Thread.sleep(LOOK_EVERY_MILLIS);
                } catch (InterruptedException e) {
                    return;
                }
            }
        }
    }
}
