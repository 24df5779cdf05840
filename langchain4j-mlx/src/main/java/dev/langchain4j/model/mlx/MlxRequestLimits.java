package dev.langchain4j.model.mlx;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.mlx.generate.EngineLimits;
import java.nio.file.Path;
import java.time.Duration;

/**
 * The settings of {@link MlxModel.Builder} for concurrent requests: how many run, how they share the model's time, and
 * how long others wait.
 *
 * @param <B> the builder itself
 */
public abstract class MlxRequestLimits<B extends MlxRequestLimits<B>> extends MlxWeightSettings<B> {
    private Integer maxConcurrent;
    private Integer maxQueued;
    private Duration queueTimeout;
    private Duration gracePeriod;
    private boolean exactBatching;
    boolean exactReuse;
    private Speculation speculation = Speculation.AUTO;
    private Path draftModel;
    private Duration stallTarget;
    private Double decodeShare;

    MlxRequestLimits() {}

    /**
     * Maximum number of running requests, at least 1; the others wait. Decoding requests share forward passes, which
     * read the weights once for all of them. Chunks of new prompts are prefilled between their steps, as {@link
     * #stallTarget} and {@link #decodeShare} say. Each takes memory for its keys and values; a request waits while
     * there is no room. 1 answers one request after the other. Default: 8.
     */
    public B maxConcurrent(Integer requests) {
        this.maxConcurrent = requests;
        return self();
    }

    /**
     * Maximum number of waiting requests. Further ones are refused with a {@link
     * dev.langchain4j.exception.RateLimitException}. Default: 1024.
     */
    public B maxQueued(Integer requests) {
        this.maxQueued = requests;
        return self();
    }

    /**
     * Maximum time in the queue. After it, the request fails with a {@link dev.langchain4j.exception.TimeoutException}.
     * Default: none. See also {@link MlxChatBuilder#timeout}.
     */
    public B queueTimeout(Duration timeout) {
        this.queueTimeout = timeout;
        return self();
    }

    /**
     * The time that accepted requests have when the model is closed or the JVM shuts down; new ones are refused. Then
     * the remaining ones fail with a {@link dev.langchain4j.exception.NonRetriableException}. Default: 10 seconds.
     */
    public B gracePeriod(Duration period) {
        this.gracePeriod = period;
        return self();
    }

    /**
     * Whether concurrent requests run in turn instead of sharing forward passes. The last bits of a product depend on
     * its number of rows, so in shared passes they depend on the other requests. Default: false.
     */
    public B exactBatching(boolean exact) {
        this.exactBatching = exact;
        return self();
    }

    /**
     * Whether a resumed prompt gives the same logits, bit for bit, as a prompt that is computed from its start.
     * Then only whole chunks of prefill are kept, so each round of a loop computes its last answer and up to {@code
     * prefillChunkTokens} tokens again; use a small chunk. Includes {@link #exactBatching}. Default: false; reused
     * states were then partly computed in pieces of other sizes, and logits may differ in their last bits.
     */
    public B exactReuse(boolean exact) {
        this.exactReuse = exact;
        return self();
    }

    /**
     * Whether next tokens are drafted, and several of them verified in one forward pass. The answer is that of plain
     * decoding, up to the rounding of passes with other numbers of rows. Nothing is drafted with {@link #exactBatching}
     * and {@link #exactReuse}, which guarantee identical bits. Default: {@link Speculation#AUTO}.
     */
    public B speculation(Speculation mode) {
        this.speculation = mode == null ? Speculation.AUTO : mode;
        return self();
    }

    /**
     * Folder of a smaller model with the same tokenizer that drafts tokens for this one. The answer stays that of this
     * model. The keys and values of the draft model are kept and reused with the prompt cache, and count there. The
     * number of drafted tokens follows from their measured cost and acceptance. If drafting does not pay, nothing is
     * drafted, but the weights stay loaded. Ignored, and not loaded, if {@link #speculation} is off or identical bits
     * are guaranteed. Default: null, none; then heads for several tokens (MTP) draft, if the model's own folder has
     * them. Source: mlx-lm's {@code draft_model}.
     */
    public B draftModel(Path folder) {
        this.draftModel = folder;
        return self();
    }

    /**
     * The intended maximum time of a prefill chunk while other requests decode and wait for it; greater than zero. A
     * shorter time makes their answers smoother; a longer one makes the prompt faster, because each chunk reads all
     * weights. The number of tokens follows from measured chunks and is at least 32. Without decoding requests, chunks
     * have {@link MlxModel.Builder#prefillChunkTokens}; with {@link #exactReuse} or {@link
     * #exactBatching} they always do, because bits depend on them. Default: 200 ms.
     */
    public B stallTarget(Duration target) {
        this.stallTarget = target;
        return self();
    }

    /**
     * The share of time for decode while prompts are prefilled, at least 0 and less than 1. After a chunk, decoding
     * requests run steps until they had their share, but at least one. Default: a third, so a prompt takes 1.5 times as
     * long beside others as alone.
     */
    public B decodeShare(Double share) {
        this.decodeShare = share;
        return self();
    }

    /** Folder of the draft model; null for none, and where nothing is speculated. */
    final Path draftFolder(EngineLimits limits) {
        return limits.speculation() ? draftModel : null;
    }

    /** All of them, checked; defaults for what is not set. */
    final EngineLimits engineLimits() {
        boolean exact = exactBatching || exactReuse;
        EngineLimits defaults = EngineLimits.DEFAULT;
        try {
            return new EngineLimits(
                    maxConcurrent == null ? defaults.maxConcurrent() : maxConcurrent,
                    maxQueued == null ? defaults.maxQueued() : maxQueued,
                    queueTimeout,
                    gracePeriod == null ? defaults.gracePeriod() : gracePeriod,
                    exact,
                    speculation == Speculation.AUTO && !exact,
                    stallTarget == null ? defaults.stallTarget() : stallTarget,
                    decodeShare == null ? defaults.decodeShare() : decodeShare);
        } catch (IllegalArgumentException e) {
            throw new InvalidRequestException(e.getMessage(), e);
        }
    }
}
