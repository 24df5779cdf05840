package dev.langchain4j.model.mlx;

import dev.langchain4j.model.chat.response.ChatResponseMetadata;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import dev.langchain4j.model.mlx.generate.GenerationResult.Timings;
import java.time.Duration;
import java.util.List;
import java.util.Objects;

/**
 * Metadata of a response: its cost, and the part that the prompt cache saved. Times begin when the request starts to
 * run; the time before is {@link #queued()}. Unknown values are null. Immutable and thread-safe.
 */
public class MlxChatResponseMetadata extends ChatResponseMetadata {
    private static final double NANOS_PER_SECOND = 1e9;

    private final Duration queued;
    private final Duration prefixWait;
    private final Duration prefill;
    private final Duration timeToFirstToken;
    private final Duration running;
    private final Double decodeTokensPerSecond;
    private final Duration longestStall;
    private final Duration waitedForMemory;
    private final Double meanRows;
    private final Integer maxRows;
    private final Integer resumePosition;
    private final Integer matchedTokens;
    private final Integer restoredTokens;
    private final Integer sharedPrefixTokens;
    private final Duration restoring;
    private final ReuseReason reuseReason;
    private final PromptDifference firstDifference;
    private final List<PromptChange> promptChanges;
    private final List<MlxTokenLogprob> logprobs;
    private final Boolean reasoningCut;

    private MlxChatResponseMetadata(Builder builder) {
        super(builder);
        queued = builder.queued;
        prefixWait = builder.prefixWait;
        prefill = builder.prefill;
        timeToFirstToken = builder.timeToFirstToken;
        running = builder.running;
        decodeTokensPerSecond = builder.decodeTokensPerSecond;
        longestStall = builder.longestStall;
        waitedForMemory = builder.waitedForMemory;
        meanRows = builder.meanRows;
        maxRows = builder.maxRows;
        resumePosition = builder.resumePosition;
        matchedTokens = builder.matchedTokens;
        restoredTokens = builder.restoredTokens;
        sharedPrefixTokens = builder.sharedPrefixTokens;
        restoring = builder.restoring;
        reuseReason = builder.reuseReason;
        firstDifference = builder.firstDifference;
        promptChanges = builder.promptChanges;
        logprobs = builder.logprobs;
        reasoningCut = builder.reasoningCut;
    }

    /** How long the request waited for others. */
    public Duration queued() {
        return queued;
    }

    /**
     * The part of {@link #queued()} in which the request waited for another one to compute a prefix that both have;
     * zero if it did not.
     */
    public Duration prefixWait() {
        return prefixWait;
    }

    /** Time of prefill, that is of the prompt tokens that were not cached. */
    public Duration prefill() {
        return prefill;
    }

    /** Time from the start of the request to the first generated token, prefill included. */
    public Duration timeToFirstToken() {
        return timeToFirstToken;
    }

    /** Time from the start of a request to its end; the steps of concurrent requests are included. */
    public Duration running() {
        return running;
    }

    /** Speed of generation after the first token; null if there was only one. */
    public Double decodeTokensPerSecond() {
        return decodeTokensPerSecond;
    }

    /** The longest time between two tokens of the answer; null if there were not two. */
    public Duration longestStall() {
        return longestStall;
    }

    /** The part of {@link #queued()} and {@link #running()} in which it waited for memory that other requests held. */
    public Duration waitedForMemory() {
        return waitedForMemory;
    }

    /**
     * How many requests, this one included, had a token in the forward passes that its answer came from, on average; 1
     * if it ran alone, or with {@code exactBatching}. Null if there was no such pass.
     */
    public Double meanRows() {
        return meanRows;
    }

    /** The most requests that shared one of its forward passes, itself included; null if there was none. */
    public Integer maxRows() {
        return maxRows;
    }

    /** Number of tokens at the prompt's beginning that were not computed again. */
    public Integer resumePosition() {
        return resumePosition;
    }

    /** Number of tokens at the prompt's beginning that equal stored ones; at least {@link #resumePosition()}. */
    public Integer matchedTokens() {
        return matchedTokens;
    }

    /** Number of those tokens of {@link #resumePosition()} that came from disk, and not from memory. */
    public Integer restoredTokens() {
        return restoredTokens;
    }

    /** Number of those tokens of {@link #restoredTokens()} that came from prefixes that ship with the application. */
    public Integer sharedPrefixTokens() {
        return sharedPrefixTokens;
    }

    /** Time to restore {@link #restoredTokens()} from disk; part of {@link #prefill()}. */
    public Duration restoring() {
        return restoring;
    }

    /** Why not more of the prompt was reused. */
    public ReuseReason reuseReason() {
        return reuseReason;
    }

    /**
     * The first token of the prompt that is not the stored one, with the message that it lies in; null if what is
     * stored ends before, or nothing stored begins like this prompt.
     */
    public PromptDifference firstDifference() {
        return firstDifference;
    }

    /**
     * Changes of the request's messages that the model's chat template required: for a memory's window that begins with
     * an answer, for example. Empty if the model read the messages as they were. Never null.
     */
    public List<PromptChange> promptChanges() {
        return promptChanges;
    }

    /**
     * Log-probabilities of all generated tokens, those of reasoning, markers and the end included, if
     * {@link MlxChatRequestParameters#topLogprobs()} asked for them. Never null.
     */
    public List<MlxTokenLogprob> logprobs() {
        return logprobs;
    }

    /**
     * Whether the reasoning was closed at {@link MlxChatRequestParameters#maxReasoningTokens()}, and not by the model.
     * How long it was is in {@link MlxTokenUsage#reasoningTokens()}.
     */
    public Boolean reasoningCut() {
        return reasoningCut;
    }

    /** A builder that holds all of this; AI services use it to rebuild metadata. */
    @Override
    public Builder toBuilder() {
        Builder builder = builder();
        super.toBuilder(builder);
        return builder.queued(queued)
                .prefixWait(prefixWait)
                .prefill(prefill)
                .timeToFirstToken(timeToFirstToken)
                .running(running)
                .decodeTokensPerSecond(decodeTokensPerSecond)
                .longestStall(longestStall)
                .waitedForMemory(waitedForMemory)
                .meanRows(meanRows)
                .maxRows(maxRows)
                .resumePosition(resumePosition)
                .matchedTokens(matchedTokens)
                .restoredTokens(restoredTokens)
                .sharedPrefixTokens(sharedPrefixTokens)
                .restoring(restoring)
                .reuseReason(reuseReason)
                .firstDifference(firstDifference)
                .promptChanges(promptChanges)
                .logprobs(logprobs)
                .reasoningCut(reasoningCut);
    }

    @Override
    public boolean equals(Object other) {
        return super.equals(other)
                && other instanceof MlxChatResponseMetadata that
                && Objects.equals(queued, that.queued)
                && Objects.equals(prefixWait, that.prefixWait)
                && Objects.equals(prefill, that.prefill)
                && Objects.equals(timeToFirstToken, that.timeToFirstToken)
                && Objects.equals(running, that.running)
                && Objects.equals(decodeTokensPerSecond, that.decodeTokensPerSecond)
                && Objects.equals(longestStall, that.longestStall)
                && Objects.equals(waitedForMemory, that.waitedForMemory)
                && Objects.equals(meanRows, that.meanRows)
                && Objects.equals(maxRows, that.maxRows)
                && Objects.equals(resumePosition, that.resumePosition)
                && Objects.equals(matchedTokens, that.matchedTokens)
                && Objects.equals(restoredTokens, that.restoredTokens)
                && Objects.equals(sharedPrefixTokens, that.sharedPrefixTokens)
                && Objects.equals(restoring, that.restoring)
                && reuseReason == that.reuseReason
                && Objects.equals(firstDifference, that.firstDifference)
                && promptChanges.equals(that.promptChanges)
                && logprobs.equals(that.logprobs)
                && Objects.equals(reasoningCut, that.reasoningCut);
    }

    @Override
    public int hashCode() {
        return Objects.hash(
                super.hashCode(),
                queued,
                prefixWait,
                prefill,
                timeToFirstToken,
                running,
                decodeTokensPerSecond,
                longestStall,
                waitedForMemory,
                meanRows,
                maxRows,
                resumePosition,
                matchedTokens,
                restoredTokens,
                sharedPrefixTokens,
                restoring,
                reuseReason,
                firstDifference,
                promptChanges,
                logprobs,
                reasoningCut);
    }

    @Override
    public String toString() {
        return "MlxChatResponseMetadata{standard=" + super.toString()
                + ", queued=" + queued
                + ", prefixWait=" + prefixWait
                + ", prefill=" + prefill
                + ", timeToFirstToken=" + timeToFirstToken
                + ", running=" + running
                + ", decodeTokensPerSecond=" + decodeTokensPerSecond
                + ", longestStall=" + longestStall
                + ", waitedForMemory=" + waitedForMemory
                + ", meanRows=" + meanRows
                + ", maxRows=" + maxRows
                + ", resumePosition=" + resumePosition
                + ", matchedTokens=" + matchedTokens
                + restored()
                + ", reuseReason=" + reuseReason
                + ", firstDifference=" + firstDifference
                + ", promptChanges=" + promptChanges
                + ", reasoningCut=" + reasoningCut
                + ", logprobs=" + logprobs.size() + " tokens}";
    }

    private String restored() {
        return restoredTokens == null || restoredTokens == 0
                ? ""
                : ", restored " + restoredTokens + " tokens from " + tiers() + " in " + restoring.toMillis() + " ms";
    }

    private String tiers() {
        if (sharedPrefixTokens == null || sharedPrefixTokens == 0) {
            return "disk";
        }
        return "shared prefixes" + (sharedPrefixTokens < restoredTokens ? " and disk" : "");
    }

    /** A builder with nothing set. */
    public static Builder builder() {
        return new Builder();
    }

    /** A builder that holds the numbers of a generation: token usage, times, reuse. */
    static Builder builder(GenerationResult result) {
        Timings timings = result.timings();
        int generated = result.generated().length;
        long decode = timings.total() - timings.timeToFirstToken();
        return builder()
                .tokenUsage(new MlxTokenUsage(
                        result.promptTokens(),
                        generated,
                        result.cachedTokens(),
                        result.reasoning().tokens(),
                        result.drafts(),
                        result.imageTokens()))
                .reasoningCut(result.reasoning().cut())
                .queued(Duration.ofNanos(timings.queued()))
                .prefixWait(Duration.ofNanos(timings.prefixWait()))
                .prefill(Duration.ofNanos(timings.prefill()))
                .timeToFirstToken(Duration.ofNanos(timings.timeToFirstToken()))
                .running(Duration.ofNanos(timings.total()))
                .decodeTokensPerSecond(generated > 1 && decode > 0 ? (generated - 1) * NANOS_PER_SECOND / decode : null)
                .longestStall(generated > 1 ? Duration.ofNanos(timings.longestStall()) : null)
                .waitedForMemory(Duration.ofNanos(timings.waitedForMemory()))
                .meanRows(result.rows().max() > 0 ? result.rows().mean() : null)
                .maxRows(result.rows().max() > 0 ? result.rows().max() : null)
                .resumePosition(result.plan().resumePosition())
                .matchedTokens(result.plan().matched())
                .restoredTokens(result.plan().restoredTokens())
                .sharedPrefixTokens(result.plan().prefixTokens())
                .restoring(Duration.ofNanos(result.plan().restoreNanos()))
                .reuseReason(ReuseReason.of(result.plan().reason()));
    }

    /** Collects metadata; each is described at the method of the same name of {@link MlxChatResponseMetadata}. */
    public static class Builder extends ChatResponseMetadata.Builder<Builder> {
        private Duration queued;
        private Duration prefixWait;
        private Duration prefill;
        private Duration timeToFirstToken;
        private Duration running;
        private Double decodeTokensPerSecond;
        private Duration longestStall;
        private Duration waitedForMemory;
        private Double meanRows;
        private Integer maxRows;
        private Integer resumePosition;
        private Integer matchedTokens;
        private Integer restoredTokens;
        private Integer sharedPrefixTokens;
        private Duration restoring;
        private ReuseReason reuseReason;
        private PromptDifference firstDifference;
        private List<PromptChange> promptChanges = List.of();
        private List<MlxTokenLogprob> logprobs = List.of();
        private Boolean reasoningCut;

        /** See {@link MlxChatResponseMetadata#queued()}. */
        public Builder queued(Duration duration) {
            queued = duration;
            return this;
        }

        /** See {@link MlxChatResponseMetadata#prefixWait()}. */
        public Builder prefixWait(Duration duration) {
            prefixWait = duration;
            return this;
        }

        /** See {@link MlxChatResponseMetadata#prefill()}. */
        public Builder prefill(Duration duration) {
            prefill = duration;
            return this;
        }

        /** See {@link MlxChatResponseMetadata#timeToFirstToken()}. */
        public Builder timeToFirstToken(Duration duration) {
            timeToFirstToken = duration;
            return this;
        }

        /** See {@link MlxChatResponseMetadata#running()}. */
        public Builder running(Duration duration) {
            running = duration;
            return this;
        }

        /** See {@link MlxChatResponseMetadata#decodeTokensPerSecond()}. */
        public Builder decodeTokensPerSecond(Double speed) {
            decodeTokensPerSecond = speed;
            return this;
        }

        /** See {@link MlxChatResponseMetadata#longestStall()}. */
        public Builder longestStall(Duration duration) {
            longestStall = duration;
            return this;
        }

        /** See {@link MlxChatResponseMetadata#waitedForMemory()}. */
        public Builder waitedForMemory(Duration duration) {
            waitedForMemory = duration;
            return this;
        }

        /** See {@link MlxChatResponseMetadata#meanRows()}. */
        public Builder meanRows(Double rows) {
            meanRows = rows;
            return this;
        }

        /** See {@link MlxChatResponseMetadata#maxRows()}. */
        public Builder maxRows(Integer rows) {
            maxRows = rows;
            return this;
        }

        /** See {@link MlxChatResponseMetadata#resumePosition()}. */
        public Builder resumePosition(Integer tokens) {
            resumePosition = tokens;
            return this;
        }

        /** See {@link MlxChatResponseMetadata#matchedTokens()}. */
        public Builder matchedTokens(Integer tokens) {
            matchedTokens = tokens;
            return this;
        }

        /** See {@link MlxChatResponseMetadata#restoredTokens()}. */
        public Builder restoredTokens(Integer tokens) {
            restoredTokens = tokens;
            return this;
        }

        /** See {@link MlxChatResponseMetadata#sharedPrefixTokens()}. */
        public Builder sharedPrefixTokens(Integer tokens) {
            sharedPrefixTokens = tokens;
            return this;
        }

        /** See {@link MlxChatResponseMetadata#restoring()}. */
        public Builder restoring(Duration duration) {
            restoring = duration;
            return this;
        }

        /** See {@link MlxChatResponseMetadata#reuseReason()}. */
        public Builder reuseReason(ReuseReason reason) {
            reuseReason = reason;
            return this;
        }

        /** See {@link MlxChatResponseMetadata#firstDifference()}. */
        public Builder firstDifference(PromptDifference difference) {
            firstDifference = difference;
            return this;
        }

        /** See {@link MlxChatResponseMetadata#promptChanges()}. The list is copied. */
        public Builder promptChanges(List<PromptChange> changes) {
            promptChanges = List.copyOf(changes);
            return this;
        }

        /** See {@link MlxChatResponseMetadata#logprobs()}. The list is copied. */
        public Builder logprobs(List<MlxTokenLogprob> tokens) {
            logprobs = List.copyOf(tokens);
            return this;
        }

        /** See {@link MlxChatResponseMetadata#reasoningCut()}. */
        public Builder reasoningCut(Boolean cut) {
            reasoningCut = cut;
            return this;
        }

        @Override
        public MlxChatResponseMetadata build() {
            return new MlxChatResponseMetadata(this);
        }
    }
}
