package dev.langchain4j.model.mlx.prompt;

import static dev.langchain4j.model.mlx.prompt.Irregularity.*;
import static dev.langchain4j.model.mlx.prompt.MappedMessages.*;

import dev.langchain4j.model.mlx.jinja.common.RenderResult;
import dev.langchain4j.model.mlx.prompt.MessageChange.Kind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/**
 * Messages as a chat template can say them, and which message of the request each of them came from.
 *
 * <p>What a chat memory hands over need not be in order: its window begins with an answer, a call or a result, a tool
 * failed, a user asked twice. Templates differ in what they make of that, so each {@link Irregularity} is tried on the
 * template, and mended only where the template refuses or drops it. A message is fitted by what stands before it and by
 * its results, not by what comes later: it goes to the template in the same way in each round of a conversation.
 * docs/chat-templates.md has the table of what becomes of what.
 */
final class FittedMessages {
    /** What is mended. */
    enum Extent {
        /** Nothing but the notation of calls and the places of system messages and tools. */
        NOTHING,
        /** What the template cannot say. */
        NEEDED,
        /** All that is not in order. */
        ALL,
        /** The same, and calls and results become text. */
        CALLS_TOO
    }

    private enum State {
        START,
        QUESTION,
        ANSWER,
        /** Behind calls, some without a result yet. */
        CALLED,
        /** Behind the results of all calls. */
        RETURNED
    }

    /** The text of a message that says nothing: in no language, so that it suggests none. */
    static final String SPACER = "...";

    static final String NO_RESULT = "no result";

    private static final int ADDED = -1;
    private static final Set<String> ROLES = Set.of("system", "user", "assistant", "tool");
    private static final Pattern COMMON_ID = Pattern.compile("[A-Za-z0-9]{9}");

    private final List<Map<String, Object>> source;
    private final TemplateAbilities can;
    private final Extent extent;
    private final List<Map<String, Object>> messages = new ArrayList<>();
    private final List<Integer> origins = new ArrayList<>();
    private final List<MessageChange> changes = new ArrayList<>();

    private State state = State.START;
    private boolean systemFirst;
    /** Whether the last message is a system message told as the user's, which the user's own belongs to. */
    private boolean toldSystem;
    /** Calls without a result yet, and the message that they are of. */
    private final List<Map<String, Object>> open = new ArrayList<>();

    private int caller;
    private final ResultImages images = new ResultImages();
    private final Set<Object> ids = new HashSet<>();

    private FittedMessages(List<Map<String, Object>> source, TemplateAbilities can, Extent extent) {
        this.source = source;
        this.can = can;
        this.extent = extent;
    }

    /**
     * Fits mapped messages.
     *
     * @param variables gets the tools, where the template looks for them in a variable
     */
    static FittedMessages of(
            List<Map<String, Object>> messages,
            List<Map<String, Object>> tools,
            TemplateAbilities can,
            Extent extent,
            Map<String, Object> variables) {
        FittedMessages fitted = new FittedMessages(messages, can, extent);
        int next = fitted.leadingSystem();
        while (next < messages.size()) {
            next = fitted.next(next);
        }
        fitted.end();
        return fitted.withTools(tools, variables);
    }

    private boolean mends(Irregularity what) {
        return switch (extent) {
            case NOTHING -> false;
            case NEEDED -> !can.says(what, systemFirst);
            case ALL, CALLS_TOO -> true;
        };
    }

    private boolean trusted() {
        return extent == Extent.NOTHING || extent == Extent.NEEDED;
    }

    // ---- messages, one by one ------------------------------------------------------------------------------------

    /** Several system messages at the beginning become one, or the beginning of the first question. */
    private int leadingSystem() {
        int leading = 0;
        while (leading < source.size() && is("system", leading)) {
            leading++;
        }
        systemFirst = leading > 0 && can.system();
        boolean fits = can.system() && (leading == 1 || can.severalSystem() && trusted());
        if (!fits && can.system() && leading > 0) {
            List<String> texts = source.subList(0, leading).stream()
                    .map(MappedMessages::text)
                    .toList();
            add(message("system", String.join(BREAK, texts)), leading - 1);
        }
        for (int i = 0; i < leading; i++) {
            if (fits) {
                add(source.get(i), i);
            } else if (can.system()) {
                changed(i, Kind.SYSTEM_MOVED);
            } else {
                told(i);
            }
        }
        return leading;
    }

    /** Adds a message, with the results of its calls; gives the index of what follows. */
    private int next(int index) {
        Map<String, Object> message = source.get(index);
        if (!is("tool", index)) {
            placeImages();
        }
        switch (String.valueOf(message.get("role"))) {
            case "system" -> system(index);
            case "user" -> question(filled(message, EMPTY_QUESTION, index), index, false);
            case "tool" -> orphan(index);
            case "assistant" -> {
                if (!callsOf(message).isEmpty()) {
                    return extent == Extent.CALLS_TOO ? written(index) : calls(index);
                }
                answer(message, index);
            }
            default -> add(message, index);
        }
        return index + 1;
    }

    private void placeImages() {
        if (!images.isEmpty()) {
            images.results().forEach(index -> changed(index, Kind.IMAGES_MOVED));
            question(images.shown(), images.results().getLast(), false);
        }
    }

    private Map<String, Object> withoutImages(Map<String, Object> result, int index) {
        return can.toolImages() ? result : images.takenFrom(result, index);
    }

    /** A system message without a place becomes a message of the user, together with the question beside it. */
    private void system(int index) {
        if (placed(index)) {
            add(source.get(index), index);
        } else {
            told(index);
        }
    }

    private void told(int index) {
        changed(index, Kind.SYSTEM_MOVED);
        question(message("user", text(source.get(index))), index, true);
    }

    private void question(Map<String, Object> message, int index, boolean ofSystem) {
        close(CALL_BEFORE_QUESTION);
        if (state == State.RETURNED && mends(QUESTION_AFTER_RESULT)) {
            space("assistant", index);
        }
        if (state == State.QUESTION && (ofSystem || toldSystem || mends(QUESTION_AFTER_QUESTION))) {
            if (!ofSystem && !toldSystem) {
                changed(index, Kind.JOINED);
            }
            join(message, index);
        } else {
            add(message, index);
        }
        state = State.QUESTION;
        toldSystem = ofSystem;
    }

    private void answer(Map<String, Object> answer, int index) {
        close(CALL_BEFORE_ANSWER);
        if (state == State.START && mends(ANSWER_FIRST)) {
            space("user", index);
        }
        if (state == State.ANSWER && mends(ANSWER_AFTER_ANSWER)) {
            changed(index, Kind.JOINED);
            join(answer, index);
        } else {
            boolean reasons = answer.get("reasoning_content") instanceof String;
            add(filled(answer, reasons ? REASONING_ALONE : EMPTY_ANSWER, index), index);
        }
        state = State.ANSWER;
    }

    /** A result that does not follow the call it belongs to. */
    private void orphan(int index) {
        Map<String, Object> result = source.get(index);
        Object id = result.get("tool_call_id");
        boolean late = id != null && waits(id);
        Irregularity what =
                switch (state) {
                    case START -> RESULT_FIRST;
                    case QUESTION -> late ? RESULT_LATE : RESULT_AFTER_QUESTION;
                    case ANSWER -> late ? RESULT_LATE : RESULT_AFTER_ANSWER;
                    case CALLED, RETURNED -> RESULT_TOO_MANY;
                };
        if (extent == Extent.CALLS_TOO || mends(what)) {
            changed(index, Kind.RESULT_AS_TEXT);
            question(message("user", ResultImages.told(result)), index, false);
        } else {
            Object fitted = late ? id : fittedId(id, () -> result.get("name") + " " + text(result), index);
            add(with(withoutImages(filled(result, EMPTY_RESULT, index), index), "tool_call_id", fitted), index);
            state = state == State.CALLED ? State.CALLED : State.RETURNED;
        }
    }

    /** Whether there is a call with this ID, and no result. */
    private boolean waits(Object id) {
        return messages.stream()
                        .anyMatch(message -> callsOf(message).stream().anyMatch(call -> id.equals(call.get("id"))))
                && messages.stream().noneMatch(message -> id.equals(message.get("tool_call_id")));
    }

    // ---- calls and their results ---------------------------------------------------------------------------------

    /** Calls, with the results that follow them; gives the index behind those. */
    private int calls(int index) {
        int end = index + 1;
        for (int i = end; i < source.size() && (is("tool", i) || is("system", i)); i++) {
            end = is("tool", i) ? i + 1 : end;
        }
        Map<String, Object> message = source.get(index);
        List<Map<String, Object>> calls = callsOf(message);
        List<Map<String, Object>> behind = source.subList(index + 1, end);
        Integer[] callOf = pairs(calls, behind);
        boolean oneByOne = calls.size() > 1 && !can.calls().several();
        if (isMixed(callOf) && (oneByOne || mends(RESULTS_MIXED))) {
            message = inOrder(message, callOf);
            calls = callsOf(message);
            callOf = pairs(calls, behind);
            changed(index, Kind.CALLS_REORDERED);
        }
        List<Integer> later = new ArrayList<>();
        if (oneByOne) {
            for (int k = 0; k < calls.size(); k++) {
                call(single(message, k), index);
                int result = Arrays.asList(callOf).indexOf(k);
                if (result >= 0) {
                    result(index + 1 + result, open.getFirst());
                }
            }
            for (int i = index + 1; i < end; i++) {
                if (callOf[i - index - 1] == null) {
                    later.add(i);
                }
            }
        } else {
            List<Map<String, Object>> fitted = call(message, index);
            for (int i = index + 1; i < end; i++) {
                Integer call = callOf[i - index - 1];
                if (call != null) {
                    result(i, fitted.get(call));
                } else if (!mends(is("system", i) ? SYSTEM_BEFORE_RESULT : RESULT_TOO_MANY) && placed(i)) {
                    next(i);
                } else {
                    later.add(i);
                }
            }
        }
        for (int i : later) {
            if (is("system", i)) {
                changed(i, Kind.SYSTEM_MOVED);
            }
            next(i);
        }
        return end;
    }

    /** Whether a message is none of the system's, or one that has a place here. */
    private boolean placed(int index) {
        return !is("system", index) || can.lateSystem() && trusted();
    }

    /** Adds a message with calls; gives the calls as they are now. */
    private List<Map<String, Object>> call(Map<String, Object> message, int index) {
        close(CALL_BEFORE_CALL);
        if (state == State.START && mends(CALL_FIRST) || state == State.ANSWER && mends(CALL_AFTER_ANSWER)) {
            space("user", index);
        }
        List<Map<String, Object>> calls = new ArrayList<>();
        for (Map<String, Object> call : callsOf(message)) {
            Map<String, Object> function = function(call);
            Supplier<String> made = () -> function.get("name") + " " + function.get("arguments") + " " + calls.size();
            Map<String, Object> changed = with(call, "id", fittedId(call.get("id"), made, index));
            if (!(function.get("arguments") instanceof Map) && mends(ARGUMENTS)) {
                Object wrapped = MessageMapper.object(function.get("arguments"));
                changed = with(changed, "function", with(function, "arguments", wrapped));
                changed(index, Kind.ARGUMENTS_WRAPPED);
            }
            calls.add(changed);
        }
        Map<String, Object> fitted = calls.equals(callsOf(message)) ? message : with(message, "tool_calls", calls);
        if (can.calls().dropsText(message) && can.calls().apply(fitted).containsKey("tool_calls")) {
            changed(index, Kind.TEXT_LEFT_OUT);
        }
        add(fitted, index);
        caller = index;
        open.clear();
        open.addAll(calls);
        state = State.CALLED;
        return calls;
    }

    private void result(int index, Map<String, Object> call) {
        Map<String, Object> result = withoutImages(filled(source.get(index), EMPTY_RESULT, index), index);
        if (result.get("name") == null && mends(NO_NAME)) {
            result = with(result, "name", function(call).get("name"));
        }
        Object id = result.get("tool_call_id");
        Object fitted = call.get("id");
        if (fitted != null && !fitted.equals(id) && (id != null || mends(NO_ID))) {
            result = with(result, "tool_call_id", fitted);
            changed(index, Kind.ID_REPLACED);
        }
        add(result, index);
        open.removeIf(one -> one == call);
        state = open.isEmpty() ? State.RETURNED : State.CALLED;
    }

    /** Adds results to calls that have none, before what is to follow. */
    private void close(Irregularity before) {
        if (state != State.CALLED || !mends(before)) {
            return;
        }
        for (Map<String, Object> call : open) {
            Map<String, Object> result = message("tool", NO_RESULT);
            result.put("name", function(call).get("name"));
            if (call.get("id") != null) {
                result.put("tool_call_id", call.get("id"));
            }
            add(result, ADDED);
            changed(caller, Kind.RESULT_ADDED);
        }
        open.clear();
        state = State.RETURNED;
    }

    /** An ID that the template accepts: this one, or one of nine letters and digits that is the same each time. */
    private Object fittedId(Object id, Supplier<String> otherwise, int index) {
        boolean common = id != null && COMMON_ID.matcher(id.toString()).matches();
        Irregularity what = id == null ? NO_ID : id.toString().length() < 9 ? SHORT_ID : LONG_ID;
        Object fitted = common || !mends(what) ? id : MessageMapper.id(id == null ? otherwise.get() : id.toString());
        if (fitted != null && !ids.add(fitted) && mends(SAME_ID)) {
            Object first = fitted;
            for (int times = 2; !ids.add(fitted); times++) {
                fitted = MessageMapper.id(first + " " + times);
            }
        }
        if (fitted != id) {
            changed(index, Kind.ID_REPLACED);
        }
        return fitted;
    }

    /** Calls as text of the answer; their results become the user's. */
    private int written(int index) {
        changed(index, Kind.CALLS_AS_TEXT);
        answer(can.calls().written(source.get(index)), index);
        return index + 1;
    }

    // ---- how messages are changed --------------------------------------------------------------------------------

    private void end() {
        placeImages();
        close(CALL_LAST);
        Set<Object> roles = new HashSet<>();
        messages.forEach(message -> roles.add(message.get("role")));
        if (roles.contains("user") || !ROLES.containsAll(roles) || messages.isEmpty()) {
            return;
        }
        boolean calls = messages.stream().anyMatch(message -> !callsOf(message).isEmpty());
        Irregularity what = calls
                ? CALLS_ALONE
                : roles.contains("assistant") ? ANSWERS_ALONE : roles.contains("tool") ? RESULTS_ALONE : SYSTEM_ALONE;
        if (mends(what)) {
            int first = 0;
            while (first < messages.size()
                    && "system".equals(messages.get(first).get("role"))) {
                first++;
            }
            messages.add(first, message("user", SPACER));
            origins.add(first, ADDED);
            changed(0, Kind.SPACER_ADDED);
        }
    }

    private void space(String role, int before) {
        add(message(role, SPACER), ADDED);
        changed(before, Kind.SPACER_ADDED);
        state = "user".equals(role) ? State.QUESTION : State.ANSWER;
        toldSystem = false;
    }

    private Map<String, Object> filled(Map<String, Object> message, Irregularity empty, int index) {
        if (!text(message).isBlank() || ContentParts.hasImages(message.get("content")) || !mends(empty)) {
            return message;
        }
        changed(index, Kind.TEXT_FILLED);
        return with(message, "content", empty == EMPTY_RESULT ? NO_RESULT : SPACER);
    }

    private void join(Map<String, Object> message, int index) {
        messages.set(messages.size() - 1, joined(messages.getLast(), message));
        origins.set(origins.size() - 1, index);
    }

    private void add(Map<String, Object> message, int origin) {
        messages.add(can.calls().apply(message));
        origins.add(origin);
        toldSystem = false;
    }

    private void changed(int index, Kind kind) {
        MessageChange change = new MessageChange(index, kind);
        if (!changes.contains(change)) {
            changes.add(change);
        }
    }

    private FittedMessages withTools(List<Map<String, Object>> tools, Map<String, Object> variables) {
        List<Map<String, Object>> changed = can.tools().put(tools, messages, variables);
        if (changed.size() > messages.size()) {
            origins.addFirst(ADDED);
        }
        if (can.parts()) {
            changed = ContentParts.of(changed);
        }
        if (changed != messages) {
            messages.clear();
            messages.addAll(changed);
        }
        return this;
    }

    private boolean is(String role, int index) {
        return role.equals(source.get(index).get("role"));
    }

    // ---- what came out -------------------------------------------------------------------------------------------

    List<Map<String, Object>> messages() {
        return messages;
    }

    /** What was changed, in the order of the messages. */
    List<MessageChange> changes() {
        return changes.stream()
                .sorted(Comparator.comparingInt(MessageChange::message))
                .toList();
    }

    /** The result of rendering them, in terms of the messages that they came from. */
    RenderResult inOriginalTerms(RenderResult rendered) {
        List<RenderResult.Span> spans = new ArrayList<>(rendered.spans().size());
        for (RenderResult.Span span : rendered.spans()) {
            int origin = origins.get(span.element());
            if (origin != ADDED) {
                spans.add(new RenderResult.Span(origin, span.start(), span.end()));
            }
        }
        return rendered.withSpans(spans);
    }
}
