package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.cache.Conversation.Place;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;

/** The conversations that a cache remembers: those with a memory ID, and those that only their tokens tell apart. */
final class Conversations {
    private static final int CONVERSATIONS_MAX = 10_000;
    /** Read by other threads for statistics; changed by the owner only. */
    private final Map<Object, Conversation> byId = new ConcurrentHashMap<>();

    private final List<Conversation> anonymous = new ArrayList<>();
    private final ReturnOdds odds = new ReturnOdds();

    Conversation byId(Object id) {
        return byId.get(id);
    }

    /** The conversation that an ID means: its own, else the one that was used last of those that have it. */
    Conversation meant(Object id) {
        Conversation conversation = byId.get(id);
        if (conversation != null || id instanceof ConversationKey) {
            return conversation;
        }
        return accepted(other -> ConversationKey.means(id, other)).stream()
                .max(Comparator.comparingLong(other -> other.usedTick))
                .orElse(null);
    }

    /** The conversation of this ID, made if it is new; one that was forked under the application's ID gets its own. */
    Conversation named(Object id, long tick) {
        Conversation conversation = byId.get(id);
        if (conversation == null) {
            Conversation forked = forkedAs(id);
            if (forked != null) {
                byId.remove(forked.id);
                conversation = new Conversation(id);
                byId.put(id, conversation);
                conversation.comeFrom(forked, forked.parentId(), tick);
            }
        }
        if (conversation == null) {
            conversation = new Conversation(id);
            conversation.usedTick = tick;
            byId.put(id, conversation);
        }
        return conversation;
    }

    /**
     * The conversation without an ID that this prompt continues: one whose last user message it contains, the most
     * recent of them; a new one if there is none.
     */
    Conversation continuedBy(PrefixTrie.Match match) {
        Conversation best = null;
        for (Conversation conversation : anonymous) {
            TrieNode end = conversation.place(Place.END);
            TrieNode turn = conversation.place(Place.TURN);
            if (conversation.running == 0
                    && !end.removed
                    && turn.end() <= match.matched()
                    && turn.tier != Tier.SYSTEM
                    && turn.parent != null
                    && (match.node().isAbove(end) || end.isAbove(match.node()))
                    && (best == null || conversation.usedTick > best.usedTick)) {
                best = conversation;
            }
        }
        return best == null ? new Conversation(null) : best;
    }

    /** Learns where a conversation came back to, if nothing was evicted that would show it. */
    void observeReturn(Conversation conversation, PrefixTrie trie, PrefixTrie.Match match, long tick) {
        if (conversation.isKnown() && !conversation.isForkedAndNew() && conversation.running == 0) {
            odds.observe(conversation, tick);
        }
        if (!conversation.isKnown() || conversation.isForkedAndNew() || conversation.place(Place.END).removed) {
            return;
        }
        for (Place place : Place.values()) {
            TrieNode node = conversation.place(place);
            if (match.matched() >= node.end() && node.isAbove(match.node())) {
                trie.habits.observe(conversation.inToolLoop, place);
                return;
            }
        }
    }

    /** Remembers how far a request has come, and with it the places where the next one may go on. */
    void reached(Conversation conversation, PrefixTrie trie, TrieNode tail, Checkpoints checkpoints) {
        conversation.enter(trie);
        conversation.places[Place.END.ordinal()] = tail;
        conversation.places[Place.TURN.ordinal()] = lastBefore(tail, checkpoints.turnPosition());
        conversation.places[Place.SYSTEM.ordinal()] = lastBefore(tail, checkpoints.systemPosition());
        conversation.places[Place.PROMPT.ordinal()] = lastBefore(tail, checkpoints.promptPosition());
        if (conversation.id == null && !anonymous.contains(conversation)) {
            anonymous.add(conversation);
        }
    }

    /** Remembers where a request ended. */
    void ended(Conversation conversation, PrefixTrie trie, TrieNode tail, Checkpoints checkpoints) {
        reached(conversation, trie, tail, checkpoints);
        conversation.length = tail.end();
        trim();
    }

    private static TrieNode lastBefore(TrieNode tail, int position) {
        TrieNode node = tail;
        while (node.end() > position && node.parent != null) {
            node = node.parent;
        }
        return node;
    }

    /** The conversation that was forked under the ID that the application knows, and had no request yet; or null. */
    private Conversation forkedAs(Object id) {
        Conversation forked = id instanceof ConversationKey key ? byId.get(key.id()) : null;
        return forked != null && forked.isForkedAndNew() ? forked : null;
    }

    /**
     * Gives a conversation the places of the one it comes from.
     *
     * @return the ID of the family that nobody belongs to any more, or null
     */
    Object fork(Object parentId, Object childId, long tick) {
        Conversation meant = meant(parentId);
        Conversation parent = meant == null ? named(parentId, tick) : meant;
        Conversation child = named(childId, tick);
        if (child == parent) {
            return null;
        }
        Object before = child.family();
        child.comeFrom(parent, parent.id, tick);
        boolean left = byId.values().stream().noneMatch(other -> other.family().equals(before));
        return left ? before : null;
    }

    /** Whose records this ID's requests share if they are isolated: those of its family of forks. */
    Object family(Object id) {
        Conversation conversation = byId.get(id);
        if (conversation == null) {
            conversation = forkedAs(id);
        }
        return conversation == null ? id : conversation.family();
    }

    private void trim() {
        anonymous.removeIf(conversation -> conversation.place(Place.END).standing().parent == null);
        if (anonymous.size() > CONVERSATIONS_MAX) {
            anonymous.remove(oldest(anonymous));
        }
        if (byId.size() > CONVERSATIONS_MAX) {
            byId.remove(oldest(byId.values()).id);
        }
    }

    private static Conversation oldest(Collection<Conversation> conversations) {
        return conversations.stream()
                .filter(conversation -> conversation.running == 0)
                .min(Comparator.comparingLong(conversation -> conversation.usedTick))
                .orElseThrow();
    }

    int size() {
        return byId.size() + anonymous.size();
    }

    private List<Conversation> all() {
        List<Conversation> all = new ArrayList<>(byId.values());
        all.addAll(anonymous);
        return all;
    }

    /** Those with a memory ID that the predicate accepts. */
    List<Conversation> accepted(Predicate<Object> id) {
        return byId.values().stream()
                .filter(conversation -> id.test(conversation.id))
                .toList();
    }

    /** The memory IDs that the predicate accepts. May be called by any thread. */
    List<Object> ids(Predicate<Object> accepted) {
        return byId.keySet().stream().filter(accepted).toList();
    }

    void forget(Conversation conversation) {
        conversation.forgotten = true;
        if (conversation.id == null) {
            anonymous.remove(conversation);
        } else {
            byId.remove(conversation.id);
        }
    }

    ReturnOdds odds() {
        return odds;
    }

    /**
     * Learns from those that did not come back so far, and says of each how often a request is expected, of all to
     * come.
     */
    List<Conversation> estimate(long tick) {
        List<Conversation> all = all();
        odds.estimate(all, tick);
        for (Conversation conversation : all) {
            conversation.expected = odds.expected(conversation, tick);
        }
        return all;
    }
}
