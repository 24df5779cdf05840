package dev.langchain4j.model.mlx;

import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.cache.ReusePlan;
import dev.langchain4j.model.mlx.prompt.Prompt;
import dev.langchain4j.model.mlx.prompt.Prompt.MessageTokens;
import java.util.Optional;

/**
 * The point where a prompt diverges from the prompt cache: the first token that differs, and its message. Immutable.
 *
 * @param token position of the token in the prompt, from 0
 * @param message index of the message in the request, from 0; null if the chat template wrote the token around messages
 * @param role role of the message; null without one
 * @param stored text of the token that is stored; {@code (image)} for one of an image's
 * @param found text of the prompt's token; {@code (image)} for one of an image's
 * @param explanation a readable sentence with all of these
 */
public record PromptDifference(
        int token, Integer message, String role, String stored, String found, String explanation) {

    private static final String IMAGE = "(image)";

    /** The difference that a plan tells of, or null if there is none. */
    static PromptDifference of(Prompt prompt, ReusePlan plan, Tokenizer tokenizer) {
        if (plan.matched() == 0 || plan.cachedToken() == -1 || plan.promptToken() == -1) {
            return null;
        }
        String stored = text(plan.cachedToken(), tokenizer);
        String found = text(plan.promptToken(), tokenizer);
        Optional<MessageTokens> message = prompt.messageAt(plan.matched());
        String place = message.map(m -> "in message " + m.index() + " (" + m.role() + "): ")
                .orElse("outside of messages: ");
        String explanation = "diverged at token " + plan.matched() + ", " + place + why(prompt, plan.matched(), message)
                + ", " + quoted(found) + " instead of " + quoted(stored);
        return new PromptDifference(
                plan.matched(),
                message.map(MessageTokens::index).orElse(null),
                message.map(MessageTokens::role).orElse(null),
                stored,
                found,
                explanation);
    }

    /** The text of a token; negative ones are those of pictures. */
    private static String text(int token, Tokenizer tokenizer) {
        return token < 0 ? IMAGE : tokenizer.decode(new int[] {token}, false);
    }

    private static String why(Prompt prompt, int token, Optional<MessageTokens> message) {
        if (message.isEmpty()) {
            boolean first = prompt.messages().isEmpty()
                    || token < prompt.messages().getFirst().start();
            return first
                    ? "the chat template renders a different beginning, for example other tools"
                    : "the chat template renders a different continuation";
        }
        return switch (message.get().source()) {
            case REWRITTEN -> "the chat template rewrote an earlier assistant turn";
            case GENERATED -> "the stored answer differs";
            case RENDERED ->
                "system".equals(message.get().role())
                        ? "the system message differs from the stored one"
                        : "the message differs from the stored one, or the chat template rendered it differently";
        };
    }

    private static String quoted(String text) {
        return '"' + text.replace("\n", "\\n") + '"';
    }

    /** The explanation. */
    @Override
    public String toString() {
        return explanation;
    }
}
