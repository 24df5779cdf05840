package dev.langchain4j.mlx;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.BlockingDeque;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingDeque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The one platform thread that makes all native calls of a model. MLX binds streams, and with them every array that is
 * not yet evaluated, to the thread that made them; arrays made here are usable here only.
 *
 * <p>Tasks run one after the other in the order in which they came, but for {@link #executeNext}. All methods may be
 * called from any thread. When the JVM shuts down, tasks have a grace period to end in; after it, one that computes
 * fails with an {@link MlxException} at its next step, so that the JVM can end.
 */
public final class MlxThread implements Executor, AutoCloseable {
    private static final Runnable STOP = () -> {};
    /** How often somebody who waits for the end looks whether the thread was abandoned. */
    private static final long ABANDONED_LOOK_MILLIS = 100;

    private static final Set<OwnerThread> ABANDONED = ConcurrentHashMap.newKeySet();

    private final BlockingDeque<Runnable> tasks = new LinkedBlockingDeque<>();
    private final OwnerThread thread;
    private final Device device;
    private boolean closed;
    /** The last task; set before STOP is queued. */
    private Runnable end;
    /** Whether {@link #close} was called on this thread, which then has nobody to tell what the last task throws. */
    private boolean endedByItself;

    private MlxThread(String name, Device device) {
        this.device = device;
        this.thread = new OwnerThread(name, this::work);
    }

    /** Starts a thread for the best device of this machine. */
    public static MlxThread start(String name) {
        return start(name, Device.best());
    }

    /**
     * Starts a thread for a device.
     *
     * @throws MlxException if MLX gives no stream for it
     */
    public static MlxThread start(String name, Device device) {
        MlxThread started = new MlxThread(name, device);
        started.thread.start();
        try {
            started.run(() -> OwnerThread.current().openStreams(device));
        } catch (Throwable e) {
            started.close();
            throw e;
        }
        return started;
    }

    /** Where this thread computes. */
    public Device device() {
        return device;
    }

    /** Whether the caller runs on this thread. */
    public boolean isCurrent() {
        return Thread.currentThread() == thread;
    }

    /**
     * Runs a task on this thread and waits for it; at once if this is the current thread. What the task throws is
     * thrown here. If the waiting thread is interrupted, a task that has not begun is dropped; one that has is waited
     * for.
     *
     * @throws IllegalStateException if this thread was closed
     * @throws CancellationException if the waiting thread was interrupted before the task began; it is interrupted
     *     again
     */
    public <T> T call(Callable<T> task) {
        if (isCurrent()) {
            try {
                return task.call();
            } catch (Exception e) {
                throw unchecked(e);
            }
        }
        CompletableFuture<T> answer = new CompletableFuture<>();
        Runnable queued = () -> {
            try {
                answer.complete(task.call());
            } catch (Throwable e) {
                answer.completeExceptionally(e);
            }
        };
        execute(queued);
        return await(queued, answer);
    }

    /** Like {@link #call}, without a result. */
    public void run(Runnable task) {
        call(() -> {
            task.run();
            return null;
        });
    }

    /**
     * Queues a task. What it throws goes to the thread's uncaught exception handler, and the thread lives on.
     *
     * @throws IllegalStateException if this thread was closed, unless the caller runs on it: a task may always go on
     *     in another one
     */
    @Override
    public void execute(Runnable task) {
        synchronized (tasks) {
            checkNotAbandoned();
            if (closed && !isCurrent()) {
                throw new IllegalStateException("MlxThread \"" + thread.getName() + "\" is closed");
            }
            thread.pending.incrementAndGet();
            tasks.add(task);
        }
    }

    /**
     * Queues a task behind the one that is next, before all others that wait. So a task that takes turns with others
     * waits for one of them, however many there are.
     *
     * @throws IllegalStateException as {@link #execute} does
     */
    public void executeNext(Runnable task) {
        synchronized (tasks) {
            execute(task);
            // In between, this thread may take one of the two; it is the order that changes then, and nothing else.
            Runnable next = tasks.peekFirst();
            if (next != task && tasks.removeLastOccurrence(task)) {
                tasks.addFirst(task);
                if (tasks.removeFirstOccurrence(next)) {
                    tasks.addFirst(next);
                }
            }
        }
    }

    /**
     * A computation in steps, between which other tasks of the thread run. All its methods are called on the thread.
     */
    public interface Steps<T> extends AutoCloseable {
        /** Computes a step; gives the result if it was the last one, else null. */
        T step();

        /** Frees what the steps left; called once, after the last one, or when there will be no more. */
        @Override
        void close();
    }

    /**
     * Computes something in steps and waits for it. What a step throws is thrown here. If the waiting thread is
     * interrupted, no more steps begin.
     *
     * @throws IllegalStateException if this thread was closed
     * @throws CancellationException if the waiting thread was interrupted; it is interrupted again
     */
    public <T> T callInSteps(Steps<T> steps) {
        SteppedTask<T> task = new SteppedTask<>(this, steps);
        if (isCurrent()) {
            task.runAll();
        } else {
            execute(task);
        }
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return task.answer.get(ABANDONED_LOOK_MILLIS, TimeUnit.MILLISECONDS);
                } catch (TimeoutException e) {
                    checkNotAbandoned();
                } catch (InterruptedException e) {
                    interrupted = true;
                    task.cancelled = true;
                } catch (ExecutionException e) {
                    throw unchecked(e.getCause());
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Whether tasks wait: one that could go on for long lets them run by queuing its rest behind them. */
    public boolean hasWaiting() {
        return !tasks.isEmpty();
    }

    /** How long tasks may go on when the JVM shuts down. Default: 5 seconds. Zero ends them at their next step. */
    public void gracePeriod(Duration period) {
        thread.graceNanos = TimeUnit.NANOSECONDS.convert(period);
    }

    /** Whether it was told to end; tasks that were queued before may still run. */
    public boolean isClosed() {
        synchronized (tasks) {
            return closed;
        }
    }

    /** Whether the JVM is shutting down: what runs may end within the grace period, nothing new should begin. */
    public static boolean isShuttingDown() {
        return Shutdown.hasBegun();
    }

    /** Whether a thread of this process was given up, and has not ended since: {@link #abandon}. */
    static boolean isAnyAbandoned() {
        ABANDONED.removeIf(thread -> !thread.isAlive());
        return !ABANDONED.isEmpty();
    }

    /** Whether the grace period is over: nothing is computed here any more. */
    public boolean isHalted() {
        return thread.halted;
    }

    /** Nanoseconds that the task in hand has been running for; 0 if none runs. */
    public long nanosInTask() {
        long began = thread.taskBegan;
        return began == 0 ? 0 : System.nanoTime() - began;
    }

    /**
     * Gives the thread up because a native call in it does not return: nothing waits for it any more, neither
     * {@link #close} nor the end of the JVM, and what belongs to it stays in memory until then. Tasks that wait may
     * never run.
     *
     * @param cause is thrown to those who wait for a task, and to those who come later
     */
    public void abandon(RuntimeException cause) {
        thread.abandoned = cause;
        ABANDONED.add(thread);
        thread.halted = true;
        synchronized (tasks) {
            closed = true;
        }
        Shutdown.remove(thread);
    }

    /** Like {@link #close(Runnable)}, with nothing left to do. */
    @Override
    public void close() {
        close(() -> {});
    }

    /**
     * Lets queued tasks finish, with those that they queue, runs a last one, then ends the thread, gives freed memory
     * back to the system, and waits for the end, whether the caller is interrupted or not. Called again it only waits.
     * Called on this thread itself it returns at once, and the end comes after the tasks that are queued.
     *
     * @param last frees what lives on this thread; what it throws is thrown here, after the end
     */
    public void close(Runnable last) {
        CompletableFuture<Void> freed = new CompletableFuture<>();
        synchronized (tasks) {
            if (closed) {
                freed.complete(null);
            } else {
                closed = true;
                endedByItself = isCurrent();
                thread.pending.incrementAndGet();
                end = () -> {
                    try {
                        last.run();
                        freed.complete(null);
                    } catch (Throwable e) {
                        freed.completeExceptionally(e);
                        if (endedByItself) {
                            throw e;
                        }
                    }
                };
                tasks.add(STOP);
            }
        }
        if (isCurrent() || thread.abandoned != null) {
            return;
        }
        join();
        if (freed.isCompletedExceptionally()) {
            throw unchecked(freed.exceptionNow());
        }
    }

    private void join() {
        boolean interrupted = false;
        while (thread.isAlive() && thread.abandoned == null) {
            try {
                thread.join(ABANDONED_LOOK_MILLIS);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void work() {
        OwnerThread self = OwnerThread.current();
        Shutdown.add(self);
        try {
            for (Runnable task = next(); task != STOP || goesOn(); task = next()) {
                if (task != STOP) {
                    run(self, task);
                }
            }
            run(self, end);
        } finally {
            Shutdown.remove(self);
            self.closeStreams();
            MlxMemory.giveBack();
        }
    }

    private static void run(OwnerThread self, Runnable task) {
        self.taskBegan = System.nanoTime();
        try {
            task.run();
        } catch (Throwable e) {
            self.getUncaughtExceptionHandler().uncaughtException(self, e);
        } finally {
            Shutdown.settle(self);
            self.taskBegan = 0;
            self.pending.decrementAndGet();
        }
    }

    /** Whether a task queued another one behind the end; then the end comes behind that. */
    private boolean goesOn() {
        return !tasks.isEmpty() && tasks.add(STOP);
    }

    private Runnable next() {
        while (true) {
            try {
                return tasks.take();
            } catch (InterruptedException ignored) {
                // Nobody interrupts this thread to stop it: close() does.
            }
        }
    }

    private <T> T await(Runnable queued, CompletableFuture<T> answer) {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return answer.get(ABANDONED_LOOK_MILLIS, TimeUnit.MILLISECONDS);
                } catch (TimeoutException e) {
                    checkNotAbandoned();
                } catch (InterruptedException e) {
                    interrupted = true;
                    if (tasks.remove(queued)) {
                        thread.pending.decrementAndGet();
                        throw (CancellationException)
                                new CancellationException("interrupted before the task began").initCause(e);
                    }
                } catch (ExecutionException e) {
                    throw unchecked(e.getCause());
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void checkNotAbandoned() {
        if (thread.abandoned != null) {
            throw thread.abandoned;
        }
    }

    private static RuntimeException unchecked(Throwable e) {
        if (e instanceof RuntimeException runtime) {
            return runtime;
        }
        if (e instanceof Error error) {
            throw error;
        }
        return new MlxException(e.toString(), e);
    }
}
