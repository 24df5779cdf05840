package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.cache.ConversationStats.State;
import java.util.Arrays;

/** What is remembered of a conversation. Its memory ID is a hint; it decides nothing about what may be reused. */
final class Conversation {
    /** Places of its last prompt where its next one may leave the path. */
    enum Place {
        /** After all that was stored: the next prompt goes on. */
        END,
        /** Before the last token of the prompt: the same prompt again, or the template drops the beginning of the answer. */
        PROMPT,
        /** After the last user message: the template drops what came after it, old reasoning for example. */
        TURN,
        /** After the system message and tools: the window of the memory moved on. */
        SYSTEM
    }

    /** Null for a conversation without a memory ID. */
    final Object id;

    /** The conversation it was forked from, or null. */
    Conversation parent;

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
    private long requests;
    private long promptTokens;
    private long cachedTokens;

    /** What other threads may read. */
    volatile ConversationStats stats = new ConversationStats(State.IDLE, 0, 0, 0, 0);

    Conversation(Object id) {
        this.id = id;
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

    /** Starts with the places of another conversation. */
    void comeFrom(Conversation other, long tick) {
        parent = other;
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
        return parent != null && requests == 0;
    }

    void begin(long tick, int prompt, int cached) {
        usedTick = tick;
        running++;
        requests++;
        promptTokens += prompt;
        cachedTokens += cached;
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
