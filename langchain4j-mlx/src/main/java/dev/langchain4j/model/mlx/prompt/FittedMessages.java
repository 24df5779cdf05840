package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.model.mlx.jinja.RenderResult;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Messages as a chat template wants them, and which message of the request each of them came from. */
final class FittedMessages {
    private static final int ADDED = -1;

    private final TemplateAbilities can;
    private final List<Map<String, Object>> messages = new ArrayList<>();
    private final List<Integer> origins = new ArrayList<>();

    private FittedMessages(TemplateAbilities can) {
        this.can = can;
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
            Map<String, Object> variables) {
        List<Integer> placedFrom = new ArrayList<>();
        List<Map<String, Object>> placed = SystemMessages.place(messages, can, placedFrom);
        FittedMessages fitted = new FittedMessages(can);
        for (int i = 0; i < placed.size(); ) {
            List<?> calls = placed.get(i).get("tool_calls") instanceof List<?> list ? list : List.of();
            i = calls.size() > 1 && !can.calls().several()
                    ? fitted.addOneByOne(placed, placedFrom, i, calls)
                    : fitted.add(placed.get(i), placedFrom.get(i), i);
        }
        return fitted.withTools(tools, variables);
    }

    private int add(Map<String, Object> message, int origin, int index) {
        messages.add(can.calls().apply(message));
        origins.add(origin);
        return index + 1;
    }

    /** A message for each call, with its result behind it; gives the index behind the results. */
    private int addOneByOne(List<Map<String, Object>> placed, List<Integer> placedFrom, int index, List<?> calls) {
        int end = index + 1;
        while (end < placed.size() && "tool".equals(placed.get(end).get("role"))) {
            end++;
        }
        List<Integer> results = new ArrayList<>();
        for (int i = index + 1; i < end; i++) {
            results.add(i);
        }
        for (int k = 0; k < calls.size(); k++) {
            Map<String, Object> single = new LinkedHashMap<>(placed.get(index));
            single.put("tool_calls", List.of(calls.get(k)));
            if (k > 0) {
                single.put("content", "");
                single.remove("reasoning_content");
                single.remove("thinking");
            }
            add(single, placedFrom.get(index), index);
            Integer result = resultOf(calls.get(k), results, placed);
            if (result != null) {
                results.remove(result);
                add(placed.get(result), placedFrom.get(result), result);
            }
        }
        results.forEach(i -> add(placed.get(i), placedFrom.get(i), i));
        return end;
    }

    /** The result with the call's ID, else the next one. */
    private static Integer resultOf(Object call, List<Integer> results, List<Map<String, Object>> placed) {
        Object id = ((Map<?, ?>) call).get("id");
        for (Integer i : results) {
            if (id != null && id.equals(placed.get(i).get("tool_call_id"))) {
                return i;
            }
        }
        return results.isEmpty() ? null : results.getFirst();
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

    List<Map<String, Object>> messages() {
        return messages;
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
