package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.cache.disk.Section;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Snapshot;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * What a node keeps: the slices of its edge, or the states at its end. A snapshot for some of the layers, null for the
 * others. Immutable; the node that has it is the owner of the snapshots and closes them once.
 */
final class TrieRecord {
    private final Snapshot[] snapshots;
    final long bytes;
    /** Native buffers of all snapshots. */
    final int buffers;

    private TrieRecord(Snapshot[] snapshots) {
        this.snapshots = snapshots;
        long sumOfBytes = 0;
        int sumOfBuffers = 0;
        for (Snapshot snapshot : snapshots) {
            if (snapshot != null) {
                sumOfBytes += snapshot.bytes();
                sumOfBuffers += snapshot.bufferCount();
            }
        }
        this.bytes = sumOfBytes;
        this.buffers = sumOfBuffers;
    }

    /** Copies a range of a sequence's sliceable layers. */
    static TrieRecord slices(Sequence sequence, int start, int end) {
        return of(sequence.layers, layer -> layer.sliceable() ? layer.slice(start, end) : null);
    }

    /** Keeps the states of a sequence's state layers. */
    static TrieRecord states(Sequence sequence) {
        return of(sequence.layers, layer -> layer.sliceable() ? null : layer.state());
    }

    /** Adds the bytes of all snapshots. */
    void encode(SnapshotCodec codec, List<Section> sections) {
        for (int i = 0; i < snapshots.length; i++) {
            if (snapshots[i] != null) {
                codec.encode(i, snapshots[i], sections);
            }
        }
    }

    /**
     * Slices, or states, of these bytes.
     *
     * @param wanted the layers that they are of
     * @throws RuntimeException if they are not those of all these layers
     */
    static TrieRecord decode(
            SnapshotCodec codec,
            List<LayerCache> layers,
            Predicate<LayerCache> wanted,
            int start,
            int end,
            List<Section> sections) {
        Map<Integer, List<Section>> byLayer = sections.stream().collect(Collectors.groupingBy(Section::layer));
        Iterator<Integer> numbers = IntStream.range(0, layers.size()).iterator();
        return of(layers, layer -> {
            List<Section> own = byLayer.getOrDefault(numbers.next(), List.of());
            return wanted.test(layer) ? codec.decode(layer, layer.sliceable() ? start : 0, end, own) : null;
        });
    }

    /** Copies a range of these slices. */
    TrieRecord slice(int start, int end) {
        return of(Arrays.asList(snapshots), slice -> slice == null ? null : slice.slice(start, end));
    }

    /** Closes what was made if one of them fails. */
    private static <T> TrieRecord of(List<T> sources, Function<T, Snapshot> copy) {
        Snapshot[] made = new Snapshot[sources.size()];
        try {
            for (int i = 0; i < made.length; i++) {
                made[i] = copy.apply(sources.get(i));
            }
            return new TrieRecord(made);
        } catch (Throwable e) {
            close(made);
            throw e;
        }
    }

    /** Puts the snapshots into the layers of a sequence. */
    void restore(Sequence sequence) {
        for (int i = 0; i < snapshots.length; i++) {
            if (snapshots[i] != null) {
                LayerCache layer = sequence.layers.get(i);
                layer.restore(snapshots[i]);
            }
        }
    }

    List<Snapshot> snapshots() {
        return Arrays.stream(snapshots).filter(Objects::nonNull).toList();
    }

    void close() {
        close(snapshots);
    }

    private static void close(Snapshot[] snapshots) {
        for (Snapshot snapshot : snapshots) {
            if (snapshot != null) {
                snapshot.close();
            }
        }
    }
}
