package dev.langchain4j.model.mlx.ranks;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxException;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.PeerSockets;
import dev.langchain4j.mlx.RankGroup;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.mlx.TextLibraryException;
import dev.langchain4j.model.mlx.model.LanguageModel;
import dev.langchain4j.model.mlx.model.Shard;
import dev.langchain4j.model.mlx.model.Stage;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * This process as one of those that compute a model together: joins them, sees to it that all have the same model, then
 * leads or follows. There is one in a process at a time, because MLX has one group.
 */
public final class Ranks implements AutoCloseable {
    private static final int DIGEST_INTS = 8;
    /**
     * After so long without a request the other ranks rest between looks, so that they do not keep a processor busy.
     */
    private static final long REST_AFTER_NANOS = 500_000_000L;

    private static final int REST_MILLIS = 40;

    /** MLX tries to connect for longer than that; what fails sooner has another reason. */
    private static final long CONNECTING_NANOS_MIN = 1_000_000_000L;

    /** What a rank sent before it closed its connection may be here and not yet be read for so long. */
    private static final long LATE_MILLIS = 2000;

    /** Who has the group. */
    private static final AtomicReference<Ranks> OPEN = new AtomicReference<>();

    private static RankSettings joined;
    /** The connections of MLX's group. */
    private static PeerSockets lastSockets;
    /** Whether MLX's group is one of lost ranks. */
    private static boolean stale;
    /** Why this process can be no rank any more; null while it can. */
    private static volatile RankLostException over;

    private final RankSettings settings;
    private final boolean pipeline;
    private final MlxThread thread;
    private RankGroup group;
    private PeerSockets sockets;
    private Watch watch;
    private Leader leader;
    private Consumer<RuntimeException> lost;
    private final AtomicBoolean lossTold = new AtomicBoolean();

    private Ranks(RankSettings settings, boolean pipeline, MlxThread thread) {
        this.settings = settings;
        this.pipeline = pipeline;
        this.thread = thread;
    }

    /**
     * Joins the other ranks, for a model on this thread. Waits until they are there.
     *
     * @param pipeline whether each rank has some of the layers, not a share of each
     * @throws InvalidRequestException if a split model is open in this process, or one was with other settings
     * @throws RankLostException if they do not come in time; the thread was abandoned then
     */
    public static Ranks join(RankSettings settings, boolean pipeline, MlxThread thread) {
        if (over != null) {
            throw over;
        }
        Ranks ranks = new Ranks(settings, pipeline, thread);
        if (!OPEN.compareAndSet(null, ranks)) {
            throw new InvalidRequestException(
                    "a model that is split over ranks is open in this process already: close it"
                            + " before another one is loaded");
        }
        try {
            ranks.open();
            return ranks;
        } catch (Throwable e) {
            OPEN.compareAndSet(ranks, null);
            throw e;
        }
    }

    private void open() {
        boolean left = lastSockets != null && RankGroup.canForget() && lastSockets.closedPeer() >= 0;
        if (stale || left) {
            RankGroup.forget();
            stale = false;
            joined = null;
            lastSockets = null;
        }
        if (joined != null && !isSameGroup(joined)) {
            throw new InvalidRequestException("this process is rank " + joined.rank() + " of " + joined.size()
                    + " already, and cannot be another one: MLX keeps its group until the process ends");
        }
        group = inTime(this::joinGroup, "come");
        joined = settings;
        sockets = PeerSockets.find(
                settings.ports(settings.rank()), settings.left(), settings.ports(settings.right()), settings.right());
        lastSockets = sockets;
    }

    private RankGroup joinGroup() {
        RankGroup all = null;
        long end = System.nanoTime() + settings.startTimeout().toNanos();
        while (all == null) {
            long began = System.nanoTime();
            try {
                all = RankGroup.join(settings.backend(), settings.environment());
            } catch (MlxException e) {
                // The last rank connects before another one connects to it, so it may try again.
                boolean isLast = settings.rank() == settings.size() - 1
                        && !settings.addresses().isEmpty();
                long now = System.nanoTime();
                if (!isLast || now - began < CONNECTING_NANOS_MIN || now > end) {
                    throw e;
                }
            }
        }
        if (all.rank() != settings.rank() || all.size() != settings.size()) {
            all.close();
            throw new InvalidRequestException("the backend " + settings.backend() + " says that this is rank "
                    + all.rank() + " of " + all.size() + ", not " + settings.rank() + " of " + settings.size());
        }
        return all;
    }

    private boolean isSameGroup(RankSettings other) {
        return other.rank() == settings.rank()
                && other.backend().equals(settings.backend())
                && other.addresses().equals(settings.addresses());
    }

    /** The share of each layer that belongs to this rank. */
    public Shard shard() {
        return new Shard(settings.rank(), settings.size(), group::allSum);
    }

    /** The layers that belong to this rank. */
    public Stage stage() {
        return new Stage(
                settings.rank(),
                settings.size(),
                x -> group.send(x, settings.right()),
                (type, shape) -> group.receive(settings.left(), type, shape));
    }

    /**
     * Compares what must be equal on all ranks. All of them call it with the same names.
     *
     * @throws InvalidRequestException on all ranks, if one has something else
     */
    public void agree(Map<String, String> facts) {
        int[] own = facts.values().stream().flatMapToInt(Ranks::digest).toArray();
        int[] all = inTime(
                () -> {
                    try (Scope scope = Scope.open()) {
                        return group.allGather(MlxArray.of(own, 1, own.length)).toInts();
                    }
                },
                "answer");
        List<String> names = List.copyOf(facts.keySet());
        for (int rank = 1; rank < settings.size(); rank++) {
            for (int fact = 0; fact < names.size(); fact++) {
                int from = fact * DIGEST_INTS;
                int[] first = Arrays.copyOfRange(all, from, from + DIGEST_INTS);
                from += rank * own.length;
                if (!Arrays.equals(first, Arrays.copyOfRange(all, from, from + DIGEST_INTS))) {
                    throw new InvalidRequestException(settings.describe(rank) + " has a different " + names.get(fact)
                            + " than " + settings.describe(0) + ": all ranks of a model must have the same");
                }
            }
        }
    }

    private static IntStream digest(String text) {
        try {
            byte[] bytes = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            int[] ints = new int[DIGEST_INTS];
            ByteBuffer.wrap(bytes).asIntBuffer().get(ints);
            return Arrays.stream(ints);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-256", e);
        }
    }

    /**
     * Leads: what is done to the model that this gives is done by all ranks. Waits until they have loaded theirs.
     *
     * @param lost is told, once, that they cannot go on; the thread was abandoned then
     */
    public LanguageModel lead(LanguageModel model, Consumer<RuntimeException> lost) {
        awaitLoaded();
        leader = new Leader(group, pipeline, this::explain);
        this.lost = lost;
        watch = new Watch(
                settings,
                sockets,
                () -> Math.min(thread.nanosInTask(), leader.nanosSinceSent()),
                this::lose,
                this::rest);
        return new LeadingModel(model, leader, this);
    }

    /** What the ranks have done so far, on the leading rank. May be called from any thread. */
    public RankStats stats() {
        return leader.stats();
    }

    /**
     * What a step's failure means. If MLX could not compute something, or the step ended halfway, the others wait for
     * this rank, or this rank waited for one of them: they cannot go on. Any other failure is the request's own. On the
     * model's thread of the leading rank.
     *
     * @return the failure, or why the ranks cannot go on
     */
    Throwable explain(Throwable failure) {
        boolean ofMlx = failure instanceof MlxException && !(failure instanceof TextLibraryException);
        if ((!ofMlx && !leader.isMidway()) || MlxThread.isShuttingDown()) {
            return failure;
        }
        if (leader.failure() == null) {
            lose(watch.explain(failure));
        }
        return leader.failure();
    }

    /** Whoever finds the loss second waits until it is told. */
    private synchronized void lose(RankLostException cause) {
        if (lossTold.compareAndSet(false, true)) {
            leader.fail(cause);
            giveUp(cause);
            lost.accept(cause);
        }
    }

    /**
     * The thread and the group are of no use any more. The group stays for the exchanges that wait in it for ever; the
     * next model makes another one, if MLX can forget this one.
     */
    private RankLostException giveUp(RankLostException cause) {
        boolean again = isAgainPossible();
        stale |= again;
        over = again ? null : cause;
        // whoever hears of the end of the thread may build the model again at once
        OPEN.compareAndSet(this, null);
        thread.abandon(cause);
        if (again) {
            sockets.shutdown();
        }
        return cause;
    }

    /** A thread that still waits for others to come has the port that a new group would need. */
    private boolean isAgainPossible() {
        return sockets != null && RankGroup.canForget();
    }

    private RankLostException lost(String why) {
        return new RankLostException(why, isAgainPossible());
    }

    private void rest() {
        if (leader.nanosSinceSent() > REST_AFTER_NANOS && thread.nanosInTask() == 0 && !thread.hasWaiting()) {
            try {
                thread.execute(this::restNow);
            } catch (IllegalStateException | RankLostException e) {
                // it is being closed, or is lost
            }
        }
    }

    private void restNow() {
        try {
            leader.rest(REST_MILLIS);
        } catch (Throwable e) {
            explain(e);
        }
    }

    /**
     * Follows until the leading rank closes the model.
     *
     * @throws RankLostException if the ranks cannot go on; the thread was abandoned then
     */
    public void follow(LanguageModel model) {
        awaitLoaded();
        Follower follower = new Follower(group, model, pipeline);
        CompletableFuture<Void> end = CompletableFuture.runAsync(follower::run, thread);
        Executor late = CompletableFuture.delayedExecutor(LATE_MILLIS, TimeUnit.MILLISECONDS);
        watch = new Watch(
                settings,
                sockets,
                follower::nanosSinceReceived,
                cause -> late.execute(() -> end.completeExceptionally(cause)),
                () -> {});
        try {
            end.join();
        } catch (CompletionException e) {
            throw giveUp(e.getCause() instanceof RankLostException known ? known : watch.explain(e.getCause()));
        } finally {
            watch.close();
        }
    }

    private void awaitLoaded() {
        inTime(
                () -> {
                    try (Scope scope = Scope.open()) {
                        Eval.eval(group.allSum(Indexing.zeros(DType.INT32, settings.size())));
                        return null;
                    }
                },
                "load the model");
    }

    /** Does something on the thread that needs the other ranks. */
    private <T> T inTime(Supplier<T> task, String what) {
        CompletableFuture<T> done = CompletableFuture.supplyAsync(task, thread);
        Duration limit = settings.startTimeout();
        long end = System.nanoTime() + limit.toNanos();
        int gone = -1;
        while (true) {
            try {
                return done.get(50, TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                if (gone < 0 && sockets != null) {
                    gone = sockets.closedPeer();
                    long late = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(LATE_MILLIS);
                    end = gone < 0 ? end : Math.min(end, late);
                }
                if (System.nanoTime() > end) {
                    throw giveUp(lost(
                            gone >= 0
                                    ? settings.describe(gone) + " closed its connection before it could " + what
                                    : settings.describeOthers() + " did not " + what + " within " + limit.toSeconds()
                                            + " s"));
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw giveUp(lost("interrupted while waiting for " + settings.describeOthers()));
            } catch (ExecutionException e) {
                if (e.getCause() instanceof MlxException) {
                    throw giveUp(lost(settings.describeOthers() + " did not " + what + ": "
                            + e.getCause().getMessage()));
                }
                throw e.getCause() instanceof RuntimeException known ? known : new IllegalStateException(e.getCause());
            }
        }
    }

    /** Lets the others end, if this rank leads. On the model's thread. Idempotent. */
    @Override
    public void close() {
        try {
            if (leader != null) {
                leader.end();
            }
        } finally {
            if (watch != null) {
                watch.close();
            }
            group.close();
            OPEN.compareAndSet(this, null);
        }
    }
}
