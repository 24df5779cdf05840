package dev.langchain4j.mlx;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Sees to it that nothing computes any more when the JVM ends. The C library then takes down the thread pools of MLX
 * and BLAS; a computation under way at that moment ends the process with a crash, or keeps it from ending at all.
 *
 * <p>First, what is queued may end, for as long as the grace period of its thread. Then threads are halted: what
 * computes fails at its next step.
 */
final class Shutdown {
    /** How long halted threads are waited for. */
    private static final long PATIENCE_NANOS = 5_000_000_000L;

    /** How long callers have to pass on the last results, which they may have got in this moment. */
    private static final long LINGER_MILLIS = 200;

    private static final long LOOK_EVERY_MILLIS = 2;
    private static final Set<OwnerThread> THREADS = ConcurrentHashMap.newKeySet();
    private static volatile boolean begun;
    private static volatile boolean halting;
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
                halting = true;
            }
        }
        if (halting) {
            thread.halted = true;
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

    /** Whether the JVM is ending. */
    static boolean hasBegun() {
        return begun;
    }

    /**
     * To be called before something is computed.
     *
     * @throws MlxException if the thread was halted
     */
    static void check(OwnerThread thread) {
        if (thread.halted) {
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
        long start = System.nanoTime();
        begun = true;
        try {
            boolean worked = false;
            while (anyWorks(start)) {
                worked = true;
                Thread.sleep(LOOK_EVERY_MILLIS);
            }
            if (worked) {
                Thread.sleep(LINGER_MILLIS);
            }
            halting = true;
            THREADS.forEach(thread -> thread.halted = true);
            long deadline = System.nanoTime() + PATIENCE_NANOS;
            while (THREADS.stream().anyMatch(Shutdown::works) && System.nanoTime() < deadline) {
                Thread.sleep(LOOK_EVERY_MILLIS);
            }
        } catch (InterruptedException e) {
            halting = true;
            THREADS.forEach(thread -> thread.halted = true);
        }
    }

    /** Whether a thread works within its grace period; those that are beyond theirs are halted. */
    private static boolean anyWorks(long start) {
        boolean any = false;
        for (OwnerThread thread : THREADS) {
            if (works(thread)) {
                boolean inTime = System.nanoTime() - start < thread.graceNanos;
                thread.halted = !inTime;
                any |= inTime;
            }
        }
        return any;
    }

    private static boolean works(OwnerThread thread) {
        return thread.isAlive() && thread.abandoned == null && thread.pending.get() > 0;
    }
}
