package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.model.mlx.calls.ToolCallFormat;
import dev.langchain4j.model.mlx.jinja.common.TemplateException;
import dev.langchain4j.model.mlx.prompt.CallStyle.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * What a chat template can express and how it wants it, found out by rendering small conversations and looking for
 * their words. Templates drop what they do not know without a word, and a model that misses part of its prompt answers
 * all the same.
 *
 * @param parts whether content has to be a list of parts: texts are dropped
 * @param system whether a system message at the beginning reaches the text
 * @param severalSystem whether two of them at the beginning do
 * @param lateSystem whether one further down does
 * @param tools where tools on offer are looked for
 * @param calls how an assistant's tool calls are given
 * @param toolResults whether tool results reach the text; true where the template refuses them in its own words
 * @param toolImages whether images in tool results have a place in the text
 * @param turns tries what is not in order in a conversation
 */
record TemplateAbilities(
        boolean parts,
        boolean system,
        boolean severalSystem,
        boolean lateSystem,
        ToolPlace tools,
        CallStyle calls,
        boolean toolResults,
        boolean toolImages,
        TurnTrials turns) {

    private static final String MARK = "probe7zq";
    private static final String OTHER = "probe4xk";
    private static final String TOOL = "probe_tool_7zq";
    private static final String ID = "probe7zq1";

    /**
     * Tries a template.
     *
     * @param render renders variables, or throws
     * @param offered whether with a tool on offer or without
     * @param format how the model writes calls
     */
    static TemplateAbilities of(Function<Map<String, Object>, String> render, boolean offered, ToolCallFormat format) {
        return of(render, offered, format, null);
    }

    /**
     * As the other one.
     *
     * @param placeholder what the template writes for an image; null for a model that does not see
     */
    static TemplateAbilities of(
            Function<Map<String, Object>, String> render, boolean offered, ToolCallFormat format, String placeholder) {
        Map<String, Object> user = message("user", MARK);
        Probe plain = new Probe(render, false, List.of(), ToolPlace.NONE);
        Probe listed = new Probe(render, true, List.of(), ToolPlace.NONE);
        boolean parts = plain.text(user) == null || !plain.text(user).contains(MARK);
        parts = parts && listed.shows(MARK, user);
        TemplateAbilities can = of(render, parts, offered, format, placeholder);
        if (offered && !parts && can.refusesCalls()) {
            TemplateAbilities inParts = of(render, true, offered, format, placeholder);
            return inParts.refusesCalls() ? can : inParts;
        }
        return can;
    }

    private static TemplateAbilities of(
            Function<Map<String, Object>, String> render,
            boolean parts,
            boolean offered,
            ToolCallFormat format,
            String placeholder) {
        Map<String, Object> user = message("user", MARK);
        Map<String, Object> system = message("system", MARK);
        Map<String, Object> other = message("system", OTHER);
        ToolPlace place = offered ? place(render, parts, format) : ToolPlace.NONE;
        Probe probe = new Probe(render, parts, offered ? List.of(tool()) : List.of(), place);
        CallStyle style = style(probe, format);
        Map<String, Object> result = message("tool", MARK);
        result.put("name", TOOL);
        result.put("tool_call_id", ID);
        Map<String, Object> image = new LinkedHashMap<>(result);
        image.put("content", List.of(ContentParts.IMAGE, ContentParts.text(MARK)));
        Map<String, Object> call = style.apply(called("", "Rome"));
        return new TemplateAbilities(
                parts,
                probe.shows(MARK, system, message("user", "hello")),
                probe.shows(MARK, system, other, user) && probe.shows(OTHER, system, other, user),
                probe.shows(OTHER, user, message("assistant", "fine"), other, user),
                place,
                style,
                !probe.drops(MARK, message("user", "hello"), call, result),
                placeholder != null
                        && probe.shows(MARK, message("user", "hello"), call, image)
                        && probe.shows(placeholder, message("user", "hello"), call, image),
                new TurnTrials(render, probe.tools));
    }

    /** Whether a conversation may have this: the template neither refuses it, nor drops more than if it were mended. */
    boolean says(Irregularity what, boolean system) {
        return turns.says(what, system, this);
    }

    /** Whether not even a call in order, with its result, can be rendered. */
    boolean refusesCalls() {
        return turns.refusesCalls(this);
    }

    private static ToolPlace place(Function<Map<String, Object>, String> render, boolean parts, ToolCallFormat format) {
        Map<String, Object> user = message("user", "hello");
        for (ToolPlace place : List.of(ToolPlace.TOOLS, ToolPlace.XML_TOOLS, ToolPlace.SYSTEM)) {
            Probe probe = new Probe(render, parts, List.of(tool()), place);
            if (probe.shows(TOOL, user) || probe.shows(TOOL, message("system", "be brief"), user)) {
                return place;
            }
        }
        Probe described = new Probe(render, parts, List.of(tool()), ToolPlace.DEEPSEEK_V31);
        if (format == ToolCallFormat.DEEPSEEK && described.shows(TOOL, user)) {
            CallStyle style = style(described, format);
            String text = described.conversation(style.apply(called("", MARK)));
            return text != null && text.contains("```json") ? ToolPlace.DEEPSEEK_V3 : ToolPlace.DEEPSEEK_V31;
        }
        return ToolPlace.NONE;
    }

    private static CallStyle style(Probe probe, ToolCallFormat format) {
        for (boolean asText : new boolean[] {false, true}) {
            for (Kind kind : new Kind[] {Kind.FIELD, Kind.NULL_CONTENT}) {
                CallStyle style = new CallStyle(kind, asText, true, true, format);
                if (showsCalls(probe, style, "")) {
                    boolean besideText = showsCalls(probe, style, OTHER);
                    return new CallStyle(kind, asText, besideText, showsBoth(probe, style), format);
                }
            }
        }
        CallStyle written = new CallStyle(Kind.WRITTEN, false, false, true, format);
        if (written.canBeWritten() && showsCalls(probe, written, "")) {
            return written;
        }
        // What the template refuses, it refuses in its own words when the real messages come.
        boolean refused = probe.conversation(called("", MARK)) == null;
        return new CallStyle(refused ? Kind.FIELD : Kind.DROPPED, false, true, true, format);
    }

    private static boolean showsCalls(Probe probe, CallStyle style, String text) {
        String rendered = probe.conversation(style.apply(called(text, MARK)));
        return rendered != null && rendered.contains(MARK) && rendered.contains(text);
    }

    private static boolean showsBoth(Probe probe, CallStyle style) {
        Map<String, Object> both = called("", MARK);
        List<Object> calls = new ArrayList<>((List<?>) both.get("tool_calls"));
        calls.addAll((List<?>) called("", OTHER).get("tool_calls"));
        both.put("tool_calls", calls);
        String rendered = probe.conversation(style.apply(both));
        return rendered != null && rendered.contains(MARK) && rendered.contains(OTHER);
    }

    /** A template under test. */
    private record Probe(
            Function<Map<String, Object>, String> render,
            boolean parts,
            List<Map<String, Object>> tools,
            ToolPlace place) {

        /** The text, or null where the template refuses. */
        @SafeVarargs
        private String text(Map<String, Object>... messages) {
            Map<String, Object> variables = new LinkedHashMap<>();
            List<Map<String, Object>> all = place.put(tools, new ArrayList<>(List.of(messages)), variables);
            variables.put("messages", parts ? ContentParts.of(all) : all);
            variables.put("documents", null);
            variables.put("add_generation_prompt", true);
            try {
                return render.apply(variables);
            } catch (TemplateException e) {
                return null;
            }
        }

        /** A call and its result, and the answer to them. */
        private String conversation(Map<String, Object> call) {
            Map<String, Object> result = message("tool", "sunny");
            result.put("name", TOOL);
            result.put("tool_call_id", ID);
            return text(message("user", "hello"), call, result);
        }

        @SafeVarargs
        private boolean shows(String word, Map<String, Object>... messages) {
            String text = text(messages);
            return text != null && text.contains(word);
        }

        @SafeVarargs
        private boolean drops(String word, Map<String, Object>... messages) {
            String text = text(messages);
            return text != null && !text.contains(word);
        }
    }

    private static Map<String, Object> message(String role, String content) {
        return map("role", role, "content", content);
    }

    private static Map<String, Object> called(String text, String city) {
        Map<String, Object> function = map("name", TOOL, "arguments", map("city", city));
        Map<String, Object> message = message("assistant", text);
        message.put("tool_calls", List.of(map("id", ID, "type", "function", "function", function)));
        return message;
    }

    private static Map<String, Object> tool() {
        Map<String, Object> properties = map("city", map("type", "string", "description", "a city"));
        Map<String, Object> parameters = map("type", "object", "properties", properties, "required", List.of("city"));
        Map<String, Object> function = map("name", TOOL, "description", "a probe", "parameters", parameters);
        return map("type", "function", "function", function);
    }

    private static Map<String, Object> map(Object... pairs) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            map.put((String) pairs[i], pairs[i + 1]);
        }
        return map;
    }
}
