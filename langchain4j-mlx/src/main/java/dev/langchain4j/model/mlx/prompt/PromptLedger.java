package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.model.mlx.cache.ConversationKey;
import dev.langchain4j.model.mlx.cache.ConversationListener;
import dev.langchain4j.model.mlx.cache.DiskTier;
import dev.langchain4j.model.mlx.cache.Isolation;
import java.io.IOException;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The exact tokens of turns that a model generated, found again by what their messages say. With them a turn goes back
 * to the model token for token; written anew from its message, spacing, order of keys, escapes and the borders of
 * tokens would differ, and all that the prompt cache holds behind it would be lost.
 *
 * <p>A turn is recognised by its text and tool calls after the very messages that it answered; if those changed,
 * because a memory's window moved on for example, by its content alone, where that leaves no doubt.
 *
 * <p>Bounded: the turns that were not used for the longest time are forgotten. One for each loaded model. Thread-safe.
 */
public final class PromptLedger implements ConversationListener {
    private static final Logger log = LoggerFactory.getLogger(PromptLedger.class);
    private static final int TURNS_MAX = 10_000;
    private static final long BYTES_MAX = 64L << 20;
    /** Turns that say the same: among more than these, none is found but by what came before it. */
    private static final int SAME_CONTENT_MAX = 16;

    /** What a turn says, and after what. */
    private record Place(TurnContent content, Context context) {}

    private final int turnsMax;
    private final long bytesMax;
    private final Map<TurnContent, Set<GeneratedTurn>> byContent = new HashMap<>();
    private final Map<Place, Set<GeneratedTurn>> byPlace = new HashMap<>();
    /** Least recently used first. */
    private final LinkedHashSet<GeneratedTurn> turns = new LinkedHashSet<>();

    /** Turns that are being generated; forgotten when nobody waits for them any more. */
    private final Set<ExpectedTurn> expected = Collections.newSetFromMap(new WeakHashMap<>());

    /** Conversations that were forked, and the one that their family began with. */
    private final Map<Object, Object> families = new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Object, Object> eldest) {
            return size() > TURNS_MAX;
        }
    };

    private long bytes;
    /** Where turns are kept on disk; null for nowhere. */
    private DiskTier disk;

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

    /** Keeps the turns on disk, too, and takes those that are there. To be called once, before anything else. */
    public synchronized void keepOnDisk(DiskTier tier) {
        for (byte[] note : tier.takeNotes()) {
            try {
                insert(TurnFormat.read(note, tier::idOf));
            } catch (IOException e) {
                log.debug("A generated turn on disk is not used", e);
            }
        }
        disk = tier;
    }

    /** A request of this conversation was written: an answer to it is expected. */
    synchronized ExpectedTurn expect(Object conversation) {
        ExpectedTurn turn = new ExpectedTurn(conversation);
        if (conversation != null) {
            expected.add(turn);
        }
        return turn;
    }

    /** Remembers a turn, unless its conversation was evicted while it was generated, or nobody may ever find it. */
    synchronized void add(GeneratedTurn turn, ExpectedTurn wasExpected) {
        boolean nobodys = turn.isolated && !ConversationKey.isolates(turn.conversation);
        if (turnsMax == 0 || turn.bytes > bytesMax || wasExpected.isEvicted() || nobodys) {
            return;
        }
        insert(turn);
        if (disk != null) {
            disk.note(turn.conversation, turn.isolated, name -> TurnFormat.write(turn, name));
        }
    }

    private void insert(GeneratedTurn turn) {
        Place place = new Place(turn.content, turn.context);
        byContent
                .computeIfAbsent(turn.content, content -> new LinkedHashSet<>())
                .add(turn);
        Set<GeneratedTurn> again = byPlace.computeIfAbsent(place, content -> new LinkedHashSet<>());
        again.add(turn);
        turns.add(turn);
        bytes += turn.bytes;
        if (again.size() > SAME_CONTENT_MAX) {
            remove(again.iterator().next());
        }
        while (turns.size() > turnsMax || bytes > bytesMax) {
            remove(turns.getFirst());
        }
    }

    private void remove(GeneratedTurn turn) {
        turns.remove(turn);
        bytes -= turn.bytes;
        remove(turn, byContent, turn.content);
        remove(turn, byPlace, new Place(turn.content, turn.context));
    }

    private static <K> void remove(GeneratedTurn turn, Map<K, Set<GeneratedTurn>> index, K key) {
        Set<GeneratedTurn> found = index.get(key);
        found.remove(turn);
        if (found.isEmpty()) {
            index.remove(key);
        }
    }

    /** The turn that became this message, or null if there is none or any doubt. */
    synchronized GeneratedTurn find(
            AiMessage message, KnownMessages.Known known, Context context, Object conversation, Isolation isolation) {
        if (turns.isEmpty()) {
            return null;
        }
        TurnContent content = known.content(message);
        GeneratedTurn found = null;
        for (GeneratedTurn turn : byPlace.getOrDefault(new Place(content, context), Set.of())) {
            // The newest of this conversation, else the newest of its family, else the newest of any.
            if (isVisible(turn, conversation, isolation)
                    && isThinking(turn, message)
                    && (found == null || nearness(conversation, turn) >= nearness(conversation, found))) {
                found = turn;
            }
        }
        if (found == null) {
            found = only(byContent.getOrDefault(content, Set.of()), message, conversation, isolation);
        }
        if (found != null) {
            turns.remove(found);
            turns.add(found);
        }
        return found;
    }

    /** The only turn that may be meant, if what came before it has changed; null if there are several, or any doubt. */
    private GeneratedTurn only(Set<GeneratedTurn> same, AiMessage message, Object conversation, Isolation isolation) {
        if (same.size() > SAME_CONTENT_MAX) {
            return null;
        }
        List<GeneratedTurn> candidates = same.stream()
                .filter(turn -> isVisible(turn, conversation, isolation) && isThinking(turn, message))
                .toList();
        if (candidates.size() != 1) {
            return null;
        }
        GeneratedTurn only = candidates.getFirst();
        boolean plainText = Objects.equals(only.conversation, conversation)
                && only.reading.thinking().isEmpty()
                && !only.content.text().isBlank();
        return only.content.hasCallIds() || plainText ? only : null;
    }

    private boolean isVisible(GeneratedTurn turn, Object conversation, Isolation isolation) {
        boolean shared = isolation == Isolation.SHARED && !turn.isolated;
        return shared || ConversationKey.isolates(conversation) && nearness(conversation, turn) > 0;
    }

    private static boolean isThinking(GeneratedTurn turn, AiMessage message) {
        return message.thinking() == null || message.thinking().strip().equals(turn.reading.thinking());
    }

    /** 2 for a turn of this conversation, 1 for one of its family of forks, 0 for others. */
    private int nearness(Object conversation, GeneratedTurn turn) {
        if (conversation == null || turn.conversation == null) {
            return 0;
        }
        if (ConversationKey.means(conversation, turn.conversation)) {
            return 2;
        }
        Object own = family(conversation);
        Object its = family(turn.conversation);
        return ConversationKey.means(own, its) || ConversationKey.means(its, own) ? 1 : 0;
    }

    private Object family(Object conversation) {
        Object family = families.get(conversation);
        if (family == null && conversation instanceof ConversationKey key) {
            family = families.get(key.id());
        }
        return family == null ? conversation : family;
    }

    /**
     * Forgets all turns of conversations whose memory ID is accepted, also those that are being generated. The
     * predicate is called without a lock.
     */
    @Override
    public void evicted(Predicate<Object> conversations) {
        Set<Object> accepted = known();
        accepted.removeIf(conversations.negate());
        if (!accepted.isEmpty()) {
            forget(accepted);
        }
    }

    private synchronized Set<Object> known() {
        Set<Object> known = new HashSet<>(families.keySet());
        turns.forEach(turn -> known.add(turn.conversation));
        expected.forEach(turn -> known.add(turn.conversation));
        known.remove(null);
        return known;
    }

    private synchronized void forget(Set<Object> conversations) {
        List.copyOf(turns).stream()
                .filter(turn -> conversations.contains(turn.conversation))
                .forEach(this::remove);
        expected.stream()
                .filter(turn -> conversations.contains(turn.conversation))
                .forEach(ExpectedTurn::evict);
        families.keySet().removeAll(conversations);
    }

    /** Lets a conversation recognise the turns of the family that it was forked into. */
    @Override
    public synchronized void forked(Object parent, Object child) {
        families.put(child, ConversationKey.isolates(parent) ? family(parent) : child);
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
