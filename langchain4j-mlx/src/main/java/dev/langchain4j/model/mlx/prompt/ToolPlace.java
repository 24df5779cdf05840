package dev.langchain4j.model.mlx.prompt;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Where a chat template looks for the tools on offer. */
enum ToolPlace {
    /** Nowhere. */
    NONE,
    /** In the variable {@code tools}, which is the rule. */
    TOOLS,
    /** In the variable {@code xml_tools}: SmolLM3. */
    XML_TOOLS,
    /** In the system message, as JSON text: Phi-4-mini. */
    SYSTEM,
    /** In the text of the system message: DeepSeek V3 and R1, whose notation of calls has JSON between fences. */
    DEEPSEEK_V3("function<｜tool▁sep｜>NAME\n```json\n{\"ARGUMENT\": \"VALUE\"}\n```"),
    /** In the text of the system message: DeepSeek V3.1, whose notation of calls is plain. */
    DEEPSEEK_V31("NAME<｜tool▁sep｜>{\"ARGUMENT\": \"VALUE\"}");

    /** How a call is written, for places that have to say it; else null. */
    private final String call;

    ToolPlace() {
        this(null);
    }

    ToolPlace(String call) {
        this.call = call;
    }

    /**
     * Puts tools where they are looked for.
     *
     * @param variables gets the variable, if it is one
     * @return the messages, or others that hold the tools
     */
    List<Map<String, Object>> put(
            List<Map<String, Object>> tools, List<Map<String, Object>> messages, Map<String, Object> variables) {
        variables.put("tools", this == TOOLS && !tools.isEmpty() ? tools : null);
        if (tools.isEmpty()) {
            return messages;
        }
        if (this == XML_TOOLS) {
            variables.put("xml_tools", tools);
        }
        if (this != SYSTEM && call == null) {
            return messages;
        }
        List<Map<String, Object>> changed = new ArrayList<>(messages);
        boolean begins =
                !messages.isEmpty() && "system".equals(messages.getFirst().get("role"));
        Map<String, Object> system = new LinkedHashMap<>();
        if (begins) {
            system.putAll(messages.getFirst());
        } else {
            system.put("role", "system");
            system.put("content", "");
        }
        if (call == null) {
            List<Object> functions = new ArrayList<>();
            tools.forEach(tool -> functions.add(tool.get("function")));
            system.put("tools", MessageMapper.json(functions));
        } else {
            system.put("content", system.get("content") + described(tools));
        }
        if (begins) {
            changed.set(0, system);
        } else {
            changed.addFirst(system);
        }
        return changed;
    }

    private String described(List<Map<String, Object>> tools) {
        StringBuilder text = new StringBuilder("\n\n## Tools\nYou have access to the following tools:\n");
        for (Map<String, Object> tool : tools) {
            Map<?, ?> function = (Map<?, ?>) tool.get("function");
            text.append("\n### ").append(function.get("name"));
            text.append("\nDescription: ").append(function.get("description"));
            text.append("\n\nParameters: ").append(MessageMapper.json(function.get("parameters")));
            text.append('\n');
        }
        return text.append("\nCall tools in exactly this format:\n<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>")
                .append(call)
                .append("<｜tool▁call▁end｜><｜tool▁calls▁end｜>\nwith one part from <｜tool▁call▁begin｜> to"
                        + " <｜tool▁call▁end｜> for each call, and arguments that are valid JSON.")
                .toString();
    }
}
