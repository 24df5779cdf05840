package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.text.GrammarMatcher;
import dev.langchain4j.model.mlx.cache.Boundary;
import dev.langchain4j.model.mlx.cache.Isolation;
import java.util.List;
import java.util.Objects;

/**
 * What is asked of an {@link Engine}.
 *
 * @param prompt token ids, at least one
 * @param boundaries positions of the prompt where others are likely to branch off
 * @param conversation the memory ID, or null
 * @param isolation whether the conversation shares prefixes with others
 * @param sampling how tokens are drawn
 * @param maxTokens most tokens that are generated; null for as many as the context has room for
 * @param stopSequences texts that end the answer and do not belong to it
 * @param grammar what the answer must look like, at its start; null for any text. The engine takes ownership
 */
public record GenerationRequest(
        int[] prompt,
        List<Boundary> boundaries,
        Object conversation,
        Isolation isolation,
        Sampling sampling,
        Integer maxTokens,
        List<String> stopSequences,
        GrammarMatcher grammar) {

    /** A request whose answer may be any text. */
    public GenerationRequest(
            int[] prompt,
            List<Boundary> boundaries,
            Object conversation,
            Isolation isolation,
            Sampling sampling,
            Integer maxTokens,
            List<String> stopSequences) {
        this(prompt, boundaries, conversation, isolation, sampling, maxTokens, stopSequences, null);
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
    }

    /** The same request under a grammar, which the engine takes ownership of. */
    public GenerationRequest withGrammar(GrammarMatcher start) {
        return new GenerationRequest(
                prompt, boundaries, conversation, isolation, sampling, maxTokens, stopSequences, start);
    }

    /** What events call the conversation. */
    String conversationName() {
        return conversation == null ? "anonymous" : conversation.toString();
    }
}
