package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.cache.Boundary;
import dev.langchain4j.model.mlx.cache.Tier;
import dev.langchain4j.model.mlx.vision.PromptPictures;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What the next prompt of a conversation begins with, whatever the user writes or the tools give: all that two prompts
 * have in common in which that is something else. Where a template rewrites the last turn, as it drops old reasoning,
 * that is more than what was computed of the conversation.
 *
 * @param tokens what it begins with, and one token more
 * @param boundaries positions of it where others are likely to branch off
 * @param pictures of the tokens; null for none
 */
public record NextPrompt(int[] tokens, List<Boundary> boundaries, PromptPictures pictures) {
    /** Two texts that no tokenizer begins alike. */
    private static final List<String> REPLIES = List.of("Hello", "7");
    /** A special token so near to the end is taken for it, since no text behind it changes what stands before it. */
    private static final int SPECIAL_WITHIN = 16;

    /** Where no special token is near, other replies may merge with so many tokens before them. */
    private static final int MERGED = 1;

    /**
     * Writes the next prompt with two replies.
     *
     * @param request the last prompt
     * @param before what was written of it
     * @param answer its answer, as the application has it
     * @param generated the answer's tokens
     * @param tokensMin fewer tokens that are not computed yet are not worth it
     * @return empty if there are not so many
     * @throws RuntimeException what writing the prompt throws
     */
    public static Optional<NextPrompt> of(
            PromptWriter writer,
            Tokenizer tokenizer,
            PromptRequest request,
            Prompt before,
            AiMessage answer,
            int[] generated,
            int tokensMin) {
        Prompt first = writer.write(request.withMessages(replied(request.messages(), answer, REPLIES.get(0))));
        int[] tokens = first.tokens();
        int held = common(tokens, concat(before.tokens(), generated));
        if (tokens.length - held < tokensMin) {
            return Optional.empty();
        }
        Prompt second = writer.write(request.withMessages(replied(request.messages(), answer, REPLIES.get(1))));
        int certain = certain(tokens, Math.min(common(tokens, second.tokens()), tokens.length - 1), tokenizer);
        if (certain - held < tokensMin) {
            return Optional.empty();
        }
        return Optional.of(new NextPrompt(
                Arrays.copyOf(tokens, certain + 1),
                boundaries(before.boundaries(), common(tokens, before.tokens()), first.boundaries(), certain),
                first.pictures() == null ? null : first.pictures().first(certain + 1)));
    }

    private static List<ChatMessage> replied(List<ChatMessage> messages, AiMessage answer, String reply) {
        List<ChatMessage> next = new ArrayList<>(messages);
        next.add(answer);
        if (answer.hasToolExecutionRequests()) {
            for (ToolExecutionRequest call : answer.toolExecutionRequests()) {
                next.add(ToolExecutionResultMessage.from(call, reply));
            }
        } else {
            next.add(UserMessage.from(reply));
        }
        return next;
    }

    private static int certain(int[] tokens, int common, Tokenizer tokenizer) {
        for (int end = common; end > 0 && end > common - SPECIAL_WITHIN; end--) {
            if (tokens[end - 1] < 0 || tokenizer.isSpecial(tokens[end - 1])) {
                return end;
            }
        }
        return Math.max(0, common - MERGED);
    }

    /** Those of the last prompt as far as both agree, and those of the next one behind. */
    private static List<Boundary> boundaries(List<Boundary> last, int common, List<Boundary> next, int certain) {
        List<Boundary> boundaries = new ArrayList<>();
        last.stream().filter(boundary -> boundary.position() <= common).forEach(boundaries::add);
        next.stream()
                .filter(boundary -> boundary.position() <= certain && !boundaries.contains(boundary))
                .forEach(boundaries::add);
        if (boundaries.stream().noneMatch(boundary -> boundary.tier() == Tier.USER)) {
            boundaries.add(new Boundary(certain, Tier.USER));
        }
        return boundaries;
    }

    private static int common(int[] a, int[] b) {
        int mismatch = Arrays.mismatch(a, b);
        return mismatch < 0 ? a.length : mismatch;
    }

    private static int[] concat(int[] a, int[] b) {
        int[] all = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, all, a.length, b.length);
        return all;
    }
}
