package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.TimeoutException;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs the requests of a model, on the model's thread. All that happens to them happens in {@link #pass}: requests that
 * may not go on leave, waiting ones are admitted, some are chosen, each takes a step, and what ended is delivered.
 *
 * <p>Passes follow one another as one task of the thread while nobody else waits for it. If somebody does, his task
 * comes after the pass: it waits for a step, not for an answer. Then passes get as much time as it took before the next
 * such task, however many wait. {@link #submit} and {@link #close} are for any thread.
 */
final class Scheduler {
    private static final Logger log = LoggerFactory.getLogger(Scheduler.class);

    private final Owner owner;
    private final Rows rows;
    private final EngineLimits limits;
    private final LongSupplier nanos;
    private final long queueTimeoutNanos;

    /** Requests that the owner has not seen. */
    private final Queue<ScheduledRequest> arrivals = new ConcurrentLinkedQueue<>();

    private final Object lock = new Object();
    /** Requests that were submitted and have not ended. Guarded by the lock, as the next one. */
    private int open;

    /** Whether a task of the owner is to run passes. */
    private boolean scheduled;

    /** What is done while no request runs or waits; null for nothing. Set under the lock. */
    private volatile IdleJob idle;

    private volatile boolean closed;
    /** When those that have not ended fail; of use when it is closed. */
    private volatile long graceEndNanos;

    // What follows belongs to the owner; others see counts.
    private final List<ScheduledRequest> waiting = new ArrayList<>();
    private final List<ScheduledRequest> running = new ArrayList<>();
    private final List<ScheduledRequest> able = new ArrayList<>();
    private final List<ScheduledRequest> turn = new ArrayList<>();
    private final TimeShare share;
    /** Tokens of prompts that this turn computes. */
    private int turnTokens;
    /** Whether requests that could decode wait for the chunk of this pass. */
    private boolean delaysDecode;
    /** When others of the thread had their turn, if they did; of use when a task is queued. */
    private long leftNanos;

    private boolean left;
    private final EngineCounts counts = new EngineCounts();

    /** The thread that requests run on. */
    interface Owner {
        /** Queues a task behind the one that is next, before all others that wait. */
        void executeNext(Runnable task);

        /** Whether other tasks wait. */
        boolean hasWaiting();

        /** Whether the caller runs on it. */
        boolean isCurrent();

        /** Whether nothing new may begin. */
        boolean isShuttingDown();

        /** Whether nothing may go on. */
        boolean isHalted();
    }

    /** Computes steps of several requests together. */
    interface Rows {
        /** Most tokens of prompts that are fed together, unless the chunk of a single one is longer. */
        int prefillTokens();

        /**
         * The next chunk of each of these prompts.
         *
         * @param requests some that have tokens to prefill
         * @param failed is told of each that cannot go on
         */
        void prefill(List<ScheduledRequest> requests, Ended failed);

        /**
         * A token for each of these requests.
         *
         * @param requests some that have no more tokens to prefill
         * @param ended is told of each for which this was its last step
         */
        void decode(List<ScheduledRequest> requests, Ended ended);
    }

    /** Hears of requests that have ended. */
    interface Ended {
        /** This was the last step of a request: it is done, or has failed. */
        void accept(ScheduledRequest request, Throwable failure);
    }

    Scheduler(Owner owner, Rows rows, EngineLimits limits, LongSupplier nanos) {
        this.owner = owner;
        this.rows = rows;
        this.limits = limits;
        this.nanos = nanos;
        this.share = new TimeShare(limits);
        this.queueTimeoutNanos = ScheduledRequest.nanos(limits.queueTimeout());
    }

    /**
     * Takes a request, which waits from now on.
     *
     * @throws NonRetriableException if the model is closed or the JVM shuts down
     * @throws RateLimitException if too many wait already
     */
    void submit(ScheduledRequest request) {
        synchronized (lock) {
            if (closed || owner.isShuttingDown()) {
                throw new NonRetriableException(
                        closed ? "the model is closed" : "the JVM is shutting down: no new request is begun");
            }
            if (open >= (long) limits.maxConcurrent() + limits.maxQueued()) {
                counts.refused();
                throw new RateLimitException("maxQueued (" + limits.maxQueued() + ") requests wait for this"
                        + " model already: try again later, or raise maxQueued");
            }
            if (!scheduled) {
                begin();
            }
            request.submittedNanos = nanos.getAsLong();
            arrivals.add(request);
            open++;
        }
    }

    /** Takes a job that is done while no request runs or waits; the next request ends it. Whether it is done at all. */
    boolean submitIdle(IdleJob job) {
        synchronized (lock) {
            if (closed || owner.isShuttingDown() || open > 0 || idle != null) {
                return false;
            }
            if (!scheduled) {
                begin();
            }
            idle = job;
            return true;
        }
    }

    private void begin() {
        try {
            left = false;
            owner.executeNext(this::run);
            scheduled = true;
        } catch (IllegalStateException e) {
            throw new NonRetriableException("the model is closed", e);
        }
    }

    // ---- on the model's thread ------------------------------------------------------------------------------------

    private void run() {
        long begun = nanos.getAsLong();
        long owed = left ? begun - leftNanos : 0;
        do {
            try {
                pass();
            } catch (Throwable e) {
                endAll(e);
            }
        } while (hasRequests() && (!owner.hasWaiting() || nanos.getAsLong() - begun < owed) || mayIdle());
        synchronized (lock) {
            scheduled = open > 0 || idle != null;
            if (scheduled) {
                leftNanos = nanos.getAsLong();
                left = true;
                owner.executeNext(this::run);
            }
        }
    }

    private boolean hasRequests() {
        return !running.isEmpty() || !waiting.isEmpty() || !arrivals.isEmpty();
    }

    /** Whether the idle job may take a step: nobody else wants the thread. */
    private boolean mayIdle() {
        return idle != null && !hasRequests() && !owner.hasWaiting();
    }

    private void pass() {
        receive();
        if (hasRequests() || closed || owner.isShuttingDown() || owner.isHalted()) {
            endIdle(null);
        }
        dismiss(waiting);
        dismiss(running);
        SchedulingPolicy.endPrefixWaits(waiting, nanos.getAsLong());
        admit();
        choose();
        step();
        counts.now(running.size());
        if (mayIdle()) {
            stepIdle();
        }
    }

    private void stepIdle() {
        Throwable failure = null;
        try {
            if (idle.step(share.chunkTokens(idle.position()))) {
                return;
            }
        } catch (Throwable e) {
            failure = e;
        }
        endIdle(failure);
    }

    private void endIdle(Throwable failure) {
        IdleJob job = idle;
        if (job == null) {
            return;
        }
        idle = null;
        try {
            job.end(failure);
        } catch (Throwable e) {
            log.error("an idle job could not be stopped", e);
        }
    }

    private void receive() {
        for (ScheduledRequest request = arrivals.poll(); request != null; request = arrivals.poll()) {
            waiting.add(request);
        }
    }

    /**
     * Ends those that were cancelled, whose time is over, that can never run, or that the end of the model has caught
     * up with.
     */
    private void dismiss(List<ScheduledRequest> requests) {
        long now = nanos.getAsLong();
        for (int i = requests.size() - 1; i >= 0; i--) {
            RuntimeException reason = reasonToEnd(requests.get(i), requests == waiting, now);
            if (reason != null) {
                deliver(requests.remove(i), reason);
            }
        }
    }

    private RuntimeException reasonToEnd(ScheduledRequest request, boolean waits, long now) {
        if (request.isCancelled()) {
            return new CancellationException("the request was cancelled");
        }
        if (owner.isHalted() || (closed && now - graceEndNanos >= 0)) {
            return new NonRetriableException("the model was closed before the request ended");
        }
        long age = now - request.submittedNanos;
        if (age > request.timeoutNanos) {
            return new TimeoutException("timeout (" + millis(request.timeoutNanos) + " ms) was exceeded: the request "
                    + (waits ? "was still waiting" : "was still running"));
        }
        if (waits && age > queueTimeoutNanos) {
            return new TimeoutException(
                    "queueTimeout (" + limits.queueTimeout().toMillis() + " ms) was exceeded: the model was busy");
        }
        return waits ? request.refusal() : null;
    }

    private static long millis(long nanos) {
        return TimeUnit.NANOSECONDS.toMillis(nanos);
    }

    /**
     * Lets waiting requests run while there are places and memory. A single one always has room. Who needs a prefix
     * that is being computed takes no place until it is there.
     */
    private void admit() {
        while (running.size() < limits.maxConcurrent() && !waiting.isEmpty()) {
            ScheduledRequest next = SchedulingPolicy.nextToRun(waiting, running);
            if (next == null || (!running.isEmpty() && !next.hasRoom())) {
                return;
            }
            if (SchedulingPolicy.waitsForPrefix(next, running, nanos.getAsLong())) {
                continue;
            }
            SchedulingPolicy.take(next, waiting);
            running.add(next);
            try {
                next.begin();
            } catch (Throwable e) {
                running.remove(next);
                deliver(next, e);
            }
        }
    }

    /**
     * Chooses who takes a step: all that decode, or a chunk of each prompt that fits into one pass; if there are both,
     * as their shares of the time say. The rows of a turn do not depend on each other. Who has no memory for a step
     * waits for the end of others; if nobody has, the one that began last gives way: its step ends it.
     */
    private void choose() {
        turn.clear();
        able.clear();
        for (int i = 0; i < running.size(); i++) {
            if (running.size() == 1 || running.get(i).hasRoom()) {
                able.add(running.get(i));
            }
        }
        if (able.isEmpty() && !running.isEmpty()) {
            able.add(running.getLast());
        }
        for (int i = 0; i < able.size(); i++) {
            if (able.get(i).prefillRemaining() == 0) {
                turn.add(able.get(i));
            }
        }
        ScheduledRequest prefill = SchedulingPolicy.nextToPrefill(able, waiting);
        delaysDecode = prefill != null && !turn.isEmpty();
        if (!delaysDecode) {
            share.settle();
        }
        if (prefill != null && !share.owesDecode(prefill.prefillPosition(), prefill.prefillRemaining())) {
            turn.clear();
            choosePrefill(prefill);
        }
    }

    private void choosePrefill(ScheduledRequest first) {
        int wanted = delaysDecode ? share.chunkTokens(first.prefillPosition()) : Integer.MAX_VALUE;
        int limit = Math.min(wanted, rows.prefillTokens());
        turnTokens = 0;
        for (ScheduledRequest next = first; next != null; next = SchedulingPolicy.nextToPrefill(able, waiting)) {
            next.wantedTokens = delaysDecode ? wanted - turnTokens : wanted;
            int tokens = next.chunkTokens();
            if (next != first && turnTokens + tokens > limit) {
                return;
            }
            turn.add(next);
            able.remove(next);
            turnTokens += tokens;
        }
    }

    /** Nanoseconds that the first tokens of a prompt take to compute; 0 if that is not known. On the model's thread. */
    double prefillNanos(int tokens) {
        return share.prefillNanos(tokens);
    }

    /** A token of each that decodes, or a chunk of each prompt that was chosen. */
    private void step() {
        if (turn.isEmpty()) {
            return;
        }
        if (turn.getFirst().prefillRemaining() > 0) {
            prefill();
        } else {
            long begun = nanos.getAsLong();
            rows.decode(turn, this::ended);
            share.decoded(nanos.getAsLong() - begun);
        }
    }

    private void prefill() {
        int position = turn.getFirst().prefillPosition();
        long begun = nanos.getAsLong();
        rows.prefill(turn, this::ended);
        long took = nanos.getAsLong() - begun;
        share.prefilled(position, turnTokens, took, delaysDecode);
        if (delaysDecode) {
            counts.stalled(took);
        }
        if (running.size() > 1) {
            SchedulingPolicy.prefilled(turn, turnTokens, running);
        }
    }

    private void ended(ScheduledRequest request, Throwable failure) {
        running.remove(request);
        deliver(request, failure);
    }

    /** Tells the caller. Its place is free before, so that who hears of an end may ask again. */
    private void deliver(ScheduledRequest request, Throwable failure) {
        synchronized (lock) {
            // if the owner was given up, none is open any more
            open = Math.max(0, open - 1);
            lock.notifyAll();
        }
        request.ended = true;
        counts.ended(failure);
        counts.now(running.size());
        try {
            request.end(failure);
        } catch (Throwable e) {
            log.error("the end of a request could not be reported", e);
        }
    }

    private void endAll(Throwable failure) {
        endIdle(failure);
        receive();
        for (List<ScheduledRequest> requests : List.of(waiting, running)) {
            while (!requests.isEmpty()) {
                deliver(requests.removeLast(), failure);
            }
        }
    }

    // ---- the end --------------------------------------------------------------------------------------------------

    /** Numbers of requests; those that run are told as of the last pass. */
    EngineStats stats() {
        synchronized (lock) {
            return counts.stats(open);
        }
    }

    EngineCounts counts() {
        return counts;
    }

    /** Whether no request runs or waits. */
    boolean isIdle() {
        synchronized (lock) {
            return open == 0;
        }
    }

    boolean isClosed() {
        return closed;
    }

    /** Takes no more requests, and waits for none: the owner runs no more passes. From any thread. */
    void abandon() {
        synchronized (lock) {
            closed = true;
            open = 0;
            lock.notifyAll();
        }
    }

    /**
     * Takes no more requests, and returns when all have ended: by themselves within the grace period, or else by
     * failing before their next step. Waits although the calling thread is interrupted; does not wait on the model's
     * thread, where they would wait for the caller. Idempotent.
     */
    void close() {
        boolean interrupted = false;
        synchronized (lock) {
            if (!closed) {
                long now = nanos.getAsLong();
                long grace = ScheduledRequest.nanos(limits.gracePeriod());
                graceEndNanos = now + Math.min(grace, Long.MAX_VALUE / 2);
                closed = true;
            }
            while (open > 0 && !owner.isCurrent()) {
                try {
                    lock.wait();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
