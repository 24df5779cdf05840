package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.Internal;
import dev.langchain4j.model.mlx.cache.disk.DiskPath;
import dev.langchain4j.model.mlx.kv.LayerCache;
import java.util.Arrays;
import java.util.List;

/**
 * A running request's hold on the cache. Any number may be open at once, also of one conversation, and their calls may
 * come in any order. All methods belong to the thread that owns the model. The order of calls of each:
 *
 * <ol>
 *   <li>while {@link #isRestoring()}, call {@link #restore()}: it brings more of the prompt from disk, so that
 *       {@link #resumePosition()} grows. Who does not computes it;
 *   <li>feed {@code tokens[resumePosition() .. n-1)} to {@link #layers()} in chunks, none reaching over
 *       {@link #nextCheckpoint}; after each chunk, once it is evaluated, call {@link #checkpoint()};
 *   <li>feed the last prompt token, by itself or, if {@link #nextCheckpoint} allows it, within the last chunk, and call
 *       {@link #checkpoint()} once behind it; then feed each generated token and call {@link #append} for it;
 *   <li>{@link #close(Outcome)}, always, once.
 * </ol>
 */
@Internal
public final class CacheSession implements AutoCloseable {
    private static final int APPENDS_PER_CHECK = 256;

    /** How a request ended, which decides what is kept and how soon its conversation is expected back. */
    public enum Outcome {
        /** The answer is complete. */
        FINISHED,
        /** The answer asks for tools: the conversation will be back with their results. */
        TOOL_CALL,
        /** Stopped on demand: all that was fed stays usable. */
        CANCELLED,
        /**
         * A computation failed, so the layers cannot be trusted: they are dropped, and with them this sequence alone.
         */
        FAILED
    }

    private final TrieCache cache;
    private final CacheKey key;
    private final Sequence sequence;
    private final boolean stored;
    private final CacheRequest request;
    private ReusePlan plan;
    private Checkpoints checkpoints;
    /** What is still to come from disk; null if nothing is. */
    private Restoration restoration;

    private final int promptLength;
    /** The prompt, then what was generated. */
    private int[] tokens;

    private int length;
    private int evaluated;
    private boolean closed;
    /** Up to how many tokens the layers may grow. */
    private int granted;

    private final boolean tooLarge;
    /** Whether no request has it. */
    private boolean ahead;

    CacheSession(TrieCache cache, CacheRequest request, Sequence sequence, boolean stored, ReusePlan plan) {
        this.cache = cache;
        this.key = request.key();
        this.sequence = sequence;
        this.stored = stored;
        this.request = request;
        this.plan = plan;
        this.tokens = request.tokens();
        this.length = tokens.length;
        this.promptLength = length;
        this.evaluated = plan.resumePosition();
        this.tooLarge = cache.admission(request) == Admission.NEVER;
        this.checkpoints = planCheckpoints();
    }

    private Checkpoints planCheckpoints() {
        boolean stateful = stored && sequence.trie.stateful();
        return Checkpoints.of(request, plan, stateful ? cache.limits().checkpointSpacingTokens() : 0, cache.grid());
    }

    /** Position from which the prompt must be prefilled: between 0 and the prompt's length - 1. */
    public int resumePosition() {
        return plan.resumePosition();
    }

    /** Why {@link #resumePosition()} is what it is. */
    public ReusePlan plan() {
        return plan;
    }

    /** Whether a part of the prompt that is not computed yet can be brought from disk. */
    public boolean isRestoring() {
        return restoration != null;
    }

    /** How many tokens the layers hold after the next call of {@link #restore()}. */
    public int nextRestored() {
        return restoration.next();
    }

    /**
     * Brings the next part of the prompt from disk, some 32 MB of it. A part that is damaged is passed over: then
     * {@link #resumePosition()} stays, and the tokens are to be computed.
     */
    public void restore() {
        if (closed || cache.isClosed() || sequence.offset() > plan.resumePosition()) {
            endRestoring();
        } else {
            restoration.step();
        }
    }

    /** Lets the session restore. */
    void restoreFrom(Restoration found) {
        restoration = found;
    }

    /** Restores what another prompt of the same trie begins with, too, as far as there is room. */
    void restoreFor(CacheRequest other) {
        int mismatch = Arrays.mismatch(request.tokens(), other.tokens());
        int common = mismatch < 0 ? request.tokens().length : mismatch;
        while (restoration != null && restoration.isAlso(common) && hasRoom(restoration.next())) {
            restore();
        }
    }

    /** Called before the first record is read into empty layers, of which a token takes so many bytes. */
    void restoring(double tokenBytes) {
        cache.room().reserve(key, sequence, request.tokens().length, tokenBytes);
    }

    /**
     * Called when the layers hold the prompt up to a position.
     *
     * @param shared whether what is new came from what ships with the application
     */
    void restored(int position, DiskPath path, boolean shared, long nanos) {
        int tokensBefore = plan.restoredTokens();
        boolean further = path.matched() >= plan.matched();
        int added = position - plan.resumePosition();
        int prefixTokens = plan.prefixTokens() + (shared ? added : 0);
        evaluated = position;
        attachBoundaries(position);
        attach(position);
        if (restoration.isDone()) {
            cache.store().keepStates(sequence, restoration.takeStates());
        }
        plan = ReusePlan.of(
                        request.tokens(),
                        position,
                        Math.max(plan.matched(), path.matched()),
                        further ? path.nextToken() : plan.cachedToken(),
                        false)
                .restored(tokensBefore + added, prefixTokens, nanos);
        if (!ahead) {
            cache.usage().cachedTokens += added;
            sequence.conversation.restored(added);
        }
        if (restoration.isDone()) {
            endRestoring();
        }
        cache.grown(this);
    }

    private void endRestoring() {
        if (restoration != null) {
            restoration.close();
            restoration = null;
            checkpoints = planCheckpoints();
        }
    }

    /** The layers of this sequence, all of them at offset {@link #resumePosition()} when it begins. Borrowed. */
    public List<LayerCache> layers() {
        return sequence.layers;
    }

    /**
     * The first position after {@code position} where prefill must stop for a checkpoint, or
     * {@link Integer#MAX_VALUE} if there is none.
     */
    public int nextCheckpoint(int position) {
        return checkpoints.nextStop(position);
    }

    /**
     * Says that all prompt tokens before the layers' offset are in evaluated buffers. From here on they survive a
     * cancellation and may serve other requests; state layers are kept if a checkpoint is wanted at this position.
     *
     * @throws IllegalStateException if the layers do not stand at one offset within the prompt
     */
    public void checkpoint() {
        if (closed) {
            throw new IllegalStateException("the session is closed");
        }
        int offset = sequence.offset();
        if (offset < evaluated || offset > promptLength) {
            throw new IllegalStateException("the layers' offset (%d) must be the same for all layers, within [%d, %d]"
                    .formatted(offset, evaluated, promptLength));
        }
        evaluated = offset;
        if (cache.isClosed()) {
            return;
        }
        if (stored) {
            keepBoundaries(offset);
        }
        cache.grown(this);
    }

    private void keepBoundaries(int offset) {
        attachBoundaries(cache.grid().kept(offset, promptLength));
        if (checkpoints.isStop(offset)) {
            attach(offset);
            if (sequence.trie.stateful()) {
                cache.store().keepState(sequence, checkpoints.isSpacing(offset));
                checkpoints.thinOut(sequence);
            }
        }
    }

    /**
     * Has prefill stop at a position of the prompt that lies ahead, where another prompt goes on differently and waits:
     * from that checkpoint on it can be resumed there.
     */
    public void shareAt(int position) {
        if (position > evaluated && position < promptLength) {
            checkpoints.stopAt(position);
        }
    }

    /** Lets other prompts resume at this position, as far as it was computed. */
    void publish(int position) {
        attach(Math.min(position, cache.grid().kept(evaluated, promptLength)));
    }

    int[] tokens() {
        return tokens;
    }

    int promptLength() {
        return promptLength;
    }

    int evaluated() {
        return evaluated;
    }

    /**
     * Whether the layers may grow to so many tokens, those that they hold included: to be asked before each chunk and
     * each step. What others left is evicted for it. If not, the request has to end, or to wait until other sessions
     * do: with nothing fed beyond what was allowed the limit of bytes holds. Cheap: most answers were given before.
     */
    public boolean hasRoom(int wanted) {
        if (wanted > granted && !tooLarge && !cache.isClosed()) {
            granted = cache.room().grant(key, sequence, wanted, promptLength);
        }
        return wanted <= granted || cache.isClosed();
    }

    /**
     * Whether so many bytes may be held beside the layers until the next call, which gives them back: what they keep
     * between drafted tokens. What others left is evicted for it.
     */
    public boolean lend(long bytes) {
        return cache.isClosed() || cache.room().lend(sequence, bytes);
    }

    /** Lets the layers grow to so many tokens. */
    void allow(int tokens) {
        granted = tokens;
    }

    /** What others who share this trie said behind the same tokens: the prompt, and what is generated from now on. */
    public KnownPath knownPath() {
        return new KnownPath(sequence.trie, request.tokens());
    }

    /**
     * What others who share this trie went on with beside this prompt, at most so many tokens: texts, the one that was
     * used last at the end, with -1 behind each.
     */
    public int[] knownTexts(int max) {
        return KnownTexts.beside(sequence.trie, request.tokens(), max);
    }

    /** Records a generated token that was fed to the layers. Tokens that were only sampled are not recorded. */
    public void append(int token) {
        if (length == promptLength || length == tokens.length) {
            tokens = Arrays.copyOf(tokens, length + Math.max(APPENDS_PER_CHECK, (length - promptLength)));
        }
        tokens[length++] = token;
        if (!cache.isClosed() && (length - promptLength) % APPENDS_PER_CHECK == 0) {
            cache.grown(this);
        }
    }

    /**
     * Counts time that it would have taken to compute what was found in memory and on disk. To be called before its
     * end.
     */
    public void saved(long nanosByMemory, long nanosByDisk) {
        cache.usage().nanosSavedByMemory += nanosByMemory;
        cache.usage().nanosSavedByDisk += nanosByDisk;
    }

    /** Gives the layers back. Later calls do nothing. */
    public void close(Outcome outcome) {
        if (closed) {
            return;
        }
        closed = true;
        endRestoring();
        cache.ended(this, outcome);
    }

    /** The same as {@code close(Outcome.FAILED)}, for a request that left without saying how it ended. */
    @Override
    public void close() {
        close(Outcome.FAILED);
    }

    /** Whether it was closed: of one that computes ahead, the cache does so itself when it is in the way. */
    public boolean isClosed() {
        return closed;
    }

    boolean isAhead() {
        return ahead;
    }

    /** Lets it compute what no request asked for yet, and grow to so many tokens. */
    void computeAhead(int tokens) {
        ahead = true;
        granted = tokens;
    }

    CacheRequest request() {
        return request;
    }

    CacheKey key() {
        return key;
    }

    boolean isStored() {
        return stored;
    }

    Sequence sequence() {
        return sequence;
    }

    Checkpoints checkpoints() {
        return checkpoints;
    }

    /**
     * Brings the trie up to what the layers hold for sure.
     *
     * @return whether the layers stand exactly there, so that they can serve as they are
     */
    boolean settle() {
        int offset = sequence.leastOffset();
        int held = cache.grid().kept(offset < promptLength ? evaluated : Math.min(offset, length), promptLength);
        attachBoundaries(held);
        attach(held);
        boolean exact = true;
        for (LayerCache layer : sequence.layers) {
            if (layer.offset() > held && layer.sliceable()) {
                layer.trimTo(held);
            }
            exact &= layer.offset() == held;
            layer.separate();
        }
        return exact;
    }

    private void attachBoundaries(int limit) {
        for (Boundary boundary : checkpoints.boundaries()) {
            if (boundary.position() > sequence.length() && boundary.position() <= limit) {
                attach(boundary.position());
            }
            if (boundary.position() == sequence.length()) {
                sequence.trie.setTier(sequence.tail, boundary.tier());
                if (boundary.tier() == Tier.SYSTEM && sequence.tail.newcomers == 0) {
                    cache.newPrefix(sequence.tail);
                }
            }
        }
    }

    private void attach(int position) {
        if (position > sequence.length()) {
            int from = sequence.length();
            cache.store().extend(sequence, tokens, position);
            for (TrieNode n = sequence.tail;
                    ahead && !isRestoring() && n.parent != null && n.start >= from;
                    n = n.parent) {
                n.ahead = true;
            }
        }
    }
}
