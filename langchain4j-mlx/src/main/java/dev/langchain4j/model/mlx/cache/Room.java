package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.kv.LayerCache;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ObjLongConsumer;

/**
 * Keeps the limit of bytes for sequences that run. What they may grow to is promised before they do, and all that is
 * promised and held fits, so no two of them count on the same bytes. What cannot be promised, whatever is evicted,
 * evicts nothing.
 */
final class Room {
    /** The fraction of its tokens that a sequence gets at once when it grows, if that is free. */
    private static final int GROWTH_INTO_FREE_ROOM = 4;
    /**
     * Where others must go for it, a few tokens, and a fraction if that is some hundred, for buffers grow by a copy.
     */
    private static final int TOKENS_BY_EVICTION = 16;

    private static final int GROWTH_BY_EVICTION = 32;
    private static final int BUFFER_STEP = 256;
    /** Room for an answer in new buffers, so that the first tokens do not make them grow. */
    private static final int ANSWER_TOKENS = 256;

    private final Usage usage;
    private final ObjLongConsumer<Sequence> evict;
    private final Map<CacheKey, LayerSizes> sizes = new HashMap<>();

    /** @param evict makes room for so many more bytes of a running sequence, as far as it can */
    Room(Usage usage, ObjLongConsumer<Sequence> evict) {
        this.usage = usage;
        this.evict = evict;
    }

    private boolean isUnlimited() {
        return usage.bytesMax() == 0;
    }

    /** Learns how many bytes a model's layers take, from a sequence of it that was written. */
    void learn(CacheKey key, Sequence sequence) {
        sizes.computeIfAbsent(key, unknown -> new LayerSizes(sequence));
    }

    /** Bytes that so many tokens take; 0 as long as no sequence of the model was seen. */
    long bytesOf(CacheKey key, int tokens) {
        LayerSizes known = sizes.get(key);
        return known == null ? 0 : known.bytes(tokens);
    }

    /** @param alone whether nothing runs */
    Admission admission(CacheKey key, int promptTokens, boolean alone) {
        if (isUnlimited()) {
            return Admission.NOW;
        }
        if (!sizes.containsKey(key)) {
            // The first request of a model shows what a prompt takes; others beside it would count on the same bytes.
            return alone ? Admission.NOW : Admission.LATER;
        }
        long bytes = bytesOf(key, promptTokens);
        if (bytes > usage.bytesMax()) {
            return Admission.NEVER;
        }
        return usage.bytesInUse() + bytes <= usage.bytesMax() ? Admission.NOW : Admission.LATER;
    }

    /** Empty layers that will take room for the prompt at once, and for an answer if that is free. */
    List<LayerCache> newLayers(CacheRequest request) {
        List<LayerCache> layers = request.newLayers().get();
        try {
            int prompt = request.tokens().length;
            long withAnswer = bytesOf(request.key(), prompt + ANSWER_TOKENS);
            if (isUnlimited() || withAnswer > 0) {
                int tokens = isUnlimited() || isFree(withAnswer) ? prompt + ANSWER_TOKENS : prompt;
                layers.forEach(layer -> layer.reserve(tokens));
            }
            return layers;
        } catch (Throwable e) {
            Sequence.closeAll(layers);
            throw e;
        }
    }

    /**
     * Lets the empty layers of a sequence take room for the prompt and an answer at once, if that is free: of a model
     * of which no sequence was seen, but a record on disk.
     *
     * @param tokenBytes what a token takes in the record
     */
    void reserve(CacheKey key, Sequence sequence, int promptTokens, double tokenBytes) {
        int tokens = promptTokens + ANSWER_TOKENS;
        if (bytesOf(key, 1) == 0 && (isUnlimited() || isFree((long) (tokenBytes * (tokens + BUFFER_STEP))))) {
            sequence.layers.forEach(layer -> layer.reserve(tokens));
        }
    }

    /**
     * Makes room for the prompt of a sequence that begins, and for an answer if that is free; gives what was granted.
     */
    int grantPrompt(CacheKey key, Sequence sequence, int promptTokens) {
        if (isUnlimited() || bytesOf(key, promptTokens) == 0) {
            return 0;
        }
        int ample = promptTokens + ANSWER_TOKENS;
        return isFree(more(sequence, bytes(key, sequence, ample)))
                ? promise(key, sequence, ample)
                : grantByEviction(key, sequence, promptTokens);
    }

    /**
     * Makes room for a running sequence to hold so many tokens, and for more if it is free.
     *
     * @param hoped tokens that it will need sooner or later
     * @return up to how many tokens it may grow; 0 if there is no room for them
     */
    int grant(CacheKey key, Sequence sequence, int tokens, int hoped) {
        if (isUnlimited()) {
            return Integer.MAX_VALUE;
        }
        if (bytes(key, sequence, tokens) == 0) {
            // Nothing is known yet: it will be after this chunk.
            return tokens;
        }
        int ample = Math.max(hoped, tokens + tokens / GROWTH_INTO_FREE_ROOM);
        if (isFree(more(sequence, bytes(key, sequence, ample)))) {
            return promise(key, sequence, ample);
        }
        int more = tokens / GROWTH_BY_EVICTION / BUFFER_STEP * BUFFER_STEP + TOKENS_BY_EVICTION;
        int granted = grantByEviction(key, sequence, tokens + more);
        return granted > 0 ? granted : grantByEviction(key, sequence, tokens);
    }

    /**
     * Whether a sequence may hold so many tokens, and others more bytes, with nothing evicted.
     *
     * @param sequence null for a new one
     */
    boolean isFreeFor(CacheKey key, Sequence sequence, int tokens, long bytes) {
        long own = sequence == null ? bytesOf(key, tokens) : more(sequence, bytes(key, sequence, tokens));
        return isUnlimited() || bytesOf(key, tokens) > 0 && isFree(own + bytes);
    }

    /** Lets a sequence grow into room that is free. */
    void promiseFree(CacheKey key, Sequence sequence, int tokens) {
        promise(key, sequence, tokens);
    }

    private int grantByEviction(CacheKey key, Sequence sequence, int tokens) {
        long more = more(sequence, bytes(key, sequence, tokens));
        if (usage.bytesInUse() + more > usage.bytesMax()) {
            return 0;
        }
        evict.accept(sequence, more);
        return isFree(more) ? promise(key, sequence, tokens) : 0;
    }

    /** Whether a running sequence may hold so many bytes beside its layers, in place of what it was lent before. */
    boolean lend(Sequence sequence, long bytes) {
        usage.lend(sequence, 0);
        if (bytes == 0 || isUnlimited()) {
            return true;
        }
        if (usage.bytesInUse() + bytes <= usage.bytesMax() && !isFree(bytes)) {
            evict.accept(sequence, bytes);
        }
        if (isFree(bytes)) {
            usage.lend(sequence, bytes);
        }
        return sequence.lent == bytes;
    }

    private long bytes(CacheKey key, Sequence sequence, int tokens) {
        return Math.max(sequence.layerBytesFor(tokens), bytesOf(key, tokens));
    }

    private static long more(Sequence sequence, long bytes) {
        return Math.max(0, bytes - sequence.bytes - sequence.promised);
    }

    private boolean isFree(long more) {
        return usage.bytesHeld() + usage.promisedBytes + more <= usage.bytesMax();
    }

    private int promise(CacheKey key, Sequence sequence, int tokens) {
        usage.promise(sequence, Math.max(sequence.mayHold, bytes(key, sequence, tokens)));
        sequence.layers.forEach(layer -> layer.reserve(tokens));
        return tokens;
    }
}
