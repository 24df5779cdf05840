package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;

/**
 * What is made of each message by itself, for as long as an application holds the message: it mostly asks again with
 * those that it asked with before. Nothing of it depends on who asks. Thread-safe.
 */
final class KnownMessages {
    private final Map<ChatMessage, Known> known = new WeakHashMap<>();

    /** A message. Holds nothing that leads back to it, or it would never be forgotten. */
    static final class Known {
        private final Map<String, Object> mapped;
        private final byte[] digest;
        private volatile TurnContent content;
        private volatile Step step;
        /** Null before it was looked for. */
        private volatile Boolean spells;

        /** From the context before a message to the one behind it. */
        private record Step(Context before, Context after) {}

        private Known(ChatMessage message, boolean sees) {
            mapped = Collections.unmodifiableMap(MessageMapper.map(message, sees));
            digest = Context.digest(message);
        }

        /** As chat templates expect it; not to be changed. */
        Map<String, Object> mapped() {
            return mapped;
        }

        /**
         * See {@link ControlTokens#areIn}.
         *
         * @param control always the same
         */
        boolean spells(ControlTokens control) {
            Boolean known = spells;
            if (known == null) {
                known = control.areIn(mapped);
                spells = known;
            }
            return known;
        }

        /** The context behind it; mostly that of the last time, for a conversation keeps its messages. */
        Context after(Context before) {
            Step known = step;
            if (known == null || known.before != before && !known.before.equals(before)) {
                known = new Step(before, before.followedBy(digest));
                step = known;
            }
            return known.after;
        }

        /** What identifies it, given the message itself. */
        TurnContent content(AiMessage message) {
            TurnContent made = content;
            if (made == null) {
                made = TurnContent.of(message);
                content = made;
            }
            return made;
        }
    }

    /**
     * The messages of a request, in their order.
     *
     * @param sees whether the request has images; nothing is kept of its messages, which may be large
     */
    List<Known> of(List<ChatMessage> messages, boolean sees) {
        List<Known> all = new ArrayList<>(messages.size());
        for (ChatMessage message : messages) {
            all.add(sees ? new Known(message, true) : known(message));
        }
        return all;
    }

    private Known known(ChatMessage message) {
        synchronized (known) {
            Known found = known.get(message);
            if (found != null) {
                return found;
            }
        }
        Known made = new Known(message, false);
        synchronized (known) {
            known.put(message, made);
        }
        return made;
    }

    /** Forgets all. */
    void clear() {
        synchronized (known) {
            known.clear();
        }
    }
}
