package dev.langchain4j.model.mlx.cache;

import static dev.langchain4j.model.mlx.cache.CacheHarness.concat;
import static dev.langchain4j.model.mlx.cache.CacheHarness.range;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.FakeLayer.Kind;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a prompt can expect of those that are being computed, and what it finds when it is there. */
class PendingPrefixTest {
    private static final int[] PREFIX = range(0, 300);

    private static int[] prompt(int conversation, int length) {
        return concat(PREFIX, range(1000 * conversation, 1000 * conversation + length));
    }

    private static PendingPrefix pending(CacheHarness harness, Object conversation, int[] prompt, int step) {
        return harness.cache.pending(
                new CacheRequest(harness.key, prompt, List.of(), conversation, harness.isolation, harness.layers),
                step);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void aPrefixIsFoundFromTheCheckpointOnThatIsMadeForIt(Kind kind) {
        CacheHarness harness = CacheHarness.of(1_000_000, kind);
        int[] first = prompt(1, 200);
        int[] second = prompt(2, 20);
        CacheSession source = harness.begin("a", first);
        harness.prefill(source, first, 20);
        PendingPrefix prefix = pending(harness, "b", second, 1);
        assertThat(prefix).isEqualTo(new PendingPrefix(source, 300));
        prefix.session().shareAt(prefix.position());
        assertThat(source.nextCheckpoint(20)).isEqualTo(300);
        harness.prefill(source, first, 299);
        assertThat(pending(harness, "b", second, 1) != null)
                .as("what was computed can be resumed where layers can be cut")
                .isEqualTo(kind != Kind.SLICEABLE);
        harness.prefill(source, first, 300);
        assertThat(pending(harness, "b", second, 1)).isNull();
        CacheSession waiter = harness.begin("b", second);
        assertThat(waiter.resumePosition()).isEqualTo(300);
        harness.prefill(source, first, first.length - 1);
        harness.prefill(waiter, second, second.length - 1);
        harness.decode(source, first, 7);
        harness.decode(waiter, second, 8);
        TrieAsserts.check(harness.cache, harness.ledger);
        waiter.close(Outcome.FINISHED);
        source.close(Outcome.FINISHED);
        assertThat(harness.probe(first)).isEqualTo(first.length - 1);
        harness.close();
    }

    /** Also the end of a prompt, behind its last boundary, is found while its answer is generated. */
    @ParameterizedTest
    @EnumSource(Kind.class)
    void theSamePromptAgainWaitsForAllButTheLastToken(Kind kind) {
        CacheHarness harness = CacheHarness.of(1_000_000, kind);
        int[] prompt = prompt(1, 100);
        CacheSession source = harness.begin("a", prompt, new Boundary(300, Tier.SYSTEM));
        PendingPrefix prefix = pending(harness, "b", prompt, 1);
        assertThat(prefix.position()).isEqualTo(prompt.length - 1);
        prefix.session().shareAt(prefix.position());
        harness.prefill(source, prompt, prompt.length - 1);
        harness.decode(source, prompt, 7);
        assertThat(harness.begin("b", prompt).resumePosition()).isEqualTo(prompt.length - 1);
        harness.cache.close();
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void stepsOfChunksAreKept(Kind kind) {
        CacheHarness harness = CacheHarness.of(1_000_000, kind);
        harness.begin("a", prompt(1, 200));
        assertThat(pending(harness, "b", prompt(2, 20), 128).position()).isEqualTo(256);
        harness.cache.close();
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void whatGainsLittleOrNothingIsNotWaitedFor(Kind kind) {
        CacheHarness harness = CacheHarness.of(1_000_000, kind);
        int[] first = prompt(1, 200);
        CacheSession source = harness.begin("a", first);
        assertThat(pending(harness, "b", range(5000, 5400), 1))
                .as("nothing in common")
                .isNull();
        assertThat(pending(harness, "b", concat(range(0, 40), range(5000, 5400)), 1))
                .as("little in common")
                .isNull();
        harness.key = CacheKey.of("another model", "float32");
        assertThat(pending(harness, "b", prompt(2, 20), 1)).as("another model").isNull();
        harness.key = CacheHarness.KEY;
        harness.isolation = Isolation.PER_MEMORY_ID;
        assertThat(pending(harness, "b", prompt(2, 20), 1))
                .as("shares with nobody")
                .isNull();
        assertThat(pending(harness, null, prompt(2, 20), 1)).isNull();
        harness.isolation = Isolation.SHARED;
        source.close(Outcome.FAILED);
        assertThat(pending(harness, "b", prompt(2, 20), 1))
                .as("nobody computes it")
                .isNull();
        harness.close();
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void conversationsOfOneIsolatedFamilyWaitForEachOtherOnly(Kind kind) {
        CacheHarness harness = CacheHarness.of(1_000_000, kind);
        harness.isolation = Isolation.PER_MEMORY_ID;
        CacheSession source = harness.begin("a", prompt(1, 200));
        assertThat(pending(harness, "a", prompt(2, 20), 1).session()).isSameAs(source);
        assertThat(pending(harness, "b", prompt(2, 20), 1)).isNull();
        source.close(Outcome.CANCELLED);
        harness.close();
    }
}
