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

    /** @param apart sequences that run and belong to no trie */
    static void check(TrieCache cache, FakeLayer.Ledger ledger, Sequence... apart) {
        long bytes = 0;
        int open = 0;
        int entries = 0;
        long buffers = 0;
        long promised = 0;
        Set<Object> owned = Collections.newSetFromMap(new IdentityHashMap<>());
        for (PrefixTrie trie : cache.tries()) {
            long[] sums = new long[4];
            trie.forEach(node -> {
                checkNode(trie, node);
                sums[0] += node.sliceBytes() + node.stateBytes();
                sums[3] += node.buffers();
                sums[1] += own(owned, node.slices) + own(owned, node.states);
                sums[2] += Usage.isEntry(node) ? 1 : 0;
            });
            bytes += sums[0];
            open += (int) sums[1];
            entries += (int) sums[2];
            buffers += sums[3];
            for (Sequence sequence : trie.sequences) {
                assertThat(owned.add(sequence)).as("a sequence is listed once").isTrue();
                assertThat(sequence.tail.removed).isFalse();
                assertThat(sequence.tail.parked == sequence).isEqualTo(!sequence.running);
                if (!sequence.running) {
                    assertThat(sequence.offset()).isEqualTo(sequence.length());
                    assertThat(sequence.bytes).isEqualTo(sequence.layerBytes());
                }
                bytes += sequence.bytes;
                buffers += sequence.buffers;
                promised += sequence.promised + sequence.lent;
                open += sequence.layers.size();
                for (LayerCache layer : sequence.layers) {
                    assertThat(owned.add(layer)).as("a layer has one owner").isTrue();
                }
            }
        }
        for (Sequence sequence : apart) {
            bytes += sequence.bytes;
            buffers += sequence.buffers;
            promised += sequence.promised + sequence.lent;
            open += sequence.layers.size();
        }
        assertThat(cache.usage().bytesHeld()).as("bytes counted").isEqualTo(bytes);
        assertThat(cache.usage().buffers).as("buffers counted").isEqualTo(buffers);
        assertThat(cache.usage().promisedBytes).as("bytes promised").isEqualTo(promised);
        assertThat(cache.usage().entries()).as("entries counted").isEqualTo(entries);
        assertThat(ledger.open).as("open layers and snapshots").isEqualTo(open);
        assertThat(ledger.bytes).as("bytes allocated").isEqualTo(bytes);
    }

    private static long own(Set<Object> owned, TrieRecord record) {
        long n = 0;
        if (record != null) {
            for (Snapshot snapshot : record.snapshots()) {
                assertThat(owned.add(snapshot)).as("a snapshot has one owner").isTrue();
                n++;
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
        if (node.isLeaf() && trie.stateful()) {
            boolean ends = trie.sequences.stream().anyMatch(s -> s.tail == node);
            assertThat(node.states != null || ends).as("a leaf can be resumed").isTrue();
        }
        for (TrieRecord record : Arrays.asList(node.slices, node.states)) {
            if (record != null) {
                assertThat(record.snapshots()).allMatch(snapshot -> snapshot.end() == node.end());
                assertThat(record.bytes)
                        .isEqualTo(record.snapshots().stream()
                                .mapToLong(Snapshot::bytes)
                                .sum());
            }
        }
    }
}
