package dev.langchain4j.model.mlx.ranks;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.RankGroup;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Snapshot;
import dev.langchain4j.model.mlx.kv.Spans;
import dev.langchain4j.model.mlx.model.LanguageModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Does with a rank's share of a model what the leading rank did with its own. On the model's thread. */
final class Follower {
    private static final Logger log = LoggerFactory.getLogger(Follower.class);

    private final RankGroup group;
    private final LanguageModel model;
    private final boolean pipeline;
    private final Map<Integer, List<LayerCache>> sequences = new HashMap<>();
    private final Map<Integer, Snapshot> snapshots = new HashMap<>();
    private final List<List<LayerCache>> spans = new ArrayList<>();
    private final List<Integer> lengths = new ArrayList<>();
    private int received;
    private boolean ended;
    /** When something came last. */
    private volatile long receivedNanos = System.nanoTime();

    Follower(RankGroup group, LanguageModel model, boolean pipeline) {
        this.group = group;
        this.model = model;
        this.pipeline = pipeline;
    }

    /** Follows until the leading rank closes the model. */
    void run() {
        try {
            while (!ended) {
                receive().forEach(this::obey);
            }
        } finally {
            sequences.values().forEach(layers -> layers.forEach(LayerCache::close));
            snapshots.values().forEach(Snapshot::close);
        }
    }

    private List<Command> receive() {
        MlxArray record;
        try (Scope scope = Scope.open()) {
            record = group.allSum(MlxArray.of(StepRecord.received(), StepRecord.INTS))
                    .detach();
        }
        try (record) {
            Eval.eval(record);
            receivedNanos = System.nanoTime();
            return StepRecord.read(record.toInts(), received++, group.size());
        }
    }

    private void obey(Command c) {
        switch (c.kind()) {
            case NEW -> sequences.put(c.target(), model.newLayers());
            case SPAN -> {
                spans.add(sequences.get(c.target()));
                lengths.add(c.a());
            }
            case PASS -> pass(c.a());
            case REST -> rest(c.a());
            case COLLECT -> give(snapshots.get(c.target()));
            case END -> ended = true;
            case CUT -> {
                for (int i = 0; i < c.count(); i++) {
                    snapshots.put(c.c() + i, snapshots.get(c.target() + i).slice(c.a(), c.b()));
                }
            }
            case DROP -> {
                for (int i = 0; i < c.count(); i++) {
                    snapshots.remove(c.target() + i).close();
                }
            }
            default -> {
                List<LayerCache> layers = sequences.get(c.target());
                for (int i = 0; i < c.count(); i++) {
                    obey(c, layers.get(c.first() + i), c.c() + i);
                }
                if (c.kind() == Command.Kind.CLOSE && c.first() + c.count() == layers.size()) {
                    sequences.remove(c.target());
                }
            }
        }
    }

    private void obey(Command c, LayerCache layer, int snapshot) {
        switch (c.kind()) {
            case RESERVE -> layer.reserve(c.a());
            case MARK -> layer.mark(c.a());
            case TRIM -> layer.trimTo(c.a());
            case SEPARATE -> layer.separate();
            case CLOSE -> layer.close();
            case RESET -> layer.reset();
            case SPREAD -> take(c, layer, snapshot);
            case SLICE -> snapshots.put(snapshot, layer.slice(c.a(), c.b()));
            case STATE -> snapshots.put(snapshot, layer.state());
            case RESTORE -> layer.restore(snapshots.get(snapshot));
            default -> throw new IllegalStateException("not of a layer: " + c);
        }
    }

    private void pass(int tokens) {
        MlxArray hidden;
        try (Scope scope = Scope.open()) {
            MlxArray zeros = Indexing.zeros(DType.INT32, 1, tokens);
            MlxArray shared = pipeline ? zeros : group.allSum(zeros);
            int[] each = lengths.stream().mapToInt(Integer::intValue).toArray();
            hidden = model.forward(shared, Spans.of(List.copyOf(spans), each)).detach();
        }
        try (hidden) {
            Stream<MlxArray> buffers = spans.stream().flatMap(layers -> Arrays.stream(LayerCache.buffers(layers)));
            Eval.async(Stream.concat(Stream.of(hidden), buffers).toArray(MlxArray[]::new));
        } finally {
            spans.clear();
            lengths.clear();
        }
    }

    private void give(Snapshot snapshot) {
        MlxArray[][] given = new MlxArray[group.size()][0];
        try (Scope scope = Scope.open()) {
            given[group.rank()] = snapshot.arrays();
            Shares.exchange(group, given);
        }
    }

    /** Takes a snapshot if all ranks can. */
    private void take(Command c, LayerCache layer, int number) {
        Shares shares = Shares.exchange(group, new MlxArray[0][]);
        Snapshot taken = null;
        try (Scope scope = Scope.open()) {
            MlxArray[] arrays = shares.of(group.rank());
            taken = layer.snapshot(c.a(), c.b(), arrays);
            Arrays.stream(arrays).filter(Objects::nonNull).forEach(MlxArray::detach);
        } catch (RuntimeException e) {
            log.warn("A part of the prompt cache does not fit: {}", c, e);
        }
        if (Shares.agree(group, taken != null)) {
            snapshots.put(number, taken);
        } else if (taken != null) {
            taken.close();
        }
    }

    private static void rest(int millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            // then it waits for the next record at once
        }
    }

    /** How long ago something came. May be called from any thread. */
    long nanosSinceReceived() {
        return System.nanoTime() - receivedNanos;
    }
}
