package dev.langchain4j.model.mlx.samples.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.mlx.prompt.ChatTemplate;
import dev.langchain4j.model.mlx.prompt.Prompt;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A conversation with tools through the chat template of the demo model and its tokenizer, beside transformers. */
final class TextSection implements Bench.Section {
    private static final String SAID =
            "The first train leaves at 07:38 and arrives at 10:22; two seats are left in it. ";

    @Override
    public void run(Bench bench) {
        int repeats = bench.smoke() ? 5 : 300;
        bench.report()
                .table(
                        "text",
                        "Template and tokenizer, ms",
                        "messages",
                        "characters",
                        "tokens",
                        "template and tokenizer",
                        "tokenizer alone",
                        "transformers: template and tokenizer",
                        "transformers: tokenizer alone",
                        "ratio");
        ChatTemplate template = ChatTemplate.load(bench.demo());
        List<ToolSpecification> tools = List.of(tool("trains"), tool("weather"), tool("book"), tool("convert"));
        try (Tokenizer tokenizer = Tokenizer.fromFile(bench.demo().resolve("tokenizer.json"))) {
            for (int rounds : new int[] {2, 20, 100}) {
                row(bench, template, tokenizer, tools, rounds, repeats);
            }
        }
        bench.report().end();
    }

    private static void row(
            Bench bench,
            ChatTemplate template,
            Tokenizer tokenizer,
            List<ToolSpecification> tools,
            int rounds,
            int repeats) {
        List<ChatMessage> messages = new ArrayList<>(List.of(SystemMessage.from("You are a travel assistant.")));
        List<Map<String, Object>> plain = new ArrayList<>(List.of(message("system", "You are a travel assistant.")));
        for (int round = 0; round < rounds; round++) {
            String city = "\"" + "Lisbon Porto Oslo Rome".split(" ")[round % 4] + "\"";
            String arguments = "{\"city\": " + city + "}";
            messages.add(UserMessage.from(SAID + round));
            messages.add(AiMessage.from(ToolExecutionRequest.builder()
                    .id("call" + round)
                    .name("weather")
                    .arguments(arguments)
                    .build()));
            messages.add(ToolExecutionResultMessage.from("call" + round, "weather", SAID + round));
            messages.add(AiMessage.from(SAID + round));
            plain.add(message("user", SAID + round));
            Map<String, Object> call = message("assistant", "");
            call.put(
                    "tool_calls",
                    List.of(Map.of(
                            "type",
                            "function",
                            "function",
                            Map.of("name", "weather", "arguments", Map.of("city", city.replace("\"", ""))))));
            plain.add(call);
            plain.add(message("tool", SAID + round));
            plain.add(message("assistant", SAID + round));
        }
        double[] both = new double[repeats];
        double[] encoding = new double[repeats];
        Prompt prompt = null;
        for (int i = -repeats; i < repeats; i++) {
            long begun = System.nanoTime();
            prompt = template.prompt(messages, tools, Map.of(), tokenizer);
            long between = System.nanoTime();
            tokenizer.encode(prompt.text(), false);
            both[Math.max(0, i)] = (between - begun) / 1e6;
            encoding[Math.max(0, i)] = (System.nanoTime() - between) / 1e6;
        }
        Spread ours = Spread.of(both);
        Spread theirs = null;
        Spread theirEncoding = null;
        if (bench.reference() != null) {
            JsonNode answer = bench.reference()
                    .ask(
                            "text",
                            "model",
                            bench.demo(),
                            "messages",
                            plain,
                            "tools",
                            plainTools(tools),
                            "repeats",
                            repeats);
            double[] rendered = Reference.numbers(answer.path("render"));
            double[] encoded = Reference.numbers(answer.path("encode"));
            double[] sum = new double[repeats];
            for (int i = 0; i < repeats; i++) {
                sum[i] = (rendered[i] + encoded[i]) * 1e3;
            }
            theirs = Spread.of(sum);
            theirEncoding = Spread.of(encoded).times(1e3);
        }
        bench.report()
                .row(
                        messages.size(),
                        prompt.text().length(),
                        prompt.tokens().length,
                        ours,
                        Spread.of(encoding),
                        theirs,
                        theirEncoding,
                        theirs == null ? null : ours.median() / theirs.median());
    }

    private static Map<String, Object> message(String role, String content) {
        Map<String, Object> message = new LinkedHashMap<>();
        message.put("role", role);
        message.put("content", content);
        return message;
    }

    private static ToolSpecification tool(String name) {
        return ToolSpecification.builder()
                .name(name)
                .description("What a traveller may ask of " + name)
                .parameters(JsonObjectSchema.builder()
                        .addStringProperty("city", "name of a city")
                        .required("city")
                        .build())
                .build();
    }

    private static List<Map<String, Object>> plainTools(List<ToolSpecification> tools) {
        List<Map<String, Object>> plain = new ArrayList<>();
        for (ToolSpecification tool : tools) {
            Map<String, Object> city = Map.of("type", "string", "description", "name of a city");
            Map<String, Object> schema = new LinkedHashMap<>();
            schema.put("type", "object");
            schema.put("properties", Map.of("city", city));
            schema.put("required", List.of("city"));
            Map<String, Object> function = new LinkedHashMap<>();
            function.put("name", tool.name());
            function.put("description", tool.description());
            function.put("parameters", schema);
            plain.add(Map.of("type", "function", "function", function));
        }
        return plain;
    }
}
