package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.text.GrammarMatcher;
import dev.langchain4j.model.mlx.cache.Boundary;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.draft.CallDrafter;
import dev.langchain4j.model.mlx.vision.PromptPictures;
import java.time.Duration;
import java.util.List;
import java.util.Objects;

/**
 * What is asked of an {@link Engine}.
 *
 * @param prompt token ids, at least one; negative at the places of pictures
 * @param boundaries positions of the prompt where others are likely to branch off
 * @param conversation the memory ID, or null
 * @param isolation whether the conversation shares prefixes with others
 * @param sampling how tokens are drawn
 * @param maxTokens most tokens that are generated; null for {@link #OUTPUT_TOKENS}, or {@link #GRAMMAR_OUTPUT_TOKENS}
 *     under a grammar. The room that the context leaves counts in any case
 * @param stopSequences texts that end the answer and do not belong to it
 * @param grammar what the answer must look like, at its start; null for any text. The engine takes ownership
 * @param toolRound whether it brings results of tools that a model asked for, so that somebody waits in the middle of a
 *     loop
 * @param timeout most time from the submission to the end, waiting included; null for any
 * @param calls the syntax of calls that the answer may have, to draft with; null for none
 * @param pictures of the prompt, whose {@link PromptPictures#keys} it is then; null for none
 * @param reasoning how much of the answer may be reasoning; null for any
 */
public record GenerationRequest(
        int[] prompt,
        List<Boundary> boundaries,
        Object conversation,
        Isolation isolation,
        Sampling sampling,
        Integer maxTokens,
        List<String> stopSequences,
        GrammarMatcher grammar,
        boolean toolRound,
        Duration timeout,
        CallDrafter.Syntax calls,
        PromptPictures pictures,
        ReasoningLimit reasoning) {

    /** Most tokens of an answer that nothing else limits: as many as makers of reasoning models recommend. */
    public static final int OUTPUT_TOKENS = 32_768;

    /** The same under a grammar, which can keep a model from ending: a list may always have one more element. */
    public static final int GRAMMAR_OUTPUT_TOKENS = 8_192;

    /** A request whose answer may be any text, and which may take any time. */
    public GenerationRequest(
            int[] prompt,
            List<Boundary> boundaries,
            Object conversation,
            Isolation isolation,
            Sampling sampling,
            Integer maxTokens,
            List<String> stopSequences) {
        this(prompt, boundaries, conversation, isolation, sampling, maxTokens, stopSequences, null, false, null);
    }

    /** A request of whose calls nothing is known, and which may reason as long as it likes. */
    public GenerationRequest(
            int[] prompt,
            List<Boundary> boundaries,
            Object conversation,
            Isolation isolation,
            Sampling sampling,
            Integer maxTokens,
            List<String> stopSequences,
            GrammarMatcher grammar,
            boolean toolRound,
            Duration timeout) {
        this(
                prompt,
                boundaries,
                conversation,
                isolation,
                sampling,
                maxTokens,
                stopSequences,
                grammar,
                toolRound,
                timeout,
                null,
                null,
                null);
    }

    /** Checks what can be checked without the model. */
    public GenerationRequest {
        Objects.requireNonNull(prompt, "prompt");
        Objects.requireNonNull(isolation, "isolation");
        Objects.requireNonNull(sampling, "sampling");
        boundaries = List.copyOf(boundaries);
        stopSequences = List.copyOf(stopSequences);
        if (prompt.length == 0) {
            throw new IllegalArgumentException("prompt (0 tokens) must have at least one token");
        }
        if (maxTokens != null && maxTokens <= 0) {
            throw new IllegalArgumentException("maxOutputTokens (" + maxTokens + ") must be at least 1");
        }
        if (stopSequences.stream().anyMatch(String::isEmpty)) {
            throw new IllegalArgumentException("stopSequences " + stopSequences + " must not have an empty one");
        }
        if (timeout != null && (timeout.isNegative() || timeout.isZero())) {
            throw new IllegalArgumentException("timeout (" + timeout + ") must be positive");
        }
        if (reasoning != null && reasoning.maxTokens() < 0) {
            throw new IllegalArgumentException(
                    "maxReasoningTokens (" + reasoning.maxTokens() + ") must not be negative");
        }
    }

    /** The same request under a grammar, which the engine takes ownership of. */
    public GenerationRequest withGrammar(GrammarMatcher start) {
        return with(start, timeout, pictures);
    }

    /** The same request with a limit of time; null for none. */
    public GenerationRequest within(Duration limit) {
        return with(grammar, limit, pictures);
    }

    /** The same request with what is in its prompt beside text. */
    GenerationRequest withPictures(PromptPictures seen) {
        return with(grammar, timeout, seen);
    }

    private GenerationRequest with(GrammarMatcher start, Duration limit, PromptPictures seen) {
        return new GenerationRequest(
                prompt,
                boundaries,
                conversation,
                isolation,
                sampling,
                maxTokens,
                stopSequences,
                start,
                toolRound,
                limit,
                calls,
                seen,
                reasoning);
    }

    /** What the model is fed of the prompt. */
    int[] fed() {
        return pictures == null ? prompt : pictures.fed();
    }

    /** Most tokens of the answer, in a context that has room for so many. */
    int outputLimit(int room) {
        int limit = maxTokens != null ? maxTokens : grammar == null ? OUTPUT_TOKENS : GRAMMAR_OUTPUT_TOKENS;
        return Math.min(room, limit);
    }

    /** What events call the conversation. */
    String conversationName() {
        return name(conversation);
    }

    static String name(Object conversation) {
        return conversation == null ? "anonymous" : conversation.toString();
    }
}
