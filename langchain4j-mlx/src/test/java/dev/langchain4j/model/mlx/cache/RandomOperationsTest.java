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
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;

/**
 * Random requests, interleaved, cancelled, failed, forked and evicted, against a naive model: a list of all token
 * sequences. {@code -Dseed=N} repeats one run.
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

    private record Running(CacheSession session, int[] prompt) {}

    private Random random;
    private CacheHarness harness;
    private final List<int[]> fed = new ArrayList<>();
    private final List<int[]> kept = new ArrayList<>();
    private final List<Running> running = new ArrayList<>();
    private long bytesMax;
    private boolean lossless;

    @RepeatedTest(100)
    void everyPrefixThatIsReusedIsTheRightOne(RepetitionInfo repetition) {
        long seed = Long.getLong("seed", 1000L + repetition.getCurrentRepetition());
        random = new Random(seed);
        Kind[] kinds = LAYOUTS[random.nextInt(LAYOUTS.length)];
        boolean roomy = random.nextBoolean();
        lossless = roomy && random.nextBoolean();
        bytesMax = roomy ? 1_000_000 : 100 + random.nextInt(900);
        int entriesMax = roomy || random.nextBoolean() ? Integer.MAX_VALUE : 1 + random.nextInt(10);
        harness = new CacheHarness(new CacheLimits(bytesMax, entriesMax, Duration.ofSeconds(100), 32), 4, kinds);
        harness.isolation = random.nextInt(4) == 0 ? Isolation.PER_MEMORY_ID : Isolation.SHARED;
        harness.ledger.capacityStep = random.nextBoolean() ? 1 : 16;
        try {
            for (int step = 0; step < 300; step++) {
                operate(kinds);
                TrieAsserts.check(harness.cache, harness.ledger);
            }
            running.forEach(r -> r.session.close(Outcome.CANCELLED));
            harness.close();
        } catch (Throwable e) {
            throw new AssertionError("seed %d, layers %s".formatted(seed, Arrays.toString(kinds)), e);
        }
    }

    private void operate(Kind[] kinds) {
        int choice = random.nextInt(20);
        if (choice < 6 && running.size() < 4) {
            begin(kinds);
        } else if (choice < 15 && !running.isEmpty()) {
            advance(running.get(random.nextInt(running.size())));
        } else if (choice < 18 && !running.isEmpty()) {
            finish(running.remove(random.nextInt(running.size())));
        } else if (!lossless && choice == 18) {
            harness.cache.evict("c" + random.nextInt(5)).join();
        } else if (!lossless && choice == 19) {
            harness.nanos += Duration.ofSeconds(random.nextInt(30)).toNanos();
            String parent = "c" + random.nextInt(5);
            harness.cache.fork(parent, parent + "." + random.nextInt(3)).join();
        }
    }

    private void begin(Kind[] kinds) {
        int[] prompt = prompt();
        int system = random.nextInt(prompt.length + 5);
        Object conversation = random.nextInt(4) == 0 ? null : "c" + random.nextInt(5);
        CacheSession session = harness.begin(
                conversation,
                prompt,
                new Boundary(system, Tier.SYSTEM),
                new Boundary(random.nextInt(prompt.length + 5), Tier.USER));
        int most = Math.min(longestPrefix(fed, prompt), prompt.length - 1);
        assertThat(session.resumePosition()).isLessThanOrEqualTo(most);
        if (lossless
                && harness.isolation == Isolation.SHARED
                && Arrays.stream(kinds).allMatch(kind -> kind == Kind.SLICEABLE)) {
            int least = Math.min(longestPrefix(kept, prompt), prompt.length - 1);
            assertThat(session.resumePosition()).isGreaterThanOrEqualTo(least);
        }
        if (session.plan().reason() == ReusePlan.Reason.DISABLED) {
            session.close(Outcome.CANCELLED);
        } else {
            running.add(new Running(session, prompt));
        }
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

    private void advance(Running r) {
        int offset = r.session.layers().getFirst().offset();
        int to = Math.min(r.prompt.length - 1, offset + 1 + random.nextInt(40));
        if (offset < to) {
            harness.prefill(r.session, r.prompt, to);
            fed.add(Arrays.copyOf(r.prompt, to));
        }
        if (harness.stats().bytesHeld() > bytesMax) {
            assertThat(harness.stats().bytesHeld()).isEqualTo(harness.stats().bytesRunning());
        }
    }

    private void finish(Running r) {
        Outcome outcome = Outcome.values()[random.nextInt(lossless ? 3 : 4)];
        int offset = r.session.layers().getFirst().offset();
        int[] held = Arrays.copyOf(r.prompt, offset);
        if (outcome == Outcome.FINISHED || outcome == Outcome.TOOL_CALL) {
            harness.prefill(r.session, r.prompt, r.prompt.length - 1);
            int[] generated = random.ints(random.nextInt(10), 0, 3).toArray();
            harness.decode(r.session, r.prompt, generated);
            held = concat(r.prompt, generated);
        } else if (random.nextBoolean() && offset < r.prompt.length - 1) {
            CacheHarness.feed(r.session, r.prompt, offset, offset + 1);
        }
        r.session.close(outcome);
        fed.add(held);
        if (outcome != Outcome.FAILED) {
            kept.add(held);
        }
    }
}
