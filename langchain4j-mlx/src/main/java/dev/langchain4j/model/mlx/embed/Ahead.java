package dev.langchain4j.model.mlx.embed;

import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.IntFunction;

/**
 * What a function makes of numbers, in their order, some at a time: while the caller works on some, the next ones are
 * made on a thread of their own. For one caller.
 *
 * @param <T> what is made
 */
final class Ahead<T> {
    private final List<Integer> numbers;
    private final int window;
    private final IntFunction<T> function;
    private int from;
    /** What is being made; null behind the end. */
    private FutureTask<List<T>> next;

    Ahead(List<Integer> numbers, int window, IntFunction<T> function) {
        this.numbers = numbers;
        this.window = window;
        this.function = function;
        next = following();
        if (next != null) {
            next.run();
        }
    }

    private FutureTask<List<T>> following() {
        List<Integer> some = numbers.subList(from, Math.min(from + window, numbers.size()));
        from += some.size();
        return some.isEmpty()
                ? null
                : new FutureTask<>(
                        () -> some.stream().map(i -> function.apply(i)).toList());
    }

    /**
     * The next ones; none behind the end. Throws what the function threw.
     *
     * @throws IllegalStateException if the caller is interrupted while it waits
     */
    List<T> next() {
        if (next == null) {
            return List.of();
        }
        try {
            List<T> made = next.get();
            next = following();
            if (next != null) {
                Thread.ofVirtual().name("mlx-tokenizer").start(next);
            }
            return made;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while texts were tokenized", e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw e.getCause() instanceof RuntimeException exception
                    ? exception
                    : new IllegalStateException(e.getCause());
        }
    }
}
