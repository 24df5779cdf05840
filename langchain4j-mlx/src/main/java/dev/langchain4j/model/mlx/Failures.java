package dev.langchain4j.model.mlx;

import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.mlx.MlxException;
import dev.langchain4j.mlx.MlxThread;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;

/**
 * LangChain4j's exception for what went wrong while a request was generated. It is of a retriable kind only where
 * trying again can help.
 */
final class Failures {
    private Failures() {}

    static RuntimeException of(Throwable e) {
        return switch (e) {
            case CompletionException wrapped when wrapped.getCause() != null -> of(wrapped.getCause());
            case ExecutionException wrapped when wrapped.getCause() != null -> of(wrapped.getCause());
            case LangChain4jException known -> known;
            case CancellationException cancelled -> cancelled(cancelled);
            case MlxException halted
            when MlxThread.isShuttingDown() ->
                new NonRetriableException("the JVM shut down before the request ended", halted);
            case MlxException broken -> new InternalServerException("MLX failed: " + broken.getMessage(), broken);
            default -> new InternalServerException("generating failed: " + e, e);
        };
    }

    /**
     * Whether a request or a part of it was refused. Not a multi-catch: the superclass of both is another one in
     * LangChain4j 1.19 than in 1.20, and the class file would name it.
     */
    static boolean isRefusal(LangChain4jException e) {
        return e instanceof UnsupportedFeatureException || e instanceof InvalidRequestException;
    }

    static NonRetriableException cancelled(Throwable cause) {
        return new NonRetriableException("the request was cancelled", cause);
    }

    /** Why a model takes no requests any more: it was closed, or its thread was given up. */
    static RuntimeException closed(MlxModel model, Throwable cause) {
        RuntimeException lost = model.engine().lost();
        return lost != null ? lost : new NonRetriableException("the model " + model.name() + " is closed", cause);
    }

    /**
     * Refuses what would wait for ever.
     *
     * @throws NonRetriableException if the caller runs on the model's thread, whatever it wants to wait for there
     */
    static void refuseWaiting(MlxModel model, String method) {
        if (model.engine().isOnModelThread()) {
            throw new NonRetriableException(method + " was called on the thread of the model " + model.name()
                    + ", which would wait for itself forever: call it on another thread, or stream");
        }
    }
}
