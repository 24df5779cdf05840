package dev.langchain4j.model.mlx.generate;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Who is next. Decides by what it is shown alone, and counts in the requests themselves how long they gave way.
 *
 * <p>Waiting requests: those of one conversation begin in the order in which they came. Of their first ones a tool
 * loop's next round is taken before others; then the conversation that has fewest requests running; then the one that
 * came first. Who was passed over often enough goes before all of them. Who waits for a prefix is left out until it is
 * there.
 *
 * <p>Prompts: the one that has the fewest tokens left is prefilled first, so that a short one does not wait for a long
 * one. But each gives way to no more tokens of others than it has left itself. One whose prefix others wait for is as
 * urgent as they are.
 */
final class SchedulingPolicy {
    /** A request that so many later ones overtook is next. */
    static final int PASSED_OVER_MAX = 16;
    /** So often a request waits for a prefix: who computes it may be cancelled, and what was computed be evicted. */
    static final int PREFIX_WAITS_MAX = 4;

    private SchedulingPolicy() {}

    /**
     * The next one to run; null if all wait for prefixes.
     *
     * @param waiting in the order in which they came
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
            if (heads.putIfAbsent(conversation, request) == null && request.prefixWait == null) {
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

    /** Whether a request that could begin waits for a prefix instead. */
    static boolean waitsForPrefix(ScheduledRequest request, List<ScheduledRequest> running, long now) {
        if (running.isEmpty() || request.prefixWaits >= PREFIX_WAITS_MAX) {
            return false;
        }
        request.prefixWait = request.worthWaitingFor(running);
        if (request.prefixWait == null) {
            return false;
        }
        request.prefixWaits++;
        request.prefixWaitSince = now;
        return true;
    }

    /** Lets those begin whose prefix is there, or will not be. */
    static void endPrefixWaits(List<ScheduledRequest> waiting, long now) {
        for (int i = 0; i < waiting.size(); i++) {
            ScheduledRequest request = waiting.get(i);
            if (request.prefixWait != null && request.prefixWait.isOver()) {
                request.prefixWait = null;
                request.prefixWaitNanos += now - request.prefixWaitSince;
            }
        }
    }

    /**
     * The one whose prompt is fed next; null if none has tokens left to feed.
     *
     * @param waiting those among them that wait for a prefix make its source more urgent
     */
    static ScheduledRequest nextToPrefill(List<ScheduledRequest> running, List<ScheduledRequest> waiting) {
        ScheduledRequest best = null;
        long least = Long.MAX_VALUE;
        for (int i = 0; i < running.size(); i++) {
            ScheduledRequest request = running.get(i);
            if (request.prefillRemaining() > 0) {
                long urgency = tokensLeft(request, waiting) - request.gaveWay;
                if (best == null || urgency < least) {
                    best = request;
                    least = urgency;
                }
            }
        }
        return best;
    }

    /** Tokens until it decodes, or the first of those that wait for its prefix does. */
    private static long tokensLeft(ScheduledRequest request, List<ScheduledRequest> waiting) {
        int left = request.prefillRemaining();
        for (int i = 0; i < waiting.size(); i++) {
            PrefixWait wait = waiting.get(i).prefixWait;
            if (wait != null && wait.source() == request) {
                left = Math.min(left, wait.tokensLeft());
            }
        }
        return left;
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
