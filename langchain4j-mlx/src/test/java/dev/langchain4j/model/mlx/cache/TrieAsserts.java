package dev.langchain4j.model.mlx.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Snapshot;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;

/** Checks the invariants of a cache between two calls. */
final class TrieAsserts {
    private TrieAsserts() {}

    static void check(PromptCache cache, FakeLayer.Ledger ledger) {
        long bytes = 0;
        int open = 0;
        int entries = 0;
        Set<Object> owned = Collections.newSetFromMap(new IdentityHashMap<>());
        for (PrefixTrie trie : cache.tries()) {
            long[] sums = new long[3];
            trie.forEach(node -> {
                checkNode(trie, node);
                sums[0] += node.sliceBytes + node.stateBytes;
                sums[1] += own(owned, node.slices) + own(owned, node.states);
                sums[2] += Usage.isEntry(node) ? 1 : 0;
            });
            bytes += sums[0];
            open += (int) sums[1];
            entries += (int) sums[2];
            for (Sequence sequence : trie.sequences) {
                assertThat(owned.add(sequence)).as("a sequence is listed once").isTrue();
                assertThat(sequence.tail.removed).isFalse();
                assertThat(sequence.tail.parked == sequence).isEqualTo(!sequence.running);
                if (!sequence.running) {
                    assertThat(sequence.offset()).isEqualTo(sequence.length());
                    assertThat(sequence.bytes).isEqualTo(sequence.layerBytes());
                }
                bytes += sequence.bytes;
                open += sequence.layers.size();
                for (LayerCache layer : sequence.layers) {
                    assertThat(owned.add(layer)).as("a layer has one owner").isTrue();
                }
            }
        }
        assertThat(cache.usage().bytesHeld()).as("bytes counted").isEqualTo(bytes);
        assertThat(cache.usage().entries()).as("entries counted").isEqualTo(entries);
        assertThat(ledger.open).as("open layers and snapshots").isEqualTo(open);
        assertThat(ledger.bytes).as("bytes allocated").isEqualTo(bytes);
    }

    private static long own(Set<Object> owned, Snapshot[] snapshots) {
        long n = 0;
        if (snapshots != null) {
            for (Snapshot snapshot : snapshots) {
                if (snapshot != null) {
                    assertThat(owned.add(snapshot))
                            .as("a snapshot has one owner")
                            .isTrue();
                    n++;
                }
            }
        }
        return n;
    }

    private static void checkNode(PrefixTrie trie, TrieNode node) {
        assertThat(node.removed).isFalse();
        assertThat(node.edge).isNotEmpty();
        assertThat(node.start).isEqualTo(node.parent.end());
        assertThat(node.parent.child(node.edge[0])).isSameAs(node);
        assertThat(trie.hasContent(node))
                .as("content of [%d, %d)", node.start, node.end())
                .isTrue();
        long covers = trie.sequences.stream().filter(s -> node.isAbove(s.tail)).count();
        assertThat((long) node.covers).as("sequences through a node").isEqualTo(covers);
        assertThat(node.sliceBytes).isEqualTo(Records.bytes(node.slices));
        assertThat(node.stateBytes).isEqualTo(Records.bytes(node.states));
        if (node.isLeaf() && trie.stateful()) {
            boolean ends = trie.sequences.stream().anyMatch(s -> s.tail == node);
            assertThat(node.states != null || ends).as("a leaf can be resumed").isTrue();
        }
        for (Snapshot[] snapshots : Arrays.asList(node.slices, node.states)) {
            if (snapshots != null) {
                for (Snapshot snapshot : snapshots) {
                    assertThat(snapshot == null || snapshot.end() == node.end()).isTrue();
                }
            }
        }
    }
}
