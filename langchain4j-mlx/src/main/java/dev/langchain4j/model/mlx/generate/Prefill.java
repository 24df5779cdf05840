package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.model.mlx.cache.CacheSession;
import dev.langchain4j.model.mlx.kv.LayerCache;
import dev.langchain4j.model.mlx.kv.Sight;
import java.util.Arrays;

/**
 * Feeds a prompt in chunks that end where {@link PrefillChunks} says, where the cache wants a checkpoint, and where a
 * layer says so. The fixed grid makes a resumed prompt compute in the same pieces as one from the start. While others
 * wait for it to decode, a chunk is computed in pieces, unless the very bits are wanted that it has as a whole.
 *
 * <p>The last token belongs to a short last chunk, behind which the first token of the answer is drawn. Elsewhere it is
 * left to the {@link Decoder}, as a pass of its own: where a chunk has to end before it, and where the bits must be
 * those of such a pass.
 */
final class Prefill implements AutoCloseable {
    /** Pieces have at least so many tokens: fewer take nearly as long, for the weights are read all the same. */
    static final int PIECE_TOKENS_MIN = 32;
    /** And a multiple of so many, as kernels like them. */
    private static final int PIECE_MULTIPLE = 16;
    /**
     * A chunk with the last token has at most so many tokens for each layer. Of other chunks nobody needs what the last
     * layer computes behind its keys and values; in a longer chunk this is more work than a pass of one token.
     */
    private static final int LAST_CHUNK_TOKENS_PER_LAYER = 16;

    private final Generation generation;
    private final CacheSession session;
    private final Seeing seeing;
    /** What the model is fed. */
    private final int[] prompt;

    /** Where the last token is. */
    private final int end;

    private final PrefillEvent event = new PrefillEvent();
    private int position;
    /** Where the chunk that is fed ends. */
    private int next;

    private int chunks;
    private boolean ended;

    Prefill(Generation generation) {
        this.generation = generation;
        this.session = generation.session();
        this.seeing = generation.seeing();
        this.prompt = generation.request().fed();
        this.end = prompt.length - 1;
        this.position = session.resumePosition();
        event.begin();
        generation.listener().onPrefill(position, prompt.length);
    }

    /** Tokens that are still to be fed before the last one. */
    int remaining() {
        return Math.max(0, end - position);
    }

    /** Tokens that were fed or reused. */
    int position() {
        return position;
    }

    /** Whether the next step restores a part of the prompt from disk instead of computing it. */
    boolean isRestoring() {
        return session.isRestoring();
    }

    /** Whether the next step computes the features of a picture instead of feeding tokens. */
    boolean isEncoding(int tokens) {
        return !isRestoring() && seeing.mustEncode(position, nextPosition(tokens));
    }

    /** Where the next chunk ends, of a prompt that has tokens left, or the piece of it that has so many tokens. */
    int nextPosition(int tokens) {
        if (session.isRestoring()) {
            return session.nextRestored();
        }
        int next = chunkEnd(generation.engine(), session, seeing, position, end, tokens);
        return next == end && takesLast() ? prompt.length : next;
    }

    /** Whether the last token belongs to a chunk that reaches it. */
    private boolean takesLast() {
        return generation.engine().cutsChunks()
                && session.nextCheckpoint(position) > end
                && limit(session) > end
                && end - position
                        < LAST_CHUNK_TOKENS_PER_LAYER * generation.layers().size();
    }

    /** Whether the chunk that is fed ends with the last token. */
    boolean endsPrompt() {
        return next == prompt.length;
    }

    /** Where a chunk ends that begins at a position, or the piece of it that has so many tokens. */
    static int chunkEnd(Engine engine, CacheSession session, Seeing seeing, int position, int end, int tokens) {
        int next = Math.min(
                Math.min(engine.chunkEnd(position), end), Math.min(session.nextCheckpoint(position), limit(session)));
        return seeing.chunkEnd(engine.cutsChunks() ? position + piece(next - position, tokens) : next);
    }

    /** Tokens of the next piece of so many, none longer than wanted, and all of about the same length. */
    static int piece(int tokens, int wanted) {
        int longest = Math.max(PIECE_TOKENS_MIN, wanted / PIECE_MULTIPLE * PIECE_MULTIPLE);
        int even = Math.ceilDiv(tokens, Math.ceilDiv(tokens, longest));
        return Math.min(tokens, Math.ceilDiv(even, PIECE_MULTIPLE) * PIECE_MULTIPLE);
    }

    /**
     * Begins a step of prefill. A step that restores a part of the prompt from disk, or computes the features of a
     * picture, ends with this.
     *
     * @param wanted about how many tokens at most
     * @return the tokens of the next chunk, of a prompt that has some left; null if none are to be fed in this step
     * @throws RateLimitException if other requests take the memory for it
     * @throws InvalidRequestException if there is too little memory for it anyway
     */
    int[] feed(int wanted) {
        if (!generation.mayGrow()) {
            throw noRoom(generation.engine().stats().running() > 1);
        }
        if (session.isRestoring()) {
            session.restore();
            moveTo(session.resumePosition());
            return null;
        }
        next = nextPosition(wanted);
        if (seeing.mustEncode(position, next)) {
            seeing.encode(position, next);
            return null;
        }
        return Arrays.copyOfRange(prompt, position, next);
    }

    /**
     * Ends a step of prefill: the layers have the chunk. The decoder says so to the cache if it is the last token's.
     */
    void fed() {
        if (!endsPrompt()) {
            session.checkpoint();
        }
        seeing.fedTo(next);
        chunks++;
        moveTo(next);
    }

    /** What pictures change about the chunk that is fed. */
    Sight sight() {
        return seeing.sight(position, next);
    }

    private void moveTo(int reached) {
        position = reached;
        if (position <= end) {
            generation.listener().onPrefill(position, prompt.length);
        }
        if (position >= end
                && end - session.resumePosition() > generation.engine().chunkTokens()) {
            MlxMemory.clearCache();
        }
    }

    private RuntimeException noRoom(boolean others) {
        return others
                ? new RateLimitException(needs(prompt.length) + " beside the other running requests: try again later")
                : neverFits(prompt.length);
    }

    private static String needs(int tokens) {
        return "the prompt (" + tokens + " tokens) needs more memory than the prompt cache may take";
    }

    /** Of a prompt that needs more than there may be. */
    static InvalidRequestException neverFits(int tokens) {
        return new InvalidRequestException(needs(tokens) + ": raise cacheLimits, or shorten the conversation");
    }

    private static int limit(CacheSession session) {
        int limit = Integer.MAX_VALUE;
        for (LayerCache layer : session.layers()) {
            limit = Math.min(limit, layer.chunkLimit());
        }
        return limit;
    }

    /** Nothing is fed any more: Flight Recorder is told. Idempotent. */
    @Override
    public void close() {
        if (!ended && event.shouldCommit()) {
            event.conversation = generation.request().conversationName();
            event.promptTokens = prompt.length;
            event.start = session.resumePosition();
            event.end = position;
            event.chunks = chunks;
            event.cancelled = position < end;
            event.commit();
        }
        ended = true;
    }
}
