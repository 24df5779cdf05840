package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.internal.JsonSchemaElementUtils;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Tools as chat templates expect them: functions whose parameters are a JSON schema. */
final class ToolMapper {
    private ToolMapper() {}

    static List<Map<String, Object>> map(List<ToolSpecification> tools) {
        List<Map<String, Object>> mapped = new ArrayList<>(tools.size());
        for (ToolSpecification tool : tools) {
            Map<String, Object> function = new LinkedHashMap<>();
            function.put("name", tool.name());
            function.put("description", tool.description() == null ? "" : tool.description());
            function.put("parameters", parameters(tool));
            Map<String, Object> entry = new LinkedHashMap<>();
            entry.put("type", "function");
            entry.put("function", function);
            mapped.add(entry);
        }
        return mapped;
    }

    private static Map<String, Object> parameters(ToolSpecification tool) {
        if (tool.parameters() == null) {
            Map<String, Object> none = new LinkedHashMap<>();
            none.put("type", "object");
            none.put("properties", Map.of());
            return none;
        }
        return JsonSchemaElementUtils.toMap(tool.parameters());
    }
}
