package dev.langchain4j.model.mlx.prompt;

import java.util.List;

/**
 * What a conversation may have that is not in order, and that some chat templates refuse or drop. Each comes with small
 * conversations to try it on a template; a letter is a message:
 *
 * <ul>
 *   <li>u a question of the user, q an empty one;
 *   <li>a an answer, e an empty one, t one of reasoning alone;
 *   <li>c a tool call, x one whose arguments are no JSON object; n, h, l one without an ID, with a short and a long
 *       one; d two calls, w two without IDs, k two that have the same IDs each time, j
 *       one with the second of these;
 *   <li>r the result of the last call before it, z an empty one, m one without the tool's name; f that of the first of
 *       two; o a result without a call.
 * </ul>
 */
enum Irregularity {
    /** A call whose arguments are no JSON object. */
    ARGUMENTS("uxr", "uxrau"),
    /** A call without an ID. */
    NO_ID("unr", "unrau", "uwfrauwfr"),
    /** A call with an ID of less than nine characters. */
    SHORT_ID("uhr", "uhrau"),
    /** A call with an ID of more than nine characters, or of other characters than letters and digits. */
    LONG_ID("ulr", "ulrau"),
    /** Calls of several messages with the same IDs. */
    SAME_ID("ukfrauk", "ukfraujr"),
    /** A result without its tool's name. */
    NO_NAME("ucm", "ucmau"),
    /** An answer that says nothing. */
    EMPTY_ANSWER("ueu", "ueuau"),
    /** An answer of reasoning, without a text. */
    REASONING_ALONE("utu", "utuau"),
    /** A question without a text. */
    EMPTY_QUESTION("q", "qau", "uaq"),
    /** A result without a text. */
    EMPTY_RESULT("ucz", "uczau"),

    /** A conversation that begins with a result. */
    RESULT_FIRST("ou", "oau"),
    /** A result behind a question. */
    RESULT_AFTER_QUESTION("uo", "uoau"),
    /** A result behind an answer. */
    RESULT_AFTER_ANSWER("uao", "uaou"),
    /** A result of no call, behind calls or their results. */
    RESULT_TOO_MANY("uco", "ucro", "ucroau"),
    /** A result that does not follow its call at once. */
    RESULT_LATE("ucur", "ucurau"),
    /** Results in another order than their calls; said where the template tells whose result each of them is. */
    RESULTS_MIXED("udrf"),
    /** A system message between a call and its result. */
    SYSTEM_BEFORE_RESULT("ucsr", "ucsrau"),

    /** A call without a result, before a question. */
    CALL_BEFORE_QUESTION("ucu", "ucuau"),
    /** A call without a result, before an answer. */
    CALL_BEFORE_ANSWER("uca", "ucau"),
    /** A call without a result, before other calls. */
    CALL_BEFORE_CALL("uccr", "uccrau"),
    /** A call without a result, at the end. */
    CALL_LAST("uc"),

    /** A conversation that begins with an answer. */
    ANSWER_FIRST("au", "auau"),
    /** A conversation that begins with a call. */
    CALL_FIRST("cru", "crau"),
    /** Two questions in a row. */
    QUESTION_AFTER_QUESTION("uu", "uauuau"),
    /** A question behind a result, as tools leave it whose result is the answer. */
    QUESTION_AFTER_RESULT("ucru", "ucruau"),
    /** Two answers in a row. */
    ANSWER_AFTER_ANSWER("uaau"),
    /** A call behind an answer. */
    CALL_AFTER_ANSWER("uacr", "uacrau"),

    /** Calls and results, and no question. */
    CALLS_ALONE("cr"),
    /** Answers alone. */
    ANSWERS_ALONE("a"),
    /** Results alone. */
    RESULTS_ALONE("o"),
    /** A system message alone. */
    SYSTEM_ALONE("");

    private final List<String> samples;

    Irregularity(String... samples) {
        this.samples = List.of(samples);
    }

    /** Conversations that have it. */
    List<String> samples() {
        return samples;
    }
}
