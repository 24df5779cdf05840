package dev.langchain4j.model.mlx.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.FakeLayer.Kind;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Tiers before expected loss, where an application wants them. */
class EvictionOrderTest {
    private CacheHarness harness;

    private void start(int entriesMax, EvictionOrder order) {
        CacheLimits limits = new CacheLimits(Long.MAX_VALUE / 2, entriesMax, Duration.ofHours(1), 1024);
        harness = new CacheHarness(limits.evicting(order), 4, Kind.SLICEABLE);
    }

    @AfterEach
    void nothingIsLeft() {
        if (harness != null) {
            harness.close();
        }
    }

    /** A conversation of its own tokens, whose only entry has this tier. */
    private void insert(int first, Tier tier) {
        harness.run(first, prompt(first), new int[0], Outcome.FINISHED, new Boundary(20, tier));
    }

    private static int[] prompt(int first) {
        return CacheHarness.range(first, first + 20);
    }

    private boolean isKept(int first) {
        return harness.probe(CacheHarness.concat(prompt(first), new int[] {9})) == 20;
    }

    @Test
    void aUserEntryEvictsAnAssistantEntryAndOutlivesLaterOnes() {
        start(2, EvictionOrder.byTier());
        insert(100, Tier.ASSISTANT);
        insert(200, Tier.ASSISTANT);
        insert(300, Tier.USER);
        assertThat(isKept(100)).isFalse();
        assertThat(isKept(200)).isTrue();
        insert(400, Tier.ASSISTANT);
        insert(500, Tier.ASSISTANT);
        assertThat(isKept(300)).isTrue();
        assertThat(isKept(400)).isFalse();
        assertThat(isKept(500)).isTrue();
    }

    @Test
    void aTierWithFewerEntriesThanTheNextIsSpared() {
        start(4, EvictionOrder.byTier());
        insert(100, Tier.USER);
        insert(200, Tier.USER);
        insert(300, Tier.USER);
        insert(400, Tier.ASSISTANT);
        insert(500, Tier.ASSISTANT);
        assertThat(isKept(100)).isFalse();
        assertThat(isKept(200)).isTrue();
        assertThat(isKept(400)).isTrue();
    }

    @Test
    void theOrderIsASetting() {
        start(2, EvictionOrder.byTier(Tier.SYSTEM, Tier.USER, Tier.ASSISTANT));
        insert(100, Tier.ASSISTANT);
        insert(200, Tier.SYSTEM);
        insert(300, Tier.ASSISTANT);
        assertThat(isKept(100)).isTrue();
        assertThat(isKept(200)).isFalse();
        assertThat(isKept(300)).isTrue();
    }

    @Test
    void theTierThatIsLeftGoesWhateverItsPlace() {
        start(1, EvictionOrder.byTier());
        insert(100, Tier.SYSTEM);
        insert(200, Tier.SYSTEM);
        assertThat(isKept(100)).isFalse();
        assertThat(isKept(200)).isTrue();
    }

    @Test
    void anOrderNamesEachTierOnce() {
        assertThatThrownBy(() -> EvictionOrder.byTier(Tier.USER, Tier.SYSTEM))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("tiers ([USER, SYSTEM]) must name each of [ASSISTANT, USER, SYSTEM] once");
        assertThatThrownBy(() -> EvictionOrder.byTier(Tier.USER, Tier.USER, Tier.SYSTEM))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(EvictionOrder.byTier().tiers()).containsExactly(Tier.ASSISTANT, Tier.USER, Tier.SYSTEM);
    }
}
