package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.cache.ConversationStats.State;
import java.util.Arrays;

/** What is remembered of a conversation. Its memory ID is a hint; it decides nothing about what may be reused. */
final class Conversation {
    /** Places of its last prompt where its next one may leave the path. */
    enum Place {
        /** After all that was stored: the next prompt goes on. */
        END,
        /**
         * Before the last token of the prompt: the same prompt again, or the template drops the beginning of the
         * answer.
         */
        PROMPT,
        /** After the last user message: the template drops what came after it, old reasoning for example. */
        TURN,
        /** After the system message and tools: the window of the memory moved on. */
        SYSTEM
    }

    /** Null for a conversation without a memory ID. */
    final Object id;

    /** The memory ID of the conversation that it was forked from last, or null. */
    private Object parentId;

    /**
     * The memory ID of the conversation that began the family that it belongs to; its own if it was not forked. An ID
     * and no link: forks in circles are one family, and chains of forks keep nobody.
     */
    private Object family;

    /** The trie that its places are in; null as long as it has none. */
    PrefixTrie trie;

    State state = State.IDLE;
    /** Whether its last answer asked for tools. */
    boolean inToolLoop;

    /** Whether it was evicted by its ID: what its running requests leave is released when they end. */
    boolean forgotten;

    int running;
    /** Answers that went to the user. */
    int turns;

    long usedTick;
    final TrieNode[] places = new TrieNode[Place.values().length];
    int length;
    /** Scratch of the evictor: how often a request of it is expected. */
    double expected;

    private long requests;
    private long promptTokens;
    private long cachedTokens;

    /** What other threads may read. */
    volatile ConversationStats stats = new ConversationStats(State.IDLE, 0, 0, 0, 0);

    Conversation(Object id) {
        this.id = id;
        this.family = id;
    }

    Object family() {
        return family;
    }

    Object parentId() {
        return parentId;
    }

    boolean isKnown() {
        return places[Place.END.ordinal()] != null;
    }

    TrieNode place(Place place) {
        return places[place.ordinal()];
    }

    /** Comes to a trie, forgetting its places in another. */
    void enter(PrefixTrie other) {
        if (trie != other) {
            trie = other;
            Arrays.fill(places, null);
        }
    }

    /**
     * Starts with the places of another conversation.
     *
     * @param parent the memory ID of the conversation that it is a fork of
     */
    void comeFrom(Conversation other, Object parent, long tick) {
        parentId = parent;
        family = ConversationKey.isolates(parent) ? other.family : id;
        trie = other.trie;
        System.arraycopy(other.places, 0, places, 0, places.length);
        length = other.length;
        inToolLoop = true;
        usedTick = tick;
    }

    long requests() {
        return requests;
    }

    boolean isForkedAndNew() {
        return parentId != null && requests == 0;
    }

    /** A request of it begins to run; {@link #begun} or {@link #failed} follows. */
    void begin() {
        running++;
    }

    /** A request that began could not be served. */
    void failed() {
        running--;
        publish();
    }

    void begun(long tick, int prompt, int cached) {
        usedTick = tick;
        requests++;
        promptTokens += prompt;
        cachedTokens += cached;
        publish();
    }

    /** So many more tokens of its prompt are not computed. */
    void restored(int tokens) {
        cachedTokens += tokens;
        publish();
    }

    void end(boolean toolCall, boolean finished) {
        running--;
        inToolLoop = toolCall;
        turns += finished ? 1 : 0;
        publish();
    }

    private void publish() {
        state = running > 0 ? State.RUNNING : inToolLoop ? State.IN_TOOL_LOOP : State.IDLE;
        stats = new ConversationStats(state, requests, promptTokens, cachedTokens, length);
    }

    @Override
    public String toString() {
        return id == null ? "anonymous" : id.toString();
    }
}
