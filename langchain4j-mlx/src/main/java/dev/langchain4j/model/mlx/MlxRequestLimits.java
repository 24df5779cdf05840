package dev.langchain4j.model.mlx;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.mlx.generate.EngineLimits;
import java.nio.file.Path;
import java.time.Duration;

/**
 * The settings of {@link MlxModel.Builder} that say how many requests run at the same time, how they share the model's time,
 * and how long others wait.
 *
 * @param <B> the builder itself
 */
public abstract class MlxRequestLimits<B extends MlxRequestLimits<B>> extends MlxWeightSettings<B> {
    private Integer maxConcurrent;
    private Integer maxQueued;
    private Duration queueTimeout;
    private Duration gracePeriod;
    private boolean exactBatching;
    private Speculation speculation = Speculation.AUTO;
    private Path draftModel;
    private Duration stallTarget;
    private Double decodeShare;

    MlxRequestLimits() {}

    /**
     * Most requests that run at the same time, at least 1; the others wait. Those that decode share forward passes, so
     * that the weights are read once for all of them, and chunks of new prompts are prefilled between their steps, as
     * {@link #stallTarget} and {@link #decodeShare} say. Default: 1.
     */
    public B maxConcurrent(Integer requests) {
        this.maxConcurrent = requests;
        return self();
    }

    /**
     * Most requests that wait for their turn. One that finds so many waiting is refused with a
     * {@link dev.langchain4j.exception.RateLimitException}. Default: 1024.
     */
    public B maxQueued(Integer requests) {
        this.maxQueued = requests;
        return self();
    }

    /**
     * Most time that a request waits for its turn. Beyond it the request fails with a
     * {@link dev.langchain4j.exception.TimeoutException}. Default: none. See also {@link MlxChatBuilder#timeout}.
     */
    public B queueTimeout(Duration timeout) {
        this.queueTimeout = timeout;
        return self();
    }

    /**
     * How long requests that were accepted may go on when the model is closed or the JVM shuts down; new ones are refused
     * meanwhile. Those that have not ended then fail with a {@link dev.langchain4j.exception.NonRetriableException}.
     * Default: 10 seconds.
     */
    public B gracePeriod(Duration period) {
        this.gracePeriod = period;
        return self();
    }

    /**
     * Whether requests that run at the same time take turns instead of sharing forward passes. The last bits of a product
     * depend on how many rows it has, so without turns they may depend on who runs beside. Default: false.
     */
    public B exactBatching(boolean exact) {
        this.exactBatching = exact;
        return self();
    }

    /**
     * Whether next tokens are drafted, and several of them verified in one forward pass. The answer is that of plain
     * decoding, up to the rounding of passes with other numbers of rows. Nothing is drafted with {@link #exactBatching}
     * and {@link MlxModel.Builder#exactReuse}, which guarantee identical bits. Default: {@link Speculation#AUTO}.
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
     * How long a chunk of a prompt may be prefilled while other requests decode, which wait for it: longer than nothing.
     * Shorter is smoother for them; longer is faster for the prompt, for short chunks read the weights as often as long ones.
     * How many tokens that is, is learned while chunks run; it is 32 at the least. While nobody decodes chunks have
     * {@link MlxModel.Builder#prefillChunkTokens}, and so they have always with {@link MlxModel.Builder#exactReuse} or
     * {@link #exactBatching}, which promise bits that depend on them. Default: 200 ms.
     */
    public B stallTarget(Duration target) {
        this.stallTarget = target;
        return self();
    }

    /**
     * The share of the time that decode gets while prompts are prefilled, at least 0 and less than 1: after a chunk, those that
     * decode take steps until they had their share, and one step in any case. Default: a third, so a prompt takes one and a
     * half times as long beside others as alone.
     */
    public B decodeShare(Double share) {
        this.decodeShare = share;
        return self();
    }

    /** Folder of the draft model; null for none, and where nothing is speculated. */
    final Path draftFolder(EngineLimits limits) {
        return limits.speculation() ? draftModel : null;
    }

    /**
     * All of them, checked; defaults for what is not set.
     *
     * @param exact whether exact batching is wanted anyway
     */
    final EngineLimits engineLimits(boolean exact) {
        EngineLimits defaults = EngineLimits.DEFAULT;
        try {
            return new EngineLimits(
                    maxConcurrent == null ? defaults.maxConcurrent() : maxConcurrent,
                    maxQueued == null ? defaults.maxQueued() : maxQueued,
                    queueTimeout,
                    gracePeriod == null ? defaults.gracePeriod() : gracePeriod,
                    exactBatching || exact,
                    speculation == Speculation.AUTO && !exactBatching && !exact,
                    stallTarget == null ? defaults.stallTarget() : stallTarget,
                    decodeShare == null ? defaults.decodeShare() : decodeShare);
        } catch (IllegalArgumentException e) {
            throw new InvalidRequestException(e.getMessage(), e);
        }
    }
}
