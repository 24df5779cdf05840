package dev.langchain4j.model.mlx.ranks;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Snapshot;
import dev.langchain4j.model.mlx.ranks.Command.Kind;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/** The first rank's share of a layer: what is done to it all ranks do to theirs. */
final class LeadingLayer implements LayerCache {
    private final Leader leader;
    private final int sequence;
    private final int index;
    private final LayerCache own;
    private boolean closed;

    LeadingLayer(Leader leader, int sequence, int index, LayerCache own) {
        this.leader = leader;
        this.sequence = sequence;
        this.index = index;
        this.own = own;
    }

    /** The number of the sequence that has these layers. */
    static int sequence(List<LayerCache> layers) {
        return ((LeadingLayer) layers.getFirst()).sequence;
    }

    /** The shares of this rank; what follows and is not shared stays as it is. */
    static List<LayerCache> own(List<LayerCache> layers) {
        return layers.stream()
                .map(layer -> layer instanceof LeadingLayer leading ? leading.own : layer)
                .toList();
    }

    private void tell(Kind kind, int a) {
        leader.add(Command.ofLayer(kind, sequence, index, a));
    }

    @Override
    public int offset() {
        return own.offset();
    }

    @Override
    public long bytes() {
        return own.bytes();
    }

    @Override
    public long bytesFor(int tokens) {
        return own.bytesFor(tokens);
    }

    @Override
    public int bufferCount() {
        return own.bufferCount();
    }

    @Override
    public boolean sliceable() {
        return own.sliceable();
    }

    @Override
    public Snapshot slice(int start, int end) {
        Snapshot slice = own.slice(start, end);
        int number = leader.newSnapshot();
        leader.add(new Command(Kind.SLICE, sequence, index, 1, start, end, number));
        return new LeadingSnapshot(leader, number, slice);
    }

    @Override
    public Snapshot state() {
        Snapshot state = own.state();
        int number = leader.newSnapshot();
        leader.add(new Command(Kind.STATE, sequence, index, 1, 0, 0, number));
        return new LeadingSnapshot(leader, number, state);
    }

    @Override
    public void restore(Snapshot snapshot) {
        if (!(snapshot instanceof LeadingSnapshot leading)) {
            throw new IllegalArgumentException("a snapshot of all ranks was expected, not " + snapshot);
        }
        own.restore(leading.own());
        leader.add(new Command(Kind.RESTORE, sequence, index, 1, 0, 0, leading.number()));
    }

    @Override
    public int arraysMax() {
        return ARRAYS_MAX * leader.ranks();
    }

    /** The others get theirs of the arrays, which {@link LeadingSnapshot#arrays} has one rank behind the other. */
    @Override
    public Snapshot snapshot(int start, int end, MlxArray[] arrays) {
        Snapshot snapshot = own.snapshot(start, end, Arrays.copyOf(arrays, ARRAYS_MAX));
        MlxArray[][] others = new MlxArray[leader.ranks()][0];
        for (int rank = 1; rank < others.length; rank++) {
            others[rank] = Arrays.copyOfRange(arrays, ARRAYS_MAX * rank, ARRAYS_MAX * (rank + 1));
        }
        int number = leader.newSnapshot();
        if (!leader.spread(sequence, index, start, end, number, others)) {
            throw new IllegalArgumentException(
                    "arrays (%s) do not fit layer %d of another rank".formatted(Arrays.toString(arrays), index));
        }
        Stream.of(others).flatMap(Stream::of).filter(Objects::nonNull).forEach(MlxArray::close);
        return new LeadingSnapshot(leader, number, snapshot);
    }

    @Override
    public void reset() {
        own.reset();
        tell(Kind.RESET, 0);
    }

    @Override
    public void reserve(int tokens) {
        own.reserve(tokens);
        tell(Kind.RESERVE, tokens);
    }

    @Override
    public int chunkLimit() {
        return own.chunkLimit();
    }

    @Override
    public void mark(int tokens) {
        own.mark(tokens);
        tell(Kind.MARK, tokens);
    }

    @Override
    public long bytesOfMarked() {
        return own.bytesOfMarked();
    }

    @Override
    public void trimTo(int offset) {
        own.trimTo(offset);
        tell(Kind.TRIM, offset);
    }

    @Override
    public void separate() {
        own.separate();
        tell(Kind.SEPARATE, 0);
    }

    @Override
    public MlxArray[] buffers() {
        return own.buffers();
    }

    @Override
    public void close() {
        own.close();
        if (!closed) {
            closed = true;
            tell(Kind.CLOSE, 0);
        }
    }
}
