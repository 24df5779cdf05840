package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.kv.LayerCache;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves what layers hold between running sequences, sequences at rest, and the records of the trie.
 *
 * <p>Order of preference, from nothing copied to all copied: a sequence at rest is taken as it is; it is taken and
 * cut back, what is cut off being sliced into the trie; a new sequence is put together from slices and from the
 * buffers of others.
 */
final class SequenceStore {
    private static final Logger log = LoggerFactory.getLogger(SequenceStore.class);

    private final Usage usage;

    SequenceStore(Usage usage) {
        this.usage = usage;
    }

    /**
     * The sequence at rest that serves best at the end of {@code node}: one that ends here, or one of this conversation
     * that goes through here, unless keeping what would be cut off costs more than a copy of what is in common.
     *
     * @return null if a new one serves better
     */
    Sequence findToTake(PrefixTrie trie, TrieNode node, Conversation conversation) {
        if (node == trie.root()) {
            return null;
        }
        if (node.parked != null) {
            return node.parked;
        }
        if (trie.stateful() && node.states == null) {
            return null;
        }
        Sequence best = null;
        for (Sequence sequence : trie.sequences) {
            if (!sequence.running
                    && sequence.conversation == conversation
                    && node.isAbove(sequence.tail)
                    && (best == null || sequence.length() < best.length())) {
                best = sequence;
            }
        }
        return best == null || isCheaperToCopy(best, node) ? null : best;
    }

    /** Whether there is room to copy a sequence down to a node, and that is less than what has to be kept below it. */
    private boolean isCheaperToCopy(Sequence sequence, TrieNode node) {
        long below = 0;
        for (TrieNode n = sequence.tail; n != node; n = n.parent) {
            below += mustPreserve(sequence.trie, n) ? share(sequence, n.edge.length) : 0;
        }
        return below > share(sequence, node.end()) && hasRoomFor(sequence.bytes);
    }

    private boolean hasRoomFor(long bytes) {
        return usage.bytesHeld() + usage.promisedBytes + bytes <= usage.bytesMax();
    }

    /** Bytes of a sequence's buffers that belong to so many of its tokens. */
    private static long share(Sequence sequence, int tokens) {
        return sequence.bytes * tokens / Math.max(1, sequence.length());
    }

    /**
     * A sequence that holds what is reused of a prompt: one at rest if possible, else a new one. Room is made when a
     * copy is there: by then its source may go, as it could not before.
     */
    Sequence resume(PrefixTrie trie, TrieNode node, Conversation conversation, Supplier<List<LayerCache>> newLayers) {
        Sequence atRest = findToTake(trie, node, conversation);
        return atRest != null ? take(atRest, node, conversation) : assemble(trie, node, conversation, newLayers.get());
    }

    /** Takes a sequence at rest for a conversation, cut back to the end of {@code node}. */
    Sequence take(Sequence taken, TrieNode node, Conversation conversation) {
        taken.trie.setParked(taken.tail, null);
        usage.setRunning(taken, true);
        taken.conversation = conversation;
        try {
            cutBack(taken, node);
        } catch (Throwable e) {
            discard(taken);
            throw e;
        }
        return taken;
    }

    /** The conversation's own sequence at rest that can be cut back to a node; null if it has none. */
    static Sequence ownAtRest(PrefixTrie trie, TrieNode node, Conversation conversation) {
        for (Sequence sequence : trie.sequences) {
            if (!sequence.running
                    && sequence.conversation == conversation
                    && node.isAbove(sequence.tail)
                    && (node.states != null || !trie.stateful() || sequence.tail == node)) {
                return sequence;
            }
        }
        return null;
    }

    /** The last node of a path to a sequence's end, from {@code node} on, that somebody else needs. */
    private static TrieNode lastNeeded(Sequence sequence, TrieNode node) {
        TrieNode at = sequence.tail;
        while (at != node
                && isOnlyOf(at, sequence.conversation)
                && at.children().length <= (at == sequence.tail ? 0 : 1)) {
            at = at.parent;
        }
        return at;
    }

    /** Bytes of copies that {@link #takeForNew} makes for others. */
    static long bytesToPreserve(Sequence sequence, TrieNode node) {
        long bytes = 0;
        for (TrieNode n = lastNeeded(sequence, node); n != node; n = n.parent) {
            bytes += mustPreserve(sequence.trie, n) ? share(sequence, n.edge.length) : 0;
        }
        return bytes;
    }

    /** Takes a conversation's own sequence at rest, cut back to a node: what nobody else needs of the rest is gone. */
    Sequence takeForNew(Sequence taken, TrieNode node) {
        TrieNode needed = lastNeeded(taken, node);
        taken.trie.setParked(taken.tail, null);
        usage.setRunning(taken, true);
        try {
            preserve(taken, node, needed, false);
            cutBackTo(taken, node);
        } catch (Throwable e) {
            discard(taken);
            throw e;
        }
        return taken;
    }

    /** Takes a sequence back to a node of its path; what only it held below is sliced into the trie first. */
    private void cutBack(Sequence sequence, TrieNode node) {
        PrefixTrie trie = sequence.trie;
        TrieNode tail = sequence.tail;
        if (tail == node) {
            return;
        }
        if (hasRoomFor(share(sequence, tail.end() - node.end()))) {
            preserve(sequence, node, tail, true);
        }
        cutBackTo(sequence, node);
    }

    private void cutBackTo(Sequence sequence, TrieNode node) {
        if (sequence.tail == node) {
            return;
        }
        for (LayerCache layer : sequence.layers) {
            if (layer.sliceable()) {
                layer.trimTo(node.end());
            }
        }
        if (node.states != null) {
            node.states.restore(sequence);
            usage.bytesCopied += node.stateBytes();
        }
        leave(sequence, node);
        usage.measure(sequence);
    }

    /**
     * Puts a new sequence together that holds the tokens from the root to the end of {@code node}, which can be
     * resumed.
     *
     * @param layers empty; they are closed if this fails
     */
    Sequence assemble(PrefixTrie trie, TrieNode node, Conversation conversation, List<LayerCache> layers) {
        Sequence sequence = new Sequence(trie, layers, conversation);
        try {
            if (trie.root().isLeaf() && trie.sequences.isEmpty()) {
                trie.learnKinds(layers);
            }
            copyPath(sequence, node);
            usage.measure(sequence);
        } catch (Throwable e) {
            usage.forget(sequence);
            sequence.closeLayers();
            throw e;
        }
        trie.sequences.add(sequence);
        sequence.advance(node);
        return sequence;
    }

    private void copyPath(Sequence sequence, TrieNode node) {
        PrefixTrie trie = sequence.trie;
        if (node == trie.root()) {
            return;
        }
        if (trie.sliceable()) {
            copySlices(sequence, node);
        }
        if (trie.stateful()) {
            if (node.states == null) {
                trie.setStates(node, TrieRecord.states(node.parked));
                usage.bytesCopied += node.stateBytes();
            }
            node.states.restore(sequence);
            usage.bytesCopied += node.stateBytes();
        }
    }

    private void copySlices(Sequence sequence, TrieNode node) {
        Deque<TrieNode> path = new ArrayDeque<>();
        for (TrieNode n = node; n.parent != null; n = n.parent) {
            path.push(n);
        }
        while (!path.isEmpty()) {
            TrieNode first = path.pop();
            if (first.slices != null) {
                first.slices.restore(sequence);
                usage.bytesCopied += first.slices.bytes;
                continue;
            }
            Sequence source = sourceOf(sequence.trie, first, node);
            TrieNode last = first;
            while (!path.isEmpty() && path.peek().isAbove(source.tail) && path.peek().slices == null) {
                last = path.pop();
            }
            TrieRecord copy = TrieRecord.slices(source, first.start, last.end());
            try {
                copy.restore(sequence);
                usage.bytesCopied += copy.bytes;
            } finally {
                copy.close();
            }
        }
    }

    /** A sequence that passes through {@code node}, the one that goes furthest towards {@code target}. */
    static Sequence sourceOf(PrefixTrie trie, TrieNode node, TrieNode target) {
        Sequence best = null;
        for (Sequence sequence : trie.sequences) {
            if (node.isAbove(sequence.tail)) {
                if (target.isAbove(sequence.tail)) {
                    return sequence;
                }
                best = best == null || sequence.length() > best.length() ? sequence : best;
            }
        }
        if (best == null) {
            throw new IllegalStateException("no node holds the positions [%d, %d)".formatted(node.start, node.end()));
        }
        return best;
    }

    /** Puts a finished sequence to rest, where the next request of its conversation finds it. */
    void park(Sequence sequence) {
        TrieNode tail = sequence.tail;
        usage.setRunning(sequence, false);
        if (tail.parked != null) {
            discard(tail.parked);
        }
        sequence.trie.setParked(tail, sequence);
    }

    /** Adds tokens to a running sequence's path, up to {@code position}. */
    void extend(Sequence sequence, int[] tokens, int position) {
        TrieNode tail = sequence.tail;
        TrieNode end = sequence.trie.extend(tail, tokens, tail.end(), position, sequence.conversation);
        sequence.advance(end);
    }

    /** Keeps the states of a running sequence at the end of its path, unless they are there already. */
    void keepState(Sequence sequence, boolean spaced) {
        TrieNode tail = sequence.tail;
        if (tail.states == null) {
            sequence.trie.setStates(tail, TrieRecord.states(sequence));
            usage.bytesCopied += tail.stateBytes();
            tail.spaced = spaced;
        } else {
            tail.spaced &= spaced;
        }
    }

    /**
     * Keeps states that were read from disk for the end of a running sequence's path; closes them if there are some.
     */
    void keepStates(Sequence sequence, TrieRecord states) {
        if (states != null && sequence.tail.states == null) {
            sequence.trie.setStates(sequence.tail, states);
        } else if (states != null) {
            states.close();
        }
    }

    /** Frees what only this conversation used, except what its running requests need. */
    void release(PrefixTrie trie, Conversation conversation) {
        for (Sequence sequence : List.copyOf(trie.sequences)) {
            if (!sequence.running && sequence.conversation == conversation) {
                TrieNode keep = sequence.tail;
                while (keep.parent != null && isOnlyOf(keep, conversation)) {
                    keep = keep.parent;
                }
                fold(sequence, keep);
            }
        }
        List<TrieNode> own = new ArrayList<>();
        trie.forEach(node -> {
            if (node.covers == 0 && isOnlyOf(node, conversation)) {
                own.add(node);
            }
        });
        for (TrieNode node : own) {
            if (!node.removed) {
                TrieNode parent = node.parent;
                trie.remove(node);
                trie.prune(parent);
            }
        }
    }

    private static boolean isOnlyOf(TrieNode node, Conversation conversation) {
        return node.owner == conversation && !node.shared;
    }

    /** Lets go of a running sequence whose cache was closed; its session closes the layers. */
    void abandon(Sequence sequence) {
        sequence.trie.sequences.remove(sequence);
        sequence.retreat(sequence.trie.root());
        usage.forget(sequence);
    }

    /** Frees a whole trie, unless a sequence of it runs. */
    void dropIfAtRest(PrefixTrie trie) {
        if (trie.sequences.stream().noneMatch(sequence -> sequence.running)) {
            drop(trie);
        }
    }

    /** Frees a whole trie; running sequences are let go of. */
    void drop(PrefixTrie trie) {
        for (Sequence sequence : List.copyOf(trie.sequences)) {
            if (sequence.running) {
                abandon(sequence);
            } else {
                discard(sequence);
            }
        }
        for (TrieNode child : List.of(trie.root().children())) {
            trie.remove(child);
        }
    }

    /** Bytes that folding this sequence would free: all of its buffers less the slices that have to be made. */
    long foldGain(Sequence sequence) {
        long gain = sequence.bytes;
        for (TrieNode n = sequence.tail; n.parent != null; n = n.parent) {
            gain -= mustPreserve(sequence.trie, n) ? share(sequence, n.edge.length) : 0;
        }
        return gain;
    }

    /**
     * Slices what only this sequence at rest holds down to {@code keep} into the trie, then frees its buffers. What it
     * held below {@code keep} is gone. If slicing fails, all that only it held is gone.
     */
    void fold(Sequence sequence, TrieNode keep) {
        FoldEvent event = new FoldEvent();
        event.begin();
        long copied = usage.bytesCopied;
        long held = usage.bytesHeld();
        event.tokens = sequence.length();
        try {
            preserve(sequence, sequence.trie.root(), keep, keep == sequence.tail);
        } catch (RuntimeException e) {
            log.warn("Folding a sequence of {} tokens failed, it is dropped", sequence.length(), e);
        } finally {
            discard(sequence);
        }
        usage.folds++;
        event.bytesCopied = usage.bytesCopied - copied;
        event.bytesFreed = held - usage.bytesHeld();
        event.commit();
    }

    static boolean mustPreserve(PrefixTrie trie, TrieNode node) {
        return trie.sliceable() && node.covers == 1 && node.slices == null;
    }

    /** Slices what only {@code sequence} holds below {@code top}, down to {@code bottom}, into the trie. */
    private void preserve(Sequence sequence, TrieNode top, TrieNode bottom, boolean withState) {
        PrefixTrie trie = sequence.trie;
        if (withState && trie.stateful() && bottom.states == null && sequence.offset() == bottom.end()) {
            trie.setStates(bottom, TrieRecord.states(sequence));
            usage.bytesCopied += bottom.stateBytes();
        }
        boolean ofUse = !trie.stateful();
        for (TrieNode n = bottom; n != top; n = n.parent) {
            ofUse |= n.states != null || n.children().length > (n == sequence.tail ? 0 : 1);
            if (ofUse && mustPreserve(trie, n)) {
                trie.setSlices(n, TrieRecord.slices(sequence, n.start, n.end()));
                usage.bytesCopied += n.sliceBytes();
            }
        }
    }

    /** Keeps what a stopped sequence had evaluated, but not the state of its layers, which is further already. */
    void keepRecords(Sequence sequence) {
        preserve(sequence, sequence.trie.root(), sequence.tail, false);
        discard(sequence);
    }

    /** Frees a sequence; what only it held is gone, and with it what cannot be reached without. */
    void discard(Sequence sequence) {
        PrefixTrie trie = sequence.trie;
        if (sequence.tail.parked == sequence) {
            trie.setParked(sequence.tail, null);
        }
        trie.sequences.remove(sequence);
        leave(sequence, trie.root());
        usage.forget(sequence);
        sequence.closeLayers();
    }

    private static void leave(Sequence sequence, TrieNode node) {
        PrefixTrie trie = sequence.trie;
        TrieNode tail = sequence.tail;
        sequence.retreat(node);
        TrieNode lost = null;
        for (TrieNode n = tail; n != node; n = n.parent) {
            lost = trie.hasContent(n) ? lost : n;
        }
        if (lost == null) {
            trie.prune(tail);
        } else {
            TrieNode parent = lost.parent;
            trie.remove(lost);
            trie.prune(parent);
        }
    }
}
