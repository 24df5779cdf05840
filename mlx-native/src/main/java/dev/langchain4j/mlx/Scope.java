package dev.langchain4j.mlx;

/**
 * A lexical frame of temporary arrays: what operations return belongs to the innermost open scope of the thread and is
 * freed when that closes. {@link MlxArray#detach} moves an array out to an owner that lives longer.
 *
 * <p>Close the scope of a step before its results are evaluated: a handle that is still held keeps MLX from reusing
 * the buffer behind it.
 */
public final class Scope implements AutoCloseable {
    private final OwnerThread thread;
    private final int mark;
    private final int depth;
    private boolean closed;

    private Scope(OwnerThread thread) {
        this.thread = thread;
        this.mark = thread.mark();
        this.depth = ++thread.openScopes;
    }

    /**
     * Opens a scope on the current thread, within the one that is open already.
     *
     * @throws IllegalStateException if the current thread is no {@link MlxThread}'s
     */
    public static Scope open() {
        return new Scope(OwnerThread.current());
    }

    /**
     * Frees all arrays of this scope that were not detached. Idempotent.
     *
     * @throws IllegalStateException on another thread, or if a scope inside this one is still open
     */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        if (OwnerThread.current() != thread || thread.openScopes != depth) {
            throw new IllegalStateException("scopes must be closed on their thread, the innermost first");
        }
        closed = true;
        thread.openScopes--;
        thread.release(mark);
    }
}
