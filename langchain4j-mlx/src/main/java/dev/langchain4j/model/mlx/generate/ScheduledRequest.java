package dev.langchain4j.model.mlx.generate;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A request as the {@link Scheduler} sees it: something that waits, runs in steps and ends. Its state is in this order:
 * waiting, running (which begins with prefill and goes on with decode), ended. Cancelling is for any thread; all else
 * that happens to it happens on the model's.
 */
abstract class ScheduledRequest {
    final Object conversation;
    final boolean toolRound;
    final long timeoutNanos;
    /** When it was submitted. */
    long submittedNanos;
    /** How many later ones were admitted before it. */
    int passedOver;
    /** About how many tokens its next chunk may have, so that others can go on; who may not be cut so ignores it. */
    int wantedTokens = Integer.MAX_VALUE;
    /** Tokens of others that were prefilled while it could have been. */
    long gaveWay;
    /** The prefix that it waits for before it begins; null for none. */
    PrefixWait prefixWait;
    /** How often it waited for a prefix, and how long in all; since when, if it waits. */
    int prefixWaits;

    long prefixWaitNanos;
    long prefixWaitSince;
    /** Whether it is over. */
    boolean ended;

    private volatile boolean cancelled;

    /**
     * A request that is not yet submitted.
     *
     * @param conversation its memory ID; null for one of its own
     * @param toolRound whether somebody waits for it in the middle of a tool loop
     * @param timeout most time from its submission to its end; null for any
     */
    ScheduledRequest(Object conversation, boolean toolRound, Duration timeout) {
        this.conversation = conversation;
        this.toolRound = toolRound;
        this.timeoutNanos = nanos(timeout);
    }

    /** A duration as a limit: none, and whatever does not fit, is for ever. */
    static long nanos(Duration duration) {
        return duration == null ? Long.MAX_VALUE : TimeUnit.NANOSECONDS.convert(duration);
    }

    /** Asks for its end: before its next step if it runs, else before it begins. Idempotent, from any thread. */
    final void cancel() {
        cancelled = true;
    }

    final boolean isCancelled() {
        return cancelled;
    }

    /** Whether there is memory for its next step, or for its beginning. */
    boolean hasRoom() {
        return true;
    }

    /** Why it can never run; null if it can, or if that is not known yet. Asked while it waits. */
    RuntimeException refusal() {
        return null;
    }

    /**
     * The prefix of its prompt that it should wait for before it begins, because one of those that run is computing it.
     *
     * @return null if it had better begin
     */
    PrefixWait worthWaitingFor(List<ScheduledRequest> running) {
        return null;
    }

    /** From here on it runs. */
    abstract void begin();

    /** Tokens of its prompt that must be fed before it decodes; known when it runs. */
    abstract int prefillRemaining();

    /** Tokens of its prompt that were fed or reused. */
    abstract int prefillPosition();

    /** Tokens that the next step of its prompt computes, if it may be about {@link #wantedTokens} at most. */
    abstract int chunkTokens();

    /**
     * It is over: releases all that it holds, and then tells whoever waits for it. Called once, whether it began or
     * not.
     *
     * @param failure null if its last step was done; else why it cannot go on: a CancellationException if it was
     *     cancelled, a LangChain4jException if it may not go on, or what its step threw
     */
    abstract void end(Throwable failure);
}
