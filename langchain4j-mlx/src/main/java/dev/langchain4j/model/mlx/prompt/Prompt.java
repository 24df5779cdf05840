package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.model.mlx.cache.Boundary;
import dev.langchain4j.model.mlx.vision.PromptPictures;
import java.util.List;
import java.util.Optional;

/** A rendered request. Immutable. */
public final class Prompt {
    private final String text;
    private final int[] tokens;
    private final PromptPictures pictures;
    private final List<Boundary> boundaries;
    private final List<MessageTokens> messages;
    private final List<MessageChange> changes;
    private final PromptOrigin origin;

    Prompt(
            String text,
            int[] tokens,
            PromptPictures pictures,
            List<Boundary> boundaries,
            List<MessageTokens> messages,
            List<MessageChange> changes,
            PromptOrigin origin) {
        this.text = text;
        this.tokens = tokens;
        this.pictures = pictures;
        this.boundaries = List.copyOf(boundaries);
        this.messages = List.copyOf(messages);
        this.changes = List.copyOf(changes);
        this.origin = origin;
    }

    /**
     * Which tokens of the prompt a message became.
     *
     * @param index position of the message in the request
     * @param role its role, as the chat template was told
     * @param start position of its first token
     * @param end position behind its last token
     * @param source where its tokens come from
     */
    public record MessageTokens(int index, String role, int start, int end, Source source) {}

    /** Where the tokens of a message come from. */
    public enum Source {
        /** The chat template's text was tokenized. */
        RENDERED,
        /** An answer of this model, with the tokens that it generated. */
        GENERATED,
        /** An answer of this model which the chat template does not write as it was generated. */
        REWRITTEN
    }

    /**
     * What the template rendered, with its own places for pictures; turns that this model generated are as the template
     * spells them.
     */
    public String text() {
        return text;
    }

    /** The prompt's ids, those that caches compare where pictures are; not to be changed. */
    public int[] tokens() {
        return tokens;
    }

    /** The pictures in it; null for none. */
    public PromptPictures pictures() {
        return pictures;
    }

    /** Token positions where other prompts are likely to branch off. */
    public List<Boundary> boundaries() {
        return boundaries;
    }

    /** The messages whose place in the prompt is known, in the order of the prompt. */
    public List<MessageTokens> messages() {
        return messages;
    }

    /** What was changed in messages that the chat template could not say. */
    public List<MessageChange> changes() {
        return changes;
    }

    /** The message that the token at this position belongs to; empty for what the template writes around messages. */
    public Optional<MessageTokens> messageAt(int position) {
        return messages.stream()
                .filter(message -> message.start <= position && position < message.end)
                .findFirst();
    }

    /** The same in terms of other messages, of which the ones of this prompt have these indices. */
    Prompt told(int[] indices, List<MessageChange> otherChanges) {
        List<MessageTokens> others = messages.stream()
                .map(m -> new MessageTokens(indices[m.index], m.role, m.start, m.end, m.source))
                .toList();
        return new Prompt(text, tokens, pictures, boundaries, others, otherChanges, origin);
    }

    PromptOrigin origin() {
        return origin;
    }
}
