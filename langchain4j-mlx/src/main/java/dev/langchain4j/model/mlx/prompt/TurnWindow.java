package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.mlx.prompt.Prompt.MessageTokens;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The part of a conversation that fits into a context: system messages, and the newest turns, whole. A turn begins
 * where a user speaks, unless a result of a tool comes behind whose call is before.
 *
 * <p>How many tokens are left out grows in steps of a quarter of the limit. So the beginning of the prompt stays the
 * same over several requests, and what the prompt cache has of it is of use; with every turn that goes, all behind it
 * is computed again.
 *
 * @param prompt what was written, in terms of the messages as they were given
 * @param request what it was written of
 * @param kept indices of the messages that are in it
 */
public record TurnWindow(Prompt prompt, PromptRequest request, int[] kept) {

    /**
     * Writes a prompt, without the oldest turns if it would have more tokens than a limit. The last turn stays, so it
     * may have more all the same.
     */
    public static TurnWindow write(PromptWriter writer, PromptRequest request, int tokensMax) {
        Prompt whole = writer.write(request);
        int[] all = IntStream.range(0, request.messages().size()).toArray();
        if (whole.tokens().length <= tokensMax) {
            return new TurnWindow(whole, request, all);
        }
        List<Integer> begins = turns(request.messages());
        int[] tokens = tokens(whole, all.length);
        int step = Math.max(1, tokensMax / 4);
        int excess = Math.ceilDiv(whole.tokens().length - tokensMax, step) * step;
        TurnWindow window = new TurnWindow(whole, request, all);
        int dropped = 0;
        for (int turn = 1; turn < begins.size(); turn++) {
            for (int i = begins.get(turn - 1); i < begins.get(turn); i++) {
                dropped += isKept(request.messages().get(i)) ? 0 : tokens[i];
            }
            // messages that the template tells no tokens of must not keep it from ending
            if (dropped >= excess || turn == begins.size() - 1) {
                window = from(writer, request, begins.get(turn));
                if (window.prompt.tokens().length <= tokensMax) {
                    return window;
                }
            }
        }
        return window;
    }

    /** Where turns begin; the first one is 0. */
    private static List<Integer> turns(List<ChatMessage> messages) {
        int[] callOf = new int[messages.size()];
        for (int i = 0; i < callOf.length; i++) {
            callOf[i] = messages.get(i) instanceof ToolExecutionResultMessage result ? call(messages, i, result) : i;
        }
        List<Integer> begins = new ArrayList<>(List.of(0));
        for (int i = 1; i < callOf.length; i++) {
            int begin = i;
            boolean open = IntStream.range(i, callOf.length).anyMatch(later -> callOf[later] < begin);
            if (messages.get(i) instanceof UserMessage && !open && speaksBefore(messages, i)) {
                begins.add(i);
            }
        }
        return begins;
    }

    /** The message with the call of a result, the last one before it of this ID; the result itself if there is none. */
    private static int call(List<ChatMessage> messages, int at, ToolExecutionResultMessage result) {
        for (int i = at - 1; i >= 0; i--) {
            if (messages.get(i) instanceof AiMessage ai
                    && ai.toolExecutionRequests().stream()
                            .map(ToolExecutionRequest::id)
                            .anyMatch(id -> id != null && id.equals(result.id()))) {
                return i;
            }
        }
        return at;
    }

    /** Whether there is anything to leave out before. */
    private static boolean speaksBefore(List<ChatMessage> messages, int end) {
        return messages.subList(0, end).stream().anyMatch(message -> !isKept(message));
    }

    private static boolean isKept(ChatMessage message) {
        return message instanceof SystemMessage;
    }

    private static int[] tokens(Prompt prompt, int messages) {
        int[] tokens = new int[messages];
        for (MessageTokens message : prompt.messages()) {
            tokens[message.index()] += message.end() - message.start();
        }
        return tokens;
    }

    private static TurnWindow from(PromptWriter writer, PromptRequest request, int begin) {
        List<ChatMessage> messages = request.messages();
        int[] kept = IntStream.range(0, messages.size())
                .filter(i -> i >= begin || isKept(messages.get(i)))
                .toArray();
        long dropped = IntStream.range(0, begin)
                .filter(i -> !isKept(messages.get(i)))
                .mapToLong(i -> images(messages.get(i)))
                .sum();
        PromptRequest rest =
                request.behind(Arrays.stream(kept).mapToObj(messages::get).toList(), (int) dropped);
        Prompt prompt = writer.write(rest);
        List<MessageChange> changes = new ArrayList<>();
        IntStream.range(0, begin)
                .filter(i -> !isKept(messages.get(i)))
                .forEach(i -> changes.add(new MessageChange(i, MessageChange.Kind.DROPPED)));
        prompt.changes().forEach(change -> changes.add(new MessageChange(kept[change.message()], change.kind())));
        return new TurnWindow(prompt.told(kept, changes), rest, kept);
    }

    /** System messages have no images, and answers give none back. */
    private static long images(ChatMessage message) {
        List<Content> contents = message instanceof UserMessage user
                ? user.contents()
                : message instanceof ToolExecutionResultMessage result ? result.contents() : List.of();
        return contents.stream().filter(ImageContent.class::isInstance).count();
    }

    /** Those of these messages that are in the prompt. */
    public <T> List<T> of(List<T> messages) {
        return Arrays.stream(kept).mapToObj(messages::get).toList();
    }
}
