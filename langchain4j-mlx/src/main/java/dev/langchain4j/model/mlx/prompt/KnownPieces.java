package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.model.mlx.cache.ConversationKey;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.jinja.common.TextRanges;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Parts of prompts that were tokenized, so that what a conversation's next prompt has in common with its last ones is
 * not tokenized again. A conversation finds its own parts only; requests without a memory ID share theirs.
 *
 * <p>Bounded: the parts that were not used for the longest time are forgotten. One for each loaded model. Thread-safe.
 */
final class KnownPieces {
    static final long BYTES_MAX = 32L << 20;
    /** What every part costs beside its arrays and text: a guess. */
    private static final int OVERHEAD_BYTES = 200;
    /** Whose the parts of requests without a memory ID are. */
    private static final Object NOBODY = new Object();

    /** A part; {@code outside} are the characters that texts of the request wrote. */
    record Key(Object owner, String leading, String text, TextRanges outside) {

        /**
         * Of the parts that the last prompt began with, one behind the other: the next one mostly begins with them,
         * too.
         */
        static Key beginning(Object owner, String leading) {
            return new Key(owner, leading, "", TextRanges.NONE);
        }
    }

    private final long bytesMax;
    /** Least recently used first. */
    private final Map<Key, Piece> pieces = new LinkedHashMap<>(16, 0.75f, true);

    private long bytes;
    private long evictions;

    /** @param bytesMax most bytes of texts and tokens, about */
    KnownPieces(long bytesMax) {
        this.bytesMax = bytesMax;
    }

    /** Whose parts a request may use and leaves: null if it shares with nobody. */
    static Object owner(Object conversation, Isolation isolation) {
        if (isolation == Isolation.PER_MEMORY_ID && !ConversationKey.isolates(conversation)) {
            return null;
        }
        return conversation == null ? NOBODY : conversation;
    }

    /** The tokens of a part, or null. */
    synchronized Piece find(Key key) {
        return pieces.get(key);
    }

    /** How often something was evicted, to be asked before a prompt is written. */
    synchronized long evictions() {
        return evictions;
    }

    /**
     * Keeps the tokens of a part, unless something was evicted meanwhile: it may have been of this conversation.
     *
     * @param asOf what {@link #evictions} said before
     */
    synchronized void add(Key key, Piece piece, long asOf) {
        if (!pieces.containsKey(key)) {
            replace(key, piece, asOf);
        }
    }

    /** The same, in place of what was kept under this key. */
    synchronized void replace(Key key, Piece piece, long asOf) {
        long size = size(piece);
        if (asOf != evictions || size > bytesMax) {
            return;
        }
        Piece before = pieces.put(key, piece);
        bytes += size - (before == null ? 0 : size(before));
        Iterator<Piece> eldest = pieces.values().iterator();
        while (bytes > bytesMax) {
            bytes -= size(eldest.next());
            eldest.remove();
        }
    }

    private static long size(Piece piece) {
        return OVERHEAD_BYTES + piece.bytes();
    }

    /** Forgets the parts of all conversations whose memory ID is accepted. The predicate is called without a lock. */
    void evict(Predicate<Object> conversations) {
        Set<Object> accepted = owners();
        accepted.removeIf(conversations.negate());
        forget(accepted);
    }

    private synchronized Set<Object> owners() {
        evictions++;
        Set<Object> owners = new HashSet<>();
        pieces.keySet().forEach(key -> owners.add(key.owner));
        owners.remove(NOBODY);
        return owners;
    }

    private synchronized void forget(Set<Object> owners) {
        pieces.entrySet().removeIf(entry -> {
            boolean forgotten = owners.contains(entry.getKey().owner);
            bytes -= forgotten ? size(entry.getValue()) : 0;
            return forgotten;
        });
    }

    /** Forgets all. */
    synchronized void clear() {
        evictions++;
        pieces.clear();
        bytes = 0;
    }

    synchronized int count() {
        return pieces.size();
    }

    synchronized long bytes() {
        return bytes;
    }
}
