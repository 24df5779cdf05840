package dev.langchain4j.model.mlx.cache;

import static dev.langchain4j.model.mlx.cache.CacheHarness.concat;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.FakeLayer.Kind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Function;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;

/**
 * Random requests, two to nine at once, whose chunks, steps and ends come in any order; cancelled, failed, forked in
 * circles, evicted, with layers that throw, and at the end closed in the middle; against a naive model: a list of all
 * token sequences. {@code -Dseed=N} repeats one run.
 */
class RandomOperationsTest {
    private static final Kind[][] LAYOUTS = {
        {Kind.SLICEABLE},
        {Kind.SLICEABLE, Kind.SLICEABLE},
        {Kind.WINDOW},
        {Kind.RECURRENT},
        {Kind.SLICEABLE, Kind.RECURRENT},
        {Kind.WINDOW, Kind.SLICEABLE, Kind.RECURRENT}
    };

    private static final int STATE_BYTES = 4;

    /** What a layer throws when it is told to. */
    private static final class Injected extends RuntimeException {}

    private static final class InjectedError extends Error {}

    private static final class Running {
        final CacheSession session;
        final int[] prompt;
        int[] generated = {};

        Running(CacheSession session, int[] prompt) {
            this.session = session;
            this.prompt = prompt;
        }

        int offset() {
            return session.layers().getFirst().offset();
        }

        int[] held() {
            return Arrays.copyOf(concat(prompt, generated), offset());
        }
    }

    private Random random;
    private CacheHarness harness;
    private Kind[] kinds;
    private final List<int[]> fed = new ArrayList<>();
    private final List<int[]> kept = new ArrayList<>();
    private final List<Running> running = new ArrayList<>();
    /** How many sessions may be open at once. */
    private int openMax;

    private long bytesMax;
    private boolean lossless;
    private boolean failing;

    @RepeatedTest(200)
    void everyPrefixThatIsReusedIsTheRightOneAndLimitsHold(RepetitionInfo repetition) {
        long seed = Long.getLong("seed", 1000L + repetition.getCurrentRepetition());
        random = new Random(seed);
        kinds = LAYOUTS[random.nextInt(LAYOUTS.length)];
        openMax = 2 + random.nextInt(8);
        boolean roomy = random.nextBoolean();
        lossless = roomy && random.nextBoolean();
        failing = !lossless && random.nextInt(3) == 0;
        bytesMax = roomy ? 1_000_000 : 100 + random.nextInt(900);
        int entriesMax = roomy || random.nextBoolean() ? Integer.MAX_VALUE : 1 + random.nextInt(10);
        CacheLimits limits = new CacheLimits(bytesMax, entriesMax, Duration.ofSeconds(100), 32);
        boolean fewBuffers = !lossless && random.nextInt(4) == 0;
        harness = new CacheHarness(fewBuffers ? limits.buffers(60) : limits, STATE_BYTES, kinds);
        harness.isolation = random.nextInt(4) == 0 ? Isolation.PER_MEMORY_ID : Isolation.SHARED;
        harness.ledger.capacityStep = random.nextBoolean() ? 1 : 16;
        try {
            for (int step = 0; step < 300; step++) {
                attempt(this::operate);
                check();
            }
            closeInTheMiddle();
        } catch (Throwable e) {
            throw new AssertionError("seed %d, layers %s".formatted(seed, Arrays.toString(kinds)), e);
        }
    }

    /** Sets up a failure of a copy now and then; what was to be done then fails with it, or works. */
    private void attempt(Runnable operation) {
        if (failing && random.nextInt(5) == 0) {
            boolean error = random.nextBoolean();
            harness.ledger.failure = error ? InjectedError::new : Injected::new;
            harness.ledger.copiesUntilFailure = random.nextInt(6);
        }
        try {
            operation.run();
        } catch (Injected | InjectedError expected) {
            // The next check says whether all is as it should be.
        } catch (CompletionException e) {
            assertThat(e.getCause()).isInstanceOfAny(Injected.class, InjectedError.class);
        } finally {
            harness.ledger.copiesUntilFailure = -1;
        }
    }

    private void check() {
        running.forEach(one -> one.session.layers().forEach(layer -> layer.bytes()));
        running.forEach(one -> harness.cache.usage().measure(one.session.sequence()));
        Sequence[] apart = running.stream()
                .filter(one -> !one.session.isStored())
                .map(one -> one.session.sequence())
                .toArray(Sequence[]::new);
        TrieAsserts.check(harness.cache, harness.ledger, apart);
        // A step is a chunk or a token; each may make buffers grow, and keep a state.
        long step = (long) kinds.length * (harness.chunkTokens + harness.ledger.capacityStep + 2 * STATE_BYTES);
        assertThat(harness.cache.usage().bytesHeld()).as("bytes held").isLessThanOrEqualTo(bytesMax + step);
    }

    private void operate() {
        int choice = random.nextInt(20);
        if (choice < 6 && running.size() < openMax) {
            begin();
        } else if (choice < 14 && !running.isEmpty()) {
            advance(running.get(random.nextInt(running.size())));
        } else if (choice < 17 && !running.isEmpty()) {
            finish(running.get(random.nextInt(running.size())));
        } else if (!lossless && choice == 17) {
            evict();
        } else if (!lossless && choice == 18) {
            harness.nanos += Duration.ofSeconds(random.nextInt(30)).toNanos();
            harness.cache.expire();
            join(access -> access.trimTo(random.nextInt(1000)));
        } else if (!lossless && choice == 19) {
            String parent = id();
            String child = id();
            if (!parent.equals(child)) {
                join(access -> access.fork(parent, child));
            }
        }
    }

    /** One conversation, those that a predicate accepts, or all at once. */
    private void evict() {
        switch (random.nextInt(5)) {
            case 0, 1 -> join(access -> access.evict(id()));
            case 2, 3 -> join(access -> access.evictIf(id()::equals));
            default -> {
                join(access -> access.evictIf(id -> true));
                join(access -> access.trimTo(0));
                if (running.isEmpty()) {
                    assertThat(harness.stats().bytesHeld())
                            .as("nothing is left")
                            .isZero();
                }
            }
        }
    }

    private void join(Function<PromptCache, CompletableFuture<?>> task) {
        task.apply(harness.access).join();
    }

    private String id() {
        return "c" + random.nextInt(5) + (random.nextInt(4) == 0 ? "." + random.nextInt(3) : "");
    }

    private void begin() {
        int[] prompt = prompt();
        List<Boundary> boundaries = List.of(
                new Boundary(random.nextInt(prompt.length + 5), Tier.SYSTEM),
                new Boundary(random.nextInt(prompt.length + 5), Tier.USER));
        Object conversation = random.nextInt(4) == 0 ? null : id();
        CacheRequest request =
                new CacheRequest(harness.key, prompt, boundaries, conversation, harness.isolation, harness.layers);
        Admission admission = harness.cache.admission(request);
        if (admission == Admission.LATER) {
            assertThat(running).as("something to wait for").isNotEmpty();
            return;
        }
        if (random.nextBoolean() && waitsFor(harness.cache.pending(request, 1), prompt)) {
            return;
        }
        long held = harness.cache.usage().bytesHeld();
        CacheSession session = harness.cache.begin(request);
        running.add(new Running(session, prompt));
        CacheHarness.assertHolds(session, prompt, session.resumePosition());
        int most = Math.min(longestPrefix(fed, prompt), prompt.length - 1);
        assertThat(session.resumePosition()).isBetween(0, most);
        if (lossless
                && harness.isolation == Isolation.SHARED
                && Arrays.stream(kinds).allMatch(kind -> kind == Kind.SLICEABLE)) {
            int least = Math.min(longestPrefix(kept, prompt), prompt.length - 1);
            assertThat(session.resumePosition()).isGreaterThanOrEqualTo(least);
        }
        if (admission == Admission.NEVER) {
            assertThat(session.hasRoom(1)).as("room for what is too large").isFalse();
            assertThat(harness.cache.usage().bytesHeld())
                    .as("nothing was evicted")
                    .isEqualTo(held);
        }
        if (harness.isolation == Isolation.PER_MEMORY_ID && conversation == null) {
            assertThat(session.isStored()).isFalse();
        }
    }

    /** Whether a running session will have computed what a prompt begins with; it is asked to keep that. */
    private boolean waitsFor(PendingPrefix prefix, int[] prompt) {
        if (prefix == null) {
            return false;
        }
        Running source = running.stream()
                .filter(one -> one.session == prefix.session())
                .findFirst()
                .orElseThrow();
        assertThat(prefix.position()).isBetween(source.offset() + 1, longestPrefix(List.of(source.prompt), prompt));
        source.session.shareAt(prefix.position());
        assertThat(source.session.nextCheckpoint(source.offset())).isLessThanOrEqualTo(prefix.position());
        return true;
    }

    /** Part of something that was fed, and a few tokens of a small alphabet. */
    private int[] prompt() {
        int[] start = fed.isEmpty() ? new int[0] : fed.get(random.nextInt(fed.size()));
        int keep = random.nextInt(3) == 0 ? random.nextInt(start.length + 1) : start.length;
        int[] tail = random.ints(1 + random.nextInt(20), 0, 3).toArray();
        int[] prompt = concat(Arrays.copyOf(start, keep), tail);
        return prompt.length > 150 ? Arrays.copyOf(prompt, 50) : prompt;
    }

    private static int longestPrefix(List<int[]> sequences, int[] prompt) {
        int longest = 0;
        for (int[] sequence : sequences) {
            int mismatch = Arrays.mismatch(sequence, prompt);
            longest = Math.max(longest, mismatch < 0 ? prompt.length : mismatch);
        }
        return longest;
    }

    /** Some chunks of the prompt, or some steps; a request without room ends. */
    private void advance(Running one) {
        try {
            boolean room = true;
            for (int i = random.nextInt(3); room && i >= 0; i--) {
                room = one.offset() < one.prompt.length - 1 ? chunk(one) : step(one);
            }
            fed.add(one.held());
            if (!room) {
                end(one, one.offset() < one.prompt.length ? Outcome.CANCELLED : Outcome.FINISHED);
            }
        } catch (Injected | InjectedError e) {
            fed.add(one.held());
            end(one, Outcome.FAILED);
            throw e;
        }
    }

    private boolean chunk(Running one) {
        int from = one.offset();
        int line = (from / harness.chunkTokens + 1) * harness.chunkTokens;
        int to = Math.min(one.prompt.length - 1, Math.min(line, one.session.nextCheckpoint(from)));
        if (!one.session.hasRoom(to)) {
            return false;
        }
        CacheHarness.feed(one.session, one.prompt, from, to);
        one.session.checkpoint();
        return true;
    }

    private boolean step(Running one) {
        if (!one.session.hasRoom(one.offset() + 1)) {
            return false;
        }
        boolean first = one.offset() == one.prompt.length - 1;
        int token = first ? one.prompt[one.prompt.length - 1] : random.nextInt(3);
        CacheHarness.feed(one.session, new int[] {token}, 0, 1);
        if (first) {
            one.session.checkpoint();
        } else {
            one.session.append(token);
            one.generated = concat(one.generated, new int[] {token});
        }
        return true;
    }

    private void finish(Running one) {
        Outcome outcome = Outcome.values()[random.nextInt(lossless ? 3 : 4)];
        int offset = one.offset();
        if (offset < one.prompt.length) {
            outcome = outcome == Outcome.FAILED ? Outcome.FAILED : Outcome.CANCELLED;
            if (random.nextBoolean() && offset < one.prompt.length - 1 && one.session.hasRoom(offset + 1)) {
                // A chunk that was fed and not evaluated.
                CacheHarness.feed(one.session, one.prompt, offset, offset + 1);
            }
        }
        int[] held = Arrays.copyOf(one.prompt, Math.min(offset, one.prompt.length));
        held = concat(held, offset > one.prompt.length ? one.generated : new int[0]);
        fed.add(held);
        boolean evaluated = offset > 0;
        end(one, outcome);
        if (outcome != Outcome.FAILED && evaluated) {
            kept.add(held);
        }
    }

    private void end(Running one, Outcome outcome) {
        running.remove(one);
        one.session.close(outcome);
    }

    /** Closes the cache while requests run, which then go on and end. */
    private void closeInTheMiddle() {
        harness.cache.close();
        for (Running one : List.copyOf(running)) {
            advance(one);
            if (running.contains(one)) {
                end(one, Outcome.values()[random.nextInt(4)]);
            }
        }
        assertThat(harness.ledger.open).as("open layers and snapshots").isZero();
        assertThat(harness.stats().bytesHeld()).isZero();
        assertThat(harness.stats().bytesRunning()).isZero();
    }
}
