package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.model.mlx.cache.disk.Destination;
import dev.langchain4j.model.mlx.cache.disk.Destination.Piece;
import dev.langchain4j.model.mlx.cache.disk.DiskPath;
import dev.langchain4j.model.mlx.cache.disk.DiskRecord;
import dev.langchain4j.model.mlx.cache.disk.Need;
import dev.langchain4j.model.mlx.cache.disk.Section;
import dev.langchain4j.model.mlx.cache.disk.StoredPaths;
import dev.langchain4j.model.mlx.kv.LayerCache;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings what a prompt has on disk into the layers of its sequence, a record at a time, behind what memory had. Where a
 * record turns out to be of no use, what is there without it is restored. With state layers all of it counts only once
 * their state is there; until then the sequence stands where memory ended.
 */
final class Restoration {
    /** How many tokens are read at the most for one that is needed. */
    private static final int OVERREAD_MAX = 16;

    private static final Logger log = LoggerFactory.getLogger(Restoration.class);

    private final DiskTier tier;
    private final SnapshotCodec codec;
    private final Grid grid;
    private final CacheSession session;
    private final Sequence sequence;
    private final PrefixTrie trie;
    private final int[] tokens;
    /** Where the layers stand that a state must be put into. */
    private final int from;

    private StoredPaths source;
    private DiskPath path = DiskPath.NONE;
    /** Where the source was chosen. */
    private int chosenAt;

    private int position;
    private int target;
    private TrieRecord states;
    private long nanos;

    /** @param session one whose layers hold what memory had */
    Restoration(DiskTier tier, CacheSession session, Grid grid) {
        this.tier = tier;
        this.codec = tier.codec();
        this.grid = grid;
        this.session = session;
        this.sequence = session.sequence();
        this.trie = sequence.trie;
        this.tokens = session.request().tokens();
        this.from = session.resumePosition();
        this.position = from;
        find();
    }

    /** Finds how far the prompt can be restored, and from where. */
    private void find() {
        long begun = System.nanoTime();
        target = position;
        chosenAt = position;
        source = null;
        path = DiskPath.NONE;
        for (StoredPaths candidate : tier.sources(trie)) {
            DiskPath found = candidate.match(trie.diskScope, tokens);
            int to = worthReading(found);
            if (to > target || source == null) {
                source = candidate;
                path = found;
                target = Math.max(target, to);
            }
        }
        nanos += System.nanoTime() - begun;
    }

    /**
     * Where reading should end: a token that is read costs a sixteenth of one that is computed, and a record is read as
     * a whole, also if others go on from within it.
     */
    private int worthReading(DiskPath found) {
        int most = grid.lineAt(Math.min(found.stored(), tokens.length - 1), tokens);
        int best = position;
        long bestGain = 0;
        long read = 0;
        for (int i = 0; i < found.edges().size() && found.edges().get(i).start() < most; i++) {
            DiskRecord edge = found.edges().get(i);
            int end = Math.min(most, found.edgeEnd(i));
            if (end > position) {
                read += trie.sliceable() ? edge.end() - edge.start() : 0;
                int to = trie.stateful() ? lastState(found, end) : grid.lineAt(end, tokens);
                long gain = (long) (to - position) * OVERREAD_MAX - read;
                if (to > best && gain >= bestGain) {
                    best = to;
                    bestGain = gain;
                }
            }
        }
        return best;
    }

    private static int lastState(DiskPath found, int most) {
        int last = 0;
        for (DiskRecord state : found.states()) {
            last = state.isStored() && state.start() <= most ? Math.max(last, state.start()) : last;
        }
        return last;
    }

    boolean isDone() {
        return position >= target;
    }

    /** Where the next step ends. */
    int next() {
        return trie.stateful() ? target : Math.min(target, edgeEnd(edge()));
    }

    private DiskRecord edge() {
        return path.edgeTo(position + 1);
    }

    private int edgeEnd(DiskRecord edge) {
        return path.edgeEnd(path.edges().indexOf(edge));
    }

    /** Whether it is about to restore something that another prompt with so many tokens in common begins with, too. */
    boolean isAlso(int common) {
        return !isDone() && common > position;
    }

    /** Restores one record, and tells the session. */
    void step() {
        long begun = System.nanoTime();
        restore();
        if (isDone()) {
            used();
        }
        nanos += System.nanoTime() - begun;
        session.restored(trie.stateful() && !isDone() ? from : position, path, tier.isShared(source), nanos);
    }

    private void restore() {
        if (trie.stateful() && states == null) {
            states = readStates(path.stateAt(target));
            if (states == null) {
                startAgain();
                return;
            }
        }
        if (trie.sliceable()) {
            restoreEdge();
        } else {
            position = target;
        }
        if (isDone() && states != null && !restoreStates()) {
            startAgain();
        }
    }

    private void restoreEdge() {
        DiskRecord edge = edge();
        int end = Math.min(target, edgeEnd(edge));
        if (restored(edge, end)) {
            position = end;
        } else {
            cutBack(position);
            startAgain();
        }
    }

    /** Reads straight into the layers that allow it; the others take snapshots of what was read. */
    private boolean restored(DiskRecord edge, int end) {
        if (edge != null && position == 0) {
            session.restoring(tier.tokenBytes(edge));
        }
        Set<LayerCache> filled = new HashSet<>();
        List<Section> sections = edge == null
                ? null
                : source.read(edge, arrays -> {
                    LayerCache layer = sequence.layers.get(arrays.getFirst().layer());
                    List<List<Piece>> pieces =
                            layer.sliceable() ? codec.place(layer, edge.start(), edge.end(), end, arrays) : null;
                    if (pieces != null) {
                        filled.add(layer);
                    }
                    return pieces;
                });
        TrieRecord slices = decode(edge, sections, layer -> layer.sliceable() && !filled.contains(layer));
        if (slices == null) {
            return false;
        }
        try {
            filled.forEach(layer -> layer.filled(end));
            return restore(slices, edge, end);
        } finally {
            slices.close();
        }
    }

    private boolean restore(TrieRecord slices, DiskRecord edge, int end) {
        if (edge.start() == position && edge.end() == end) {
            return restoreInto(slices, edge);
        }
        TrieRecord part = slices.slice(position, end);
        try {
            return restoreInto(part, edge);
        } finally {
            part.close();
        }
    }

    /** Whether all layers took a record. */
    private boolean restoreInto(TrieRecord record, DiskRecord from) {
        try {
            record.restore(sequence);
            return true;
        } catch (LangChain4jException e) {
            throw e; // of the model, not of the record
        } catch (RuntimeException e) {
            log.warn("A part of the prompt cache on disk does not fit: {}", from, e);
            if (from != null) {
                source.miss(from, "does not fit");
            }
            return false;
        }
    }

    /** Whether the state layers took their states; if not they are as before. */
    private boolean restoreStates() {
        TrieRecord before = from == 0 ? null : TrieRecord.states(sequence);
        try {
            if (restoreInto(states, path.stateAt(target))) {
                return true;
            }
            if (before != null) {
                before.restore(sequence);
            } else {
                sequence.layers.stream().filter(layer -> !layer.sliceable()).forEach(LayerCache::reset);
            }
            return false;
        } finally {
            if (before != null) {
                before.close();
            }
        }
    }

    private TrieRecord readStates(DiskRecord record) {
        return decode(
                record, record == null ? null : source.read(record, Destination.NONE), layer -> !layer.sliceable());
    }

    private TrieRecord decode(DiskRecord record, List<Section> sections, Predicate<LayerCache> wanted) {
        if (sections == null) {
            return null;
        }
        try {
            return TrieRecord.decode(codec, sequence.layers, wanted, record.start(), record.end(), sections);
        } catch (LangChain4jException e) {
            throw e; // of the model, not of the record
        } catch (RuntimeException e) {
            log.warn("A part of the prompt cache on disk cannot be read: {}", record, e);
            source.miss(record, "does not fit");
            return null;
        }
    }

    /** Looks anew for what can be restored, without what turned out to be of no use. */
    private void startAgain() {
        if (trie.stateful()) {
            cutBack(from);
            position = from;
        } else if (position > chosenAt) {
            source.restored(position - chosenAt, 0);
        }
        close();
        find();
    }

    /** Forgets what was restored behind a position, and gives up what was only read. */
    private void cutBack(int to) {
        sequence.layers.stream().filter(LayerCache::sliceable).forEach(layer -> layer.trimTo(to));
    }

    private void used() {
        List<Need> needs = new ArrayList<>();
        DiskRecord last = path.edgeTo(target);
        if (last != null && target > chosenAt) {
            needs.add(new Need(last, target));
            DiskRecord state = path.stateAt(target);
            if (state != null) {
                needs.add(Need.whole(state));
            }
            needs.forEach(need -> source.use(need.record()));
            if (!tier.isShared(source)) {
                tier.need(sequence.conversation, needs);
            }
            source.restored(target - chosenAt, nanos);
            RestoreEvent.commit(session.request(), chosenAt, target, nanos);
        }
    }

    /** The states for the end, which the caller owns from now on; null if there are none. */
    TrieRecord takeStates() {
        TrieRecord taken = states;
        states = null;
        return taken;
    }

    /** Frees what was read and not used. Idempotent. */
    void close() {
        if (states != null) {
            states.close();
            states = null;
        }
    }
}
