package dev.langchain4j.model.mlx.cache;

import static dev.langchain4j.model.mlx.cache.CacheHarness.concat;
import static dev.langchain4j.model.mlx.cache.CacheHarness.range;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.FakeLayer.Kind;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import dev.langchain4j.model.mlx.cache.disk.DiskStore;
import dev.langchain4j.model.mlx.cache.disk.Keys;
import dev.langchain4j.model.mlx.cache.disk.SharedPrefixes;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Which key protects what a prompt leaves on disk, and what a conversation has without its key. */
class DiskTierKeysTest {
    private static final Boundary SYSTEM = new Boundary(50, Tier.SYSTEM);
    private static final int[] ANN = concat(range(0, 50), range(1000, 1030));
    private static final int[] BOB = concat(range(0, 50), range(2000, 2030));

    @TempDir
    Path folder;

    private final Keys keys = new Keys();
    private DiskLimits limits = DiskLimits.ofBytes(1 << 26);
    private Isolation isolation = Isolation.SHARED;

    private CacheHarness open(Kind... kinds) {
        DiskStore store = DiskStore.open(folder, CacheHarness.IDENTITY, limits, DiskStore.Clock.SYSTEM, keys);
        CacheHarness harness = CacheHarness.of(1_000_000, kinds).onDisk(store, SharedPrefixes.none(), limits);
        harness.isolation = isolation;
        return harness;
    }

    private static int answer(CacheHarness harness, Object conversation, int[] prompt) {
        return harness.run(conversation, prompt, new int[] {1, 2, 3}, Outcome.FINISHED, SYSTEM);
    }

    /** Ann and bob talk, the process ends, and another one is asked what it has of a prompt. */
    private int afterRestart(Object conversation, int[] prompt, Kind... kinds) {
        try (Restart restart = new Restart(kinds)) {
            return answer(restart.harness, conversation, prompt);
        }
    }

    private final class Restart implements AutoCloseable {
        private final CacheHarness harness;

        Restart(Kind... kinds) {
            harness = open(kinds);
        }

        @Override
        public void close() {
            harness.cache.clear();
            harness.settle();
            harness.close();
        }
    }

    private void talk(Kind... kinds) {
        CacheHarness harness = open(kinds);
        answer(harness, "ann", ANN);
        answer(harness, "bob", BOB);
        harness.close();
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void withItsKeyAConversationGoesOn(Kind kind) {
        talk(Kind.SLICEABLE, kind);
        int[] next = concat(ANN, new int[] {1, 2, 3}, range(1100, 1110));
        assertThat(afterRestart("ann", next, Kind.SLICEABLE, kind)).isEqualTo(ANN.length + 3);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void withoutTheKeyOfOneTheSystemMessageAndTheOthersStay(Kind kind) {
        talk(Kind.SLICEABLE, kind);
        keys.gone.add("ann");
        CacheHarness next = open(Kind.SLICEABLE, kind);
        assertThat(answer(next, "eve", ANN))
                .as("the system message is nobody's")
                .isEqualTo(50);
        int[] more = concat(BOB, new int[] {1, 2, 3}, range(7, 9));
        assertThat(answer(next, "bob", more)).isEqualTo(BOB.length + 3);
        assertThat(next.tier.stats().misses()).containsOnlyKeys("no key");
        next.close();
    }

    @Test
    void anIsolatedConversationOwnsAllOfItsPrompt() {
        isolation = Isolation.PER_MEMORY_ID;
        limits = limits.isolated(true);
        talk(Kind.SLICEABLE);
        keys.gone.add("ann");
        CacheHarness next = open(Kind.SLICEABLE);
        assertThat(answer(next, "ann", ANN)).isZero();
        assertThat(answer(next, "bob", BOB)).isEqualTo(BOB.length - 1);
        next.close();
    }

    @Test
    void nothingIsWrittenForAMemoryIdWithoutAKey() {
        keys.gone.add("ann");
        CacheHarness harness = open(Kind.SLICEABLE);
        answer(harness, "ann", ANN);
        harness.tier.note("ann", false, name -> new byte[] {1, 2, 3});
        harness.settle();
        assertThat(harness.tier.stats().records()).isZero();
        assertThat(harness.tier.stats().bytesWritten()).isZero();
        assertThat(harness.tier.stats().misses()).containsOnlyKeys("no key");
        harness.close();
    }

    @Test
    void aConversationIsEvictedWithoutItsKey() {
        talk(Kind.SLICEABLE);
        keys.gone.add("ann");
        CacheHarness next = open(Kind.SLICEABLE);
        int before = next.tier.stats().records();
        next.access.evict("ann").join();
        assertThat(next.tier.stats().records()).isEqualTo(before - 1);
        keys.gone.clear();
        next.close();
        assertThat(afterRestart("ann", ANN, Kind.SLICEABLE)).isEqualTo(50);
    }
}
