package dev.langchain4j.model.mlx.prompt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.calls.ToolCallFormat;
import dev.langchain4j.model.mlx.jinja.Template;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Templates of several habits, and what is found out about them. */
class TemplateAbilitiesTest {
    private static final String ALL = "{{ tools | tojson }}{% for m in messages %}[{{ m | tojson }}]{% endfor %}";

    private static TemplateAbilities of(String source) {
        Template template = Template.compile(source);
        return TemplateAbilities.of(
                variables -> template.render(variables).text(), true, ToolCallFormat.detect(source));
    }

    @Test
    void aTemplateThatShowsEverythingNeedsNothing() {
        TemplateAbilities can = of(ALL);
        assertThat(can.parts()).isFalse();
        assertThat(can.system() && can.severalSystem() && can.lateSystem()).isTrue();
        assertThat(can.tools()).isEqualTo(ToolPlace.TOOLS);
        assertThat(can.calls().kind()).isEqualTo(CallStyle.Kind.FIELD);
        assertThat(can.calls().argumentsAsText()).isFalse();
        assertThat(can.toolResults()).isTrue();
    }

    @Test
    void textsBecomePartsWhereOnlyPartsAreRead() {
        TemplateAbilities can =
                of("{% for m in messages %}{% for p in m.content %}{% if p.type == 'text' %}{{ p.text }}"
                        + "{% endif %}{% endfor %}{% endfor %}");
        assertThat(can.parts()).isTrue();
        assertThat(can.system()).isTrue();
        assertThat(ContentParts.of(List.of(Map.of("role", "user", "content", "x"))))
                .containsExactly(Map.of("role", "user", "content", List.of(Map.of("type", "text", "text", "x"))));
    }

    @Test
    void callsAreWrittenIntoTheTextWhereOnlyTextIsRead() {
        CallStyle style =
                of("<|tool_list_start|>{{ tools | tojson }}{% for m in messages %}{{ m.content }}{% endfor %}")
                        .calls();
        assertThat(style.kind()).isEqualTo(CallStyle.Kind.WRITTEN);
        Map<String, Object> message = call("Let me see.");
        assertThat(style.apply(message))
                .isEqualTo(Map.of(
                        "role",
                        "assistant",
                        "content",
                        "Let me see.\n<|tool_call_start|>[weather(city=\"Rome\")]<|tool_call_end|>"));
    }

    @Test
    void callsOfSomeTemplatesNeedTextAsArgumentsAndNullAsContent() {
        String source = "<｜tool▁calls▁begin｜>{% for m in messages %}"
                + "{% if m.role == 'assistant' and m.content is none %}"
                + "{% for c in m.tool_calls %}{{ c.function.name + '```json' + c.function.arguments }}{% endfor %}"
                + "{% else %}{{ m.content }}{% endif %}{% endfor %}";
        TemplateAbilities can = of(source);
        assertThat(can.calls().kind()).isEqualTo(CallStyle.Kind.NULL_CONTENT);
        assertThat(can.calls().argumentsAsText()).isTrue();
        Map<String, Object> fitted = can.calls().apply(call("dropped, so that the call is not"));
        assertThat(fitted).containsEntry("content", null);
        assertThat(fitted.get("tool_calls").toString()).contains("arguments={\"city\":\"Rome\"}");
        assertThat(can.tools()).isEqualTo(ToolPlace.DEEPSEEK_V3);
    }

    @Test
    void toolsGoWhereTheTemplateLooksForThem() {
        assertThat(of("{{ xml_tools }}{% for m in messages %}{{ m.content }}{% endfor %}")
                        .tools())
                .isEqualTo(ToolPlace.XML_TOOLS);
        assertThat(of("{% for m in messages %}{{ m.content }}{{ m.tools }}{% endfor %}")
                        .tools())
                .isEqualTo(ToolPlace.SYSTEM);
        assertThat(of("{% for m in messages %}{{ m.content }}{% endfor %}").tools())
                .isEqualTo(ToolPlace.NONE);
        assertThat(of("{% for m in messages %}{{ m.content }}<｜tool▁calls▁begin｜>{{ m.tool_calls }}{% endfor %}")
                        .tools())
                .isEqualTo(ToolPlace.DEEPSEEK_V31);
    }

    @Test
    void toolsInTheSystemMessageGetOneWhereThereIsNone() {
        Map<String, Object> tool =
                Map.of("type", "function", "function", Map.of("name", "f", "description", "d", "parameters", Map.of()));
        Map<String, Object> variables = new LinkedHashMap<>();
        List<Map<String, Object>> messages =
                ToolPlace.SYSTEM.put(List.of(tool), List.of(Map.of("role", "user", "content", "x")), variables);
        assertThat(messages).hasSize(2);
        assertThat(messages.getFirst())
                .containsEntry("role", "system")
                .hasEntrySatisfying("tools", json -> assertThat(json.toString()).contains("\"name\":\"f\""));
        assertThat(variables).containsEntry("tools", null);
        String described = ToolPlace.DEEPSEEK_V31
                .put(List.of(tool), List.of(Map.of("role", "system", "content", "be brief")), variables)
                .getFirst()
                .get("content")
                .toString();
        assertThat(described).startsWith("be brief\n\n## Tools").contains("### f\nDescription: d\n\nParameters: {}");
    }

    private static Map<String, Object> call(String text) {
        Map<String, Object> function = new LinkedHashMap<>();
        function.put("name", "weather");
        function.put("arguments", Map.of("city", "Rome"));
        Map<String, Object> call = new LinkedHashMap<>();
        call.put("function", function);
        Map<String, Object> message = new LinkedHashMap<>();
        message.put("role", "assistant");
        message.put("content", text);
        message.put("tool_calls", List.of(call));
        return message;
    }
}
