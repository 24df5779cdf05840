package dev.langchain4j.model.mlx.ranks;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Snapshot;
import dev.langchain4j.model.mlx.ranks.Command.Kind;
import java.util.Arrays;

/** The first rank's share of a snapshot: the others have theirs under the same number. */
final class LeadingSnapshot implements Snapshot {
    private final Leader leader;
    private final int number;
    private final Snapshot own;
    private boolean closed;

    LeadingSnapshot(Leader leader, int number, Snapshot own) {
        this.leader = leader;
        this.number = number;
        this.own = own;
    }

    Snapshot own() {
        return own;
    }

    int number() {
        return number;
    }

    @Override
    public int start() {
        return own.start();
    }

    @Override
    public int end() {
        return own.end();
    }

    @Override
    public long bytes() {
        return own.bytes();
    }

    @Override
    public int bufferCount() {
        return own.bufferCount();
    }

    /** Those of all ranks, one rank behind the other. */
    @Override
    public MlxArray[] arrays() {
        MlxArray[] all = Arrays.copyOf(own.arrays(), LayerCache.ARRAYS_MAX * leader.ranks());
        Shares shares = leader.collect(number);
        for (int rank = 1; rank < leader.ranks(); rank++) {
            System.arraycopy(shares.of(rank), 0, all, LayerCache.ARRAYS_MAX * rank, LayerCache.ARRAYS_MAX);
        }
        return all;
    }

    @Override
    public Snapshot slice(int start, int end) {
        Snapshot slice = own.slice(start, end);
        int cut = leader.newSnapshot();
        leader.add(new Command(Kind.CUT, number, 0, 1, start, end, cut));
        return new LeadingSnapshot(leader, cut, slice);
    }

    @Override
    public void close() {
        own.close();
        if (!closed) {
            closed = true;
            leader.add(new Command(Kind.DROP, number, 0, 1, 0, 0, 0));
        }
    }
}
