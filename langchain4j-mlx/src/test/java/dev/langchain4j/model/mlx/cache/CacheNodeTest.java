package dev.langchain4j.model.mlx.cache;

import static dev.langchain4j.model.mlx.cache.CacheHarness.concat;
import static dev.langchain4j.model.mlx.cache.CacheHarness.range;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.cache.FakeLayer.Kind;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The trie as records, for those who draw it. */
class CacheNodeTest {
    private final CacheHarness harness = CacheHarness.of(1_000_000, Kind.SLICEABLE);

    @AfterEach
    void nothingLeaks() {
        harness.close();
    }

    @Test
    void twoConversationsOverOneSystemMessageAreOneNodeWithTwoBelow() {
        harness.run("ann", concat(range(0, 20), range(100, 110)));
        harness.run("bob", concat(range(0, 20), range(200, 207)));
        List<CacheNode> nodes = harness.access.nodes().join();
        assertThat(nodes).hasSize(1);
        CacheNode system = nodes.getFirst();
        assertThat(system.start()).isZero();
        assertThat(system.end()).isEqualTo(20);
        assertThat(system.shared()).isTrue();
        assertThat(system.children()).extracting(CacheNode::conversation).containsExactly("ann", "bob");
        assertThat(system.children()).extracting(CacheNode::end).containsExactly(30, 27);
        assertThat(system.children()).extracting(CacheNode::idleRequests).containsExactly(1L, 0L);
        assertThat(system.children()).allMatch(node -> node.restingBytes() > 0 && node.sequences() == 1);
    }

    @Test
    void anEmptyCacheHasNoNodes() {
        assertThat(harness.access.nodes().join()).isEmpty();
    }
}
