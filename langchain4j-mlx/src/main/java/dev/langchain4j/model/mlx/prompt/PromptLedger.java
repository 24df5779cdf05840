package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.model.mlx.cache.Isolation;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The exact tokens of turns that a model generated, found again by what their messages say. With them a turn goes back to
 * the model token for token; written anew from its message, spacing, order of keys, escapes and the borders of tokens would
 * differ, and all that the prompt cache holds behind it would be lost.
 *
 * <p>A turn is recognised by its text and tool calls after the very messages that it answered; if those changed, because a
 * memory's window moved on for example, by its content alone, where that leaves no doubt.
 *
 * <p>Bounded: the turns that were not used for the longest time are forgotten. One for each loaded model. Thread-safe.
 */
public final class PromptLedger {
    private static final int TURNS_MAX = 10_000;
    private static final long BYTES_MAX = 64L << 20;
    /** Turns that say the same in different conversations: more are of no use. */
    private static final int SAME_CONTENT_MAX = 16;

    private final int turnsMax;
    private final long bytesMax;
    private final Map<TurnContent, Deque<GeneratedTurn>> byContent = new HashMap<>();
    /** Least recently used first. */
    private final LinkedHashSet<GeneratedTurn> turns = new LinkedHashSet<>();

    private long bytes;

    /** A ledger with room for 10,000 turns and 64 MB. */
    public PromptLedger() {
        this(TURNS_MAX, BYTES_MAX);
    }

    /**
     * An empty ledger.
     *
     * @param turnsMax most turns; 0 for a ledger that remembers nothing
     * @param bytesMax most bytes of tokens and texts, about
     */
    public PromptLedger(int turnsMax, long bytesMax) {
        if (turnsMax < 0 || bytesMax < 0) {
            throw new IllegalArgumentException(
                    "turnsMax (%d) and bytesMax (%d) must not be negative".formatted(turnsMax, bytesMax));
        }
        this.turnsMax = turnsMax;
        this.bytesMax = bytesMax;
    }

    synchronized void add(GeneratedTurn turn) {
        if (turnsMax == 0 || turn.bytes > bytesMax) {
            return;
        }
        Deque<GeneratedTurn> same = byContent.computeIfAbsent(turn.content, content -> new ArrayDeque<>());
        same.addLast(turn);
        turns.add(turn);
        bytes += turn.bytes;
        if (same.size() > SAME_CONTENT_MAX) {
            remove(same.getFirst());
        }
        while (turns.size() > turnsMax || bytes > bytesMax) {
            remove(turns.getFirst());
        }
    }

    private void remove(GeneratedTurn turn) {
        turns.remove(turn);
        bytes -= turn.bytes;
        Deque<GeneratedTurn> same = byContent.get(turn.content);
        same.remove(turn);
        if (same.isEmpty()) {
            byContent.remove(turn.content);
        }
    }

    /** The turn that became this message, or null if there is none or any doubt. */
    synchronized GeneratedTurn find(AiMessage message, Context context, Object conversation, Isolation isolation) {
        if (turns.isEmpty()) {
            return null;
        }
        Deque<GeneratedTurn> same = byContent.get(TurnContent.of(message));
        if (same == null) {
            return null;
        }
        List<GeneratedTurn> candidates = new ArrayList<>();
        List<GeneratedTurn> others = new ArrayList<>();
        for (Iterator<GeneratedTurn> newestFirst = same.descendingIterator(); newestFirst.hasNext(); ) {
            GeneratedTurn turn = newestFirst.next();
            boolean own = conversation != null && conversation.equals(turn.conversation);
            boolean visible = own || isolation == Isolation.SHARED && !turn.isolated;
            boolean sameThinking =
                    message.thinking() == null || message.thinking().strip().equals(turn.reading.thinking());
            if (visible && sameThinking) {
                (own ? candidates : others).add(turn);
            }
        }
        candidates.addAll(others);
        GeneratedTurn found = choose(candidates, context, conversation);
        if (found != null) {
            turns.remove(found);
            turns.add(found);
        }
        return found;
    }

    private static GeneratedTurn choose(List<GeneratedTurn> candidates, Context context, Object conversation) {
        for (GeneratedTurn turn : candidates) {
            if (turn.context.equals(context)) {
                return turn;
            }
        }
        if (candidates.size() != 1) {
            return null;
        }
        GeneratedTurn only = candidates.getFirst();
        boolean sameConversation = Objects.equals(only.conversation, conversation);
        boolean plainText = sameConversation
                && only.reading.thinking().isEmpty()
                && !only.content.text().isBlank();
        return only.content.hasCallIds() || plainText ? only : null;
    }

    /** Forgets all turns of a conversation, by its memory ID. */
    public synchronized void release(Object conversation) {
        Objects.requireNonNull(conversation, "conversation");
        List.copyOf(turns).stream()
                .filter(turn -> conversation.equals(turn.conversation))
                .forEach(this::remove);
    }

    /** Number of turns that are remembered. */
    public synchronized int turns() {
        return turns.size();
    }

    /** About how many bytes they take. */
    public synchronized long bytes() {
        return bytes;
    }
}
