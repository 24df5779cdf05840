package dev.langchain4j.model.mlx.cache;

import java.util.Arrays;

/**
 * Learns how likely a conversation is to come back, and how soon, from those that did and those that did not.
 *
 * <p>Two questions are kept apart. Whether it comes back at all depends on how its last answer ended: a tool call
 * nearly always does, an answer to the user the less the closer conversations tend to be to their end after so many
 * turns. When it comes back is the same for all: a share goes on at once, the others after a time that is spread like a
 * Lomax distribution. Time is counted in requests.
 */
final class ReturnOdds {
    /** What is believed before anything was seen: a share, and by how many observations. */
    private static final double TOOL_CALLS_RETURN = 0.97;

    private static final double TOOL_CALLS_SEEN = 3;
    private static final double ANSWERS_RETURN = 0.7;
    private static final double ANSWERS_SEEN = 6;
    /** How many observations of any number of turns count for each of them. */
    private static final double TURNS_ALIKE = 5;

    private static final double PREFIXES_RETURN = 0.5;
    private static final double PREFIXES_SEEN = 2;
    /** Shape of the Lomax distribution: its tail falls like this power. */
    private static final double TAIL = 3;

    private static final int TURNS_MAX = 8;
    /** States: a tool call at once, a tool call later on, and an answer after each number of turns. */
    private static final int STATES = 2 + TURNS_MAX + 1;

    private static final int HISTORY_MAX = 200;

    private final double[] returned = new double[STATES];
    private final double[] gone = new double[STATES];
    private double prefixes;
    private double secondUses;
    private double atOnce = 3;
    private double later = 3;
    private double laterGaps = 3 * 10;
    /**
     * How long those have waited so far that are expected later: without it, only short gaps were ever seen at first.
     */
    private double openGaps;

    /** A conversation begins its next request. */
    void observe(Conversation conversation, long tick) {
        int state = state(conversation);
        returned[state]++;
        if (returned[state] > HISTORY_MAX) {
            returned[state] /= 2;
        }
        long gap = Math.max(1, tick - conversation.usedTick);
        if (gap == 1) {
            atOnce++;
        } else {
            later++;
            laterGaps += gap - 1;
        }
        if (atOnce + later > HISTORY_MAX) {
            atOnce /= 2;
            later /= 2;
            laterGaps /= 2;
        }
    }

    /** A conversation began with a system message that was not stored. */
    void observeNewPrefix() {
        prefixes++;
    }

    /** A second conversation began with a system message that one had begun with. */
    void observeSecondUse() {
        secondUses++;
    }

    /** How often conversations will begin with what so many began with, of all requests to come next. */
    double expectedNewcomers(int newcomers, long tick) {
        if (newcomers <= 0) {
            return 0;
        }
        double again = (secondUses + PREFIXES_RETURN * PREFIXES_SEEN) / (prefixes + PREFIXES_SEEN);
        return (newcomers - 1 + Math.min(1, again)) / tick;
    }

    /** Counts those that seem not to come back, and how long the others have waited. */
    void estimate(Iterable<Conversation> conversations, long tick) {
        double[] p = new double[STATES];
        for (int s = 0; s < STATES; s++) {
            p[s] = odds(s);
        }
        Arrays.fill(gone, 0);
        double open = 0;
        for (Conversation c : conversations) {
            if (c.running == 0 && c.isKnown()) {
                int s = state(c);
                long age = tick - c.usedTick;
                double waiting = p[s] * survival(age);
                double expected = waiting / (waiting + 1 - p[s]);
                gone[s] += 1 - expected;
                open += expected * Math.max(0, age - 1);
            }
        }
        openGaps = open;
    }

    /** How often a request of this conversation is expected, of all requests to come next. */
    double expected(Conversation conversation, long tick) {
        if (conversation.running > 0) {
            return 1;
        }
        long age = tick - conversation.usedTick;
        double p = odds(state(conversation));
        double waiting = p * survival(age);
        return waiting / (waiting + 1 - p) * hazard(age);
    }

    /** Share of the conversations that will come back that have not after so many requests. */
    private double survival(long age) {
        double share = later / (later + atOnce);
        return share * Math.pow(scale() / (scale() + Math.max(0, age - 1)), TAIL);
    }

    /** How many requests it takes until one that is expected soonest of all was to come for certain. */
    double patience() {
        return scale() / TAIL;
    }

    private double hazard(long age) {
        return TAIL / (scale() + Math.max(0, age - 1));
    }

    private double scale() {
        return Math.max(1, (laterGaps + openGaps) / later) * (TAIL - 1);
    }

    private double odds(int state) {
        if (state < 2) {
            return (returned[state] + TOOL_CALLS_RETURN * TOOL_CALLS_SEEN)
                    / (returned[state] + gone[state] + TOOL_CALLS_SEEN);
        }
        double r = ANSWERS_RETURN * ANSWERS_SEEN;
        double n = ANSWERS_SEEN;
        for (int s = 2; s < STATES; s++) {
            r += returned[s];
            n += returned[s] + gone[s];
        }
        return (returned[state] + TURNS_ALIKE * r / n) / (returned[state] + gone[state] + TURNS_ALIKE);
    }

    private static int state(Conversation conversation) {
        if (conversation.inToolLoop) {
            return conversation.requests() <= 1 ? 0 : 1;
        }
        return 2 + Math.min(TURNS_MAX, conversation.turns);
    }
}
