package dev.langchain4j.model.mlx.hub;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;

/** The virtual threads of one download. Closing it stops them all and waits for their end. */
final class Tasks implements AutoCloseable {
    private final ExecutorService threads = Executors.newThreadPerTaskExecutor(
            Thread.ofVirtual().name("mlx-hub-", 0).factory());
    private final Semaphore connections;

    Tasks(int connections) {
        this.connections = new Semaphore(connections, true);
    }

    /** Something that needs a connection. */
    @FunctionalInterface
    interface Step {
        void run() throws InterruptedException;
    }

    /** Runs a step as soon as a connection may be used. */
    void withConnection(Step step) throws InterruptedException {
        connections.acquire();
        try {
            step.run();
        } finally {
            connections.release();
        }
    }

    /** Runs all of them and waits; throws the first failure without waiting for the rest. */
    void all(List<Callable<Void>> tasks) throws InterruptedException {
        ExecutorCompletionService<Void> running = new ExecutorCompletionService<>(threads);
        tasks.forEach(running::submit);
        for (int i = 0; i < tasks.size(); i++) {
            try {
                running.take().get();
            } catch (ExecutionException e) {
                throw unwrapped(e.getCause());
            }
        }
    }

    private static RuntimeException unwrapped(Throwable cause) throws InterruptedException {
        switch (cause) {
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            case InterruptedException e -> throw e;
            case IOException e -> throw new UncheckedIOException(e);
            default -> throw new IllegalStateException(cause);
        }
    }

    @Override
    public void close() {
        threads.shutdownNow();
        threads.close();
    }
}
