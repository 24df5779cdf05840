package dev.langchain4j.model.mlx.generate;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Who is next. Decides by what it is shown alone, and counts in the requests themselves how long they gave way.
 *
 * <p>Waiting requests: those of one conversation begin in the order in which they came. Of their first ones a tool loop's
 * next round is taken before others; then the conversation that has fewest requests running; then the one that came first.
 * Who was passed over often enough goes before all of them.
 *
 * <p>Prompts: the one that has the fewest tokens left is prefilled first, so that a short one does not wait for a long one.
 * But each gives way to no more tokens of others than it has left itself.
 */
final class SchedulingPolicy {
    /** A request that so many later ones overtook is next. */
    static final int PASSED_OVER_MAX = 16;

    private SchedulingPolicy() {}

    /**
     * The next one to run.
     *
     * @param waiting in the order in which they came, at least one
     */
    static ScheduledRequest nextToRun(List<ScheduledRequest> waiting, List<ScheduledRequest> running) {
        Map<Object, Integer> runningOf = new HashMap<>();
        for (ScheduledRequest request : running) {
            runningOf.merge(ofConversation(request), 1, Integer::sum);
        }
        Map<Object, ScheduledRequest> heads = new HashMap<>();
        ScheduledRequest best = null;
        int bestRunning = 0;
        for (ScheduledRequest request : waiting) {
            Object conversation = ofConversation(request);
            if (heads.putIfAbsent(conversation, request) == null) {
                int alsoRunning = runningOf.getOrDefault(conversation, 0);
                if (best == null || goesBefore(request, alsoRunning, best, bestRunning)) {
                    best = request;
                    bestRunning = alsoRunning;
                }
            }
        }
        return best;
    }

    private static Object ofConversation(ScheduledRequest request) {
        return request.conversation == null ? request : request.conversation;
    }

    /** Whether a later one goes before the best so far. */
    private static boolean goesBefore(
            ScheduledRequest later, int laterRunning, ScheduledRequest best, int bestRunning) {
        if (best.passedOver >= PASSED_OVER_MAX) {
            return false;
        }
        if (later.passedOver >= PASSED_OVER_MAX) {
            return true;
        }
        if (later.toolRound != best.toolRound) {
            return later.toolRound;
        }
        return laterRunning < bestRunning;
    }

    /** Takes one out of the list; those before it in the list were passed over. */
    static void take(ScheduledRequest taken, List<ScheduledRequest> waiting) {
        int index = waiting.indexOf(taken);
        for (ScheduledRequest request : waiting.subList(0, index)) {
            request.passedOver++;
        }
        waiting.remove(index);
    }

    /** The one whose prompt is fed next; null if none has tokens left to feed. */
    static ScheduledRequest nextToPrefill(List<ScheduledRequest> running) {
        ScheduledRequest best = null;
        for (int i = 0; i < running.size(); i++) {
            ScheduledRequest request = running.get(i);
            if (request.prefillRemaining() > 0 && (best == null || urgency(request) < urgency(best))) {
                best = request;
            }
        }
        return best;
    }

    private static long urgency(ScheduledRequest request) {
        return request.prefillRemaining() - request.gaveWay;
    }

    /** Notes that so many tokens of some were fed while others had to wait. */
    static void prefilled(List<ScheduledRequest> fed, int tokens, List<ScheduledRequest> running) {
        for (int i = 0; i < running.size(); i++) {
            ScheduledRequest request = running.get(i);
            if (request.prefillRemaining() > 0 && !fed.contains(request)) {
                request.gaveWay += tokens;
            }
        }
    }
}
