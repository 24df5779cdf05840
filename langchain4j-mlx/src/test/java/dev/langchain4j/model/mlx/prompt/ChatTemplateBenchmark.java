package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.model.mlx.testing.DemoModel;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** The text of a long agent conversation: 200 messages, half of them tool calls and results, with 40 tools on offer. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class ChatTemplateBenchmark {
    private static final int MESSAGES = 200;
    private static final int TOOLS = 40;

    private ChatTemplate template;
    private final List<Map<String, Object>> messages = new ArrayList<>();
    private final List<Map<String, Object>> tools = new ArrayList<>();

    @Setup
    public void converse() {
        template = ChatTemplate.load(DemoModel.folder());
        messages.add(map("role", "system", "content", "You help. ".repeat(50)));
        for (int i = 1; messages.size() < MESSAGES; i++) {
            messages.add(map("role", "user", "content", "Question " + i + ": " + "what is the weather? ".repeat(10)));
            Map<String, Object> function =
                    map("name", "tool_" + i % TOOLS, "arguments", map("city", "Rome", "days", i));
            Map<String, Object> call = map("id", "call" + i, "type", "function", "function", function);
            messages.add(map("role", "assistant", "content", "", "tool_calls", List.of(call)));
            messages.add(map("role", "tool", "content", "{\"sky\": \"clear\"}", "tool_call_id", "call" + i));
            messages.add(map("role", "assistant", "content", "It is sunny. ".repeat(20)));
        }
        for (int i = 0; i < TOOLS; i++) {
            Map<String, Object> properties = new LinkedHashMap<>();
            for (String name : List.of("city", "days", "unit", "language", "detail")) {
                properties.put(
                        name, map("type", "string", "description", "What " + name + " stands for, in a sentence."));
            }
            Map<String, Object> schema = map("type", "object", "properties", properties, "required", List.of("city"));
            Map<String, Object> function =
                    map("name", "tool_" + i, "description", "Does something useful.", "parameters", schema);
            tools.add(map("type", "function", "function", function));
        }
    }

    private static Map<String, Object> map(Object... pairs) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            map.put((String) pairs[i], pairs[i + 1]);
        }
        return map;
    }

    @Benchmark
    public Object render() {
        return template.render(messages, tools, Map.of());
    }
}
