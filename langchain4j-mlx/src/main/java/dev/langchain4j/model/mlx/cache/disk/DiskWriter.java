package dev.langchain4j.model.mlx.cache.disk;

import java.io.IOException;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** The one thread that writes: tasks one after the other, and what is to be done now and then. */
final class DiskWriter implements AutoCloseable {
    private static final long MAINTENANCE_MINUTES = 10;
    private static final int TASKS_PER_MAINTENANCE = 64;
    private static final Task END = () -> {};

    /** Something to be done. */
    interface Task {
        void run() throws IOException;
    }

    private record Queued(Task task, CompletableFuture<Void> done) {}

    private final BlockingQueue<Queued> queue = new LinkedBlockingQueue<>();
    private final Task maintenance;
    private final Consumer<Throwable> failed;
    private final Thread thread;
    private boolean closed;

    /** @param failed hears of what a task throws; the thread lives on */
    DiskWriter(Task maintenance, Consumer<Throwable> failed) {
        this.maintenance = maintenance;
        this.failed = failed;
        this.thread = new Thread(this::work, "mlx-disk-cache");
        thread.setDaemon(true);
        thread.start();
    }

    /** Queues a task; the future completes when it ended, also if it failed, and at once after the end. */
    CompletableFuture<Void> submit(Task task) {
        Queued queued = new Queued(task, new CompletableFuture<>());
        synchronized (queue) {
            if (closed) {
                queued.done.complete(null);
            } else {
                queue.add(queued);
            }
        }
        return queued.done;
    }

    private void work() {
        int since = 0;
        while (true) {
            Queued next = null;
            try {
                next = queue.poll(MAINTENANCE_MINUTES, TimeUnit.MINUTES);
            } catch (InterruptedException nobodyDoes) {
                continue;
            }
            if (next != null && next.task == END) {
                next.done.complete(null);
                return;
            }
            run(next == null ? maintenance : next.task);
            if (next != null) {
                next.done.complete(null);
            }
            since = next == null ? 0 : since + 1;
            if (since >= TASKS_PER_MAINTENANCE) {
                since = 0;
                run(maintenance);
            }
        }
    }

    private void run(Task task) {
        try {
            task.run();
        } catch (Throwable e) {
            failed.accept(e);
        }
    }

    /** Ends the thread behind what is queued, and waits for it, whether the caller is interrupted or not. */
    @Override
    public void close() {
        synchronized (queue) {
            submit(END);
            closed = true;
        }
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
