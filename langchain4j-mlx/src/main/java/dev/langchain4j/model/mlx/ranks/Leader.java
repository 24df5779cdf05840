package dev.langchain4j.model.mlx.ranks;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxException;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.RankGroup;
import dev.langchain4j.mlx.Scope;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/**
 * Tells the other ranks what the first one does. Commands wait for the next forward pass and go ahead of it; nobody
 * waits for an answer. On the model's thread, but for what says otherwise.
 *
 * <p>Exchanges must be begun in one order by all ranks. So what the last pass left is begun before the next record,
 * whether anybody here asked for it or not: prefill does not need the last layer's output, and the others compute it.
 */
final class Leader {
    /** How many records may be under way before the oldest one is looked at. */
    private static final int UNREAD_MAX = 2;

    /** Commands that are not sent before the next pass; more go at once. */
    private static final int WAITING_MAX = 1024;

    private final RankGroup group;
    private final boolean pipeline;
    private final UnaryOperator<Throwable> explain;
    private final List<Command> waiting = new ArrayList<>();
    private final Deque<MlxArray> unread = new ArrayDeque<>();
    private MlxArray lastHidden;
    private int sequences;
    private int snapshots;
    private int sent;
    private int read;
    private final LongAdder steps = new LongAdder();
    private final LongAdder waited = new LongAdder();
    private boolean ended;
    /** Whether a record or a pass was begun and did not end: the others are then at another step. */
    private boolean midway;
    /** When something was sent last. */
    private volatile long sentNanos = System.nanoTime();
    /** Why the ranks can do nothing together any more; null while they can. */
    private volatile RankLostException failure;

    /**
     * Begins to lead.
     *
     * @param pipeline whether hidden states go from rank to rank, so that the others need no tokens
     * @param explain what a failure of MLX means
     */
    Leader(RankGroup group, boolean pipeline, UnaryOperator<Throwable> explain) {
        this.group = group;
        this.pipeline = pipeline;
        this.explain = explain;
    }

    int newSequence() {
        add(Command.of(Command.Kind.NEW, sequences, 0));
        return sequences++;
    }

    int newSnapshot() {
        return snapshots++;
    }

    void add(Command command) {
        if (ended || failure != null) {
            return;
        }
        Command joined = waiting.isEmpty() ? null : waiting.getLast().with(command);
        if (joined == null) {
            waiting.add(command);
        } else {
            waiting.set(waiting.size() - 1, joined);
        }
        if (waiting.size() >= WAITING_MAX) {
            send();
        }
    }

    /** Sends a pass over so many tokens, whose spans were added. */
    void pass(int tokens) {
        add(Command.of(Command.Kind.PASS, 0, tokens));
        send();
        midway = true;
    }

    /**
     * Has all ranks begin an exchange, which a command announces, and waits for it.
     *
     * @throws RankLostException if it fails
     */
    private <T> T together(Command command, Supplier<T> exchange) {
        if (ended) {
            throw new IllegalStateException("the model is closed");
        }
        add(command);
        send();
        midway = true;
        try {
            T result = exchange.get();
            midway = false;
            return result;
        } catch (MlxException e) {
            throw lost(e);
        }
    }

    /** What the other ranks have of a snapshot. */
    Shares collect(int snapshot) {
        return together(Command.of(Command.Kind.COLLECT, snapshot, 0), () -> Shares.exchange(group, new MlxArray[0][]));
    }

    /**
     * Gives the other ranks what is theirs of a snapshot.
     *
     * @param arrays by rank and slot, none for this rank
     * @return whether all could take it; if not, none has
     */
    boolean spread(int sequence, int layer, int start, int end, int snapshot, MlxArray[][] arrays) {
        return together(new Command(Command.Kind.SPREAD, sequence, layer, 1, start, end, snapshot), () -> {
            Shares.exchange(group, arrays);
            return Shares.agree(group, true);
        });
    }

    /** How many ranks there are. */
    int ranks() {
        return group.size();
    }

    /** The tokens of a pass, as all ranks have them that need them: a temporary of the current scope. */
    MlxArray shared(MlxArray tokens) {
        return pipeline ? tokens : group.allSum(Ops.astype(tokens, DType.INT32));
    }

    /** Notes what a pass leaves to be computed: on it depends all that the ranks exchange in the pass. */
    void passed(MlxArray hidden) {
        lastHidden = hidden.share().detach();
        midway = false;
    }

    /** Sends what waits, and says that nothing comes for some time. */
    void rest(int millis) {
        add(Command.of(Command.Kind.REST, 0, millis));
        send();
    }

    /** Says that the model is closed, if the ranks are still there. Idempotent. */
    void end() {
        if (!ended && failure == null) {
            add(Command.of(Command.Kind.END, 0, 0));
            send();
            while (!unread.isEmpty()) {
                readOldest();
            }
        }
        ended = true;
    }

    private void send() {
        check();
        if (midway) {
            throw new IllegalStateException("the step before failed halfway");
        }
        midway = true;
        try {
            sendAll();
        } catch (MlxException e) {
            throw lost(e);
        }
        midway = false;
    }

    private void sendAll() {
        beginRest();
        while (!waiting.isEmpty()) {
            MlxArray record;
            try (Scope scope = Scope.open()) {
                record = group.allSum(MlxArray.of(StepRecord.of(sent, waiting), StepRecord.INTS))
                        .detach();
            }
            unread.add(record);
            Eval.async(record);
            sent++;
            steps.increment();
            sentNanos = System.nanoTime();
            if (unread.size() > UNREAD_MAX) {
                readOldest();
            }
        }
    }

    /** An exchange failed, which is not for what was exchanged. */
    private RankLostException lost(MlxException failure) {
        return explain.apply(failure) instanceof RankLostException lost
                ? lost
                : new RankLostException("an exchange failed on rank 0: " + failure.getMessage());
    }

    /** Begins to compute what the last pass left. */
    private void beginRest() {
        if (lastHidden != null) {
            try (MlxArray hidden = lastHidden) {
                lastHidden = null;
                Eval.async(hidden);
            }
        }
    }

    private void readOldest() {
        long began = System.nanoTime();
        try (MlxArray record = unread.remove()) {
            StepRecord.check(record.toInts(), read++, group.size());
        }
        waited.add(System.nanoTime() - began);
    }

    /** Throws if the ranks can do nothing together any more. May be called from any thread. */
    void check() {
        if (failure != null) {
            throw failure;
        }
    }

    /** Whether a failure on this rank left the others at another step. On the model's thread. */
    boolean isMidway() {
        return midway;
    }

    /** Why the ranks can do nothing together any more; null while they can. May be called from any thread. */
    RankLostException failure() {
        return failure;
    }

    /** Says why the ranks can do nothing together any more. May be called from any thread. */
    void fail(RankLostException cause) {
        failure = cause;
    }

    /** What was done so far. May be called from any thread. */
    RankStats stats() {
        return new RankStats(failure == null ? group.size() : 0, steps.sum(), group.exchangedBytes(), waited.sum());
    }

    /** How long ago something was sent. May be called from any thread. */
    long nanosSinceSent() {
        return System.nanoTime() - sentNanos;
    }
}
