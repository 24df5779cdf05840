package dev.langchain4j.model.mlx;

import dev.langchain4j.mlx.MlxException;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.model.mlx.arch.ModelLoader;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * What a model opened, to be closed in the opposite order. Each part is closed whatever the others throw. Not
 * thread-safe; the owner closes it once.
 */
final class OpenParts implements AutoCloseable {
    private final Deque<AutoCloseable> parts = new ArrayDeque<>();
    private MlxThread thread;

    <T extends AutoCloseable> T add(T part) {
        parts.push(part);
        return part;
    }

    /** A loaded model, whose weights are a part. */
    ModelLoader.Loaded weightsOf(ModelLoader.Loaded model) {
        add(model.weights());
        return model;
    }

    /** The thread on which the parts are closed, as its last task. */
    MlxThread on(MlxThread owner) {
        thread = owner;
        return owner;
    }

    /**
     * Closes all parts on their thread, after what is queued there, and ends it; whether the caller is interrupted or
     * not. Called on that thread it returns at once. Does nothing the second time but wait for the end.
     *
     * @throws RuntimeException or Error, the first that a part threw; the others are suppressed in it
     */
    @Override
    public void close() {
        if (thread == null) {
            closeParts();
        } else {
            thread.close(this::closeParts);
        }
    }

    /** Closes all parts after something else failed, which has what they throw as suppressed. */
    void closeAfter(Throwable failure) {
        try {
            close();
        } catch (Throwable e) {
            failure.addSuppressed(e);
        }
    }

    private void closeParts() {
        Throwable failure = null;
        while (!parts.isEmpty()) {
            try {
                parts.pop().close();
            } catch (Throwable e) {
                if (failure == null) {
                    failure = e;
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        switch (failure) {
            case null -> {}
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new MlxException(failure.toString(), failure);
        }
    }
}
