package dev.langchain4j.model.mlx.cache;

import java.util.List;

/**
 * A running request's hold on the cache. All methods belong to the thread that owns the model. The order of calls:
 *
 * <ol>
 *   <li>feed {@code tokens[resumePosition() .. n-1)} to {@link #layers()} in chunks, none reaching over
 *       {@link #nextCheckpoint}; after each chunk, once it is evaluated, call {@link #checkpoint()};
 *   <li>feed the last prompt token, then each generated one; after a generated token was fed call {@link #append};
 *   <li>{@link #close(Outcome)}, always, once.
 * </ol>
 */
public interface CacheSession extends AutoCloseable {

    /** How a request ended, which decides what is kept and how soon its conversation is expected back. */
    enum Outcome {
        /** The answer is complete. */
        FINISHED,
        /** The answer asks for tools: the conversation will be back with their results. */
        TOOL_CALL,
        /** Stopped on demand: all that was fed stays usable. */
        CANCELLED,
        /** A computation failed, so the layers cannot be trusted: they are dropped, and with them this sequence alone. */
        FAILED
    }

    /** Position from which the prompt must be prefilled: between 0 and the prompt's length - 1. */
    int resumePosition();

    /** Why {@link #resumePosition()} is what it is. */
    ReusePlan plan();

    /** The layers of this sequence, all of them at offset {@link #resumePosition()} when it begins. Borrowed. */
    List<LayerCache> layers();

    /**
     * The first position after {@code position} where prefill must stop for a checkpoint, or
     * {@link Integer#MAX_VALUE} if there is none.
     */
    int nextCheckpoint(int position);

    /**
     * Says that all prompt tokens before the layers' offset are in evaluated buffers. From here on they survive a
     * cancellation and may serve other requests; state layers are kept if a checkpoint is wanted at this position.
     *
     * @throws IllegalStateException if the layers do not stand at one offset within the prompt
     */
    void checkpoint();

    /** Records a generated token that was fed to the layers. Tokens that were only sampled are not recorded. */
    void append(int token);

    /** Gives the layers back. Later calls do nothing. */
    void close(Outcome outcome);

    /** The same as {@code close(Outcome.FAILED)}, for a request that left without saying how it ended. */
    @Override
    default void close() {
        close(Outcome.FAILED);
    }
}
