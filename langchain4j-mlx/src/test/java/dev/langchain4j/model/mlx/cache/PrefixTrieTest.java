package dev.langchain4j.model.mlx.cache;

import static dev.langchain4j.model.mlx.cache.CacheHarness.concat;
import static dev.langchain4j.model.mlx.cache.CacheHarness.range;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.cache.FakeLayer.Kind;
import dev.langchain4j.model.mlx.kv.LayerCache;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The index alone: matching, splitting, extending, removing. */
class PrefixTrieTest {
    private final Usage usage = new Usage(CacheLimits.ofBytes(Long.MAX_VALUE));
    private final PrefixTrie trie = new PrefixTrie(usage);
    private final Conversation owner = new Conversation("a");

    private TrieNode insert(int... tokens) {
        return trie.extend(trie.root(), tokens, 0, tokens.length, owner);
    }

    private int matched(int... tokens) {
        return trie.match(tokens).matched();
    }

    @Test
    void anEmptyTrieMatchesNothing() {
        assertThat(trie.match(new int[] {1})).isEqualTo(new PrefixTrie.Match(trie.root(), 0));
        assertThat(trie.match(new int[0]).matched()).isZero();
    }

    @Test
    void matchesFollowTheOneBranchThatFits() {
        insert(1, 2, 3, 4);
        insert(1, 2, 5, 6);
        insert(7, 8);
        assertThat(matched(1, 2, 3, 4, 5)).isEqualTo(4);
        assertThat(matched(1, 2, 5, 9)).isEqualTo(3);
        assertThat(matched(1, 2, 9)).isEqualTo(2);
        assertThat(matched(7)).isEqualTo(1);
        assertThat(matched(8)).isZero();
    }

    @Test
    void aBranchSplitsAnEdgeAndKeepsTheNodeThatOthersReferTo() {
        TrieNode first = insert(1, 2, 3, 4);
        insert(1, 2, 5);
        assertThat(first.start).isEqualTo(2);
        assertThat(first.end()).isEqualTo(4);
        assertThat(first.edge).containsExactly(3, 4);
        assertThat(first.parent.edge).containsExactly(1, 2);
        assertThat(first.parent.children()).hasSize(2);
    }

    @Test
    void insertingAPrefixEndsInsideOfAnEdge() {
        TrieNode longer = insert(1, 2, 3, 4);
        TrieNode shorter = insert(1, 2);
        assertThat(shorter.isAbove(longer)).isTrue();
        assertThat(longer.isAbove(shorter)).isFalse();
        assertThat(insert(1, 2, 3, 4)).isSameAs(longer);
    }

    @Test
    void childrenAreFoundAmongMany() {
        int[] first = new Random(7).ints(0, 1_000_000).distinct().limit(2000).toArray();
        for (int token : first) {
            insert(token, 1, 2);
        }
        for (int token : first) {
            assertThat(matched(token, 1, 2)).isEqualTo(3);
        }
        assertThat(Arrays.stream(trie.root().children()).mapToInt(n -> n.edge[0]))
                .isSorted();
        for (int token : first) {
            trie.remove(trie.root().child(token));
        }
        assertThat(trie.isEmpty()).isTrue();
        assertThat(usage.entries()).isZero();
    }

    @Test
    void whoRemembersARemovedNodeFindsWhatIsLeftOfItsPath() {
        TrieNode leaf = insert(1, 2, 3, 4);
        TrieNode upper = trie.nodeAt(leaf, 2);
        trie.remove(leaf);
        assertThat(leaf.standing()).isSameAs(upper);
        trie.remove(upper);
        assertThat(leaf.standing()).isSameAs(trie.root());
    }

    @Test
    void aSplitRecordHoldsTheSameTokensInTwoParts() {
        FakeLayer.Ledger ledger = new FakeLayer.Ledger();
        List<LayerCache> layers = FakeLayer.layers(ledger, 1, Kind.SLICEABLE).get();
        trie.learnKinds(layers);
        for (int i = 0; i < 10; i++) {
            ((FakeLayer) layers.getFirst()).feed(i);
        }
        TrieNode leaf = insert(range(0, 10));
        trie.setSlices(leaf, TrieRecord.slices(new Sequence(trie, layers, null), 0, 10));
        TrieNode upper = trie.nodeAt(leaf, 4);
        assertThat(upper.sliceBytes()).isEqualTo(4);
        assertThat(leaf.sliceBytes()).isEqualTo(6);
        assertThat(usage.recordBytes).isEqualTo(10);
        assertThat(leaf.slices.snapshots().getFirst().start()).isEqualTo(4);
        trie.remove(upper);
        assertThat(usage.recordBytes).isZero();
        layers.getFirst().close();
        assertThat(ledger.open).isZero();
    }

    @Test
    void theIndexOfAnAgentsConversationsTakesUnderEightBytesAToken() {
        int[] system = range(0, 3000);
        long tokens = 3000;
        long nodes = 0;
        for (int c = 0; c < 50; c++) {
            int[] prompt = system;
            TrieNode at = trie.extend(trie.root(), prompt, 0, prompt.length, owner);
            for (int round = 0; round < 10; round++) {
                prompt = concat(prompt, range(100_000 * (c + 1) + 400 * round, 100_000 * (c + 1) + 400 * round + 400));
                at = trie.extend(at, prompt, at.end(), prompt.length, owner);
                tokens += 400;
            }
        }
        long[] edgeBytes = new long[1];
        long[] count = new long[1];
        trie.forEach(node -> {
            edgeBytes[0] += 16 + 4L * node.edge.length;
            count[0]++;
        });
        nodes = count[0];
        long bytes = edgeBytes[0] + nodes * (16 + 8 * 8 + 8 * 8 + 2 * 24);
        assertThat((double) bytes / tokens).isLessThan(8);
    }
}
