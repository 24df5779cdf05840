package dev.langchain4j.model.mlx;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.mlx.grammar.JsonSchemas;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.stream.Collectors;

/** What a knowing model answers to the questions of LangChain4j's suites, as the demo model would write it. */
final class SuiteAnswers {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String KLAUS = "{\"name\":\"Klaus\",\"age\":37,\"height\":1.78,\"married\":false}";
    private static final String FRANNY = "{\"name\":\"Franny\",\"age\":35,\"height\":1.65,\"married\":true}";
    private static final String FRANCINE =
            "{\"name\":\"Francine\",\"children\":[{\"name\":\"Steve\",\"children\":[]},{\"name\":\"Hayley\",\"children\":[]}]}";
    private static final String REX = "{\"type\":\"Dog\",\"name\":\"Rex\",\"breed\":\"Labrador\"}";

    private SuiteAnswers() {}

    static String to(ChatRequest request) {
        String question = "";
        List<String> results = new ArrayList<>();
        for (ChatMessage message : request.messages()) {
            if (message instanceof UserMessage user) {
                question = user.singleText();
                results.clear();
            } else if (message instanceof ToolExecutionResultMessage result) {
                results.add(result.contents().stream()
                        .map(content -> content instanceof TextContent text ? text.text() : "")
                        .collect(Collectors.joining()));
            }
        }
        List<String> calls = request.toolSpecifications().isEmpty() ? List.of() : calls(question, results.size());
        if (!calls.isEmpty()) {
            return written(request, calls);
        }
        if (request.responseFormat() != null && request.responseFormat().type() == ResponseFormatType.JSON) {
            return json(request, question);
        }
        return results.isEmpty() ? "Berlin is the capital of Germany." : "It is " + String.join(" and ", results) + ".";
    }

    // ---- tools ---------------------------------------------------------------------------------------------------

    /** Calls as {@code name argument argument ...}, each argument JSON, with a bar between them. */
    private static List<String> calls(String question, int done) {
        Map<String, List<String>> rounds = new LinkedHashMap<>();
        rounds.put("How much is 73 plus 78?", List.of("add|37|87", "add|73|78"));
        rounds.put("37 plus 87", List.of("add|37|87"));
        rounds.put("Now add 47", List.of("add|124|47"));
        rounds.put("1.78m height", List.of("process|" + KLAUS));
        rounds.put("Langley Falls", List.of("process|{\"name\":\"Klaus\",\"address\":{\"city\":\"Langley Falls\"}}"));
        rounds.put("Francine has 2 children", List.of("process|" + FRANCINE));
        rounds.put("time in France", List.of("getWeather|\"Munich\"", "getTime|\"France\""));
        rounds.put("the time now", List.of("currentTime"));
        rounds.put("date today", List.of("currentDate"));
        rounds.put("temperature in Munich", List.of("currentTemperature|\"Munich\"|\"CELSIUS\""));
        rounds.put("Klaus is 42", List.of("process|{\"Klaus\":42,\"Francine\":47}"));
        rounds.put("names: Klaus", List.of("processNames|[\"Klaus\",\"Franny\"]"));
        rounds.put("RED and GREEN", List.of("process|[\"RED\",\"GREEN\"]"));
        rounds.put("37, 73", List.of("processNumbers|[37,73]"));
        rounds.put("people: Klaus", List.of("process|[{\"name\":\"Klaus\"},{\"name\":\"Franny\"}]"));
        rounds.put("username with ID", List.of("getUsernameFromId|\"62dbcc27-aaf3-449a-b12d-5a904271a57f\""));
        rounds.put("'modify'", List.of("modify|7"));
        rounds.put("a photo", List.of("takePhoto"));
        rounds.put("Munich", List.of("getWeather|\"Munich\""));
        if (question.startsWith("First add 2 and 3")) {
            return done == 0 ? List.of("add|2|3") : done == 1 ? List.of("multiply|5|4") : List.of();
        }
        for (Map.Entry<String, List<String>> round : rounds.entrySet()) {
            if (question.contains(round.getKey())) {
                return done == 0 ? round.getValue() : List.of();
            }
        }
        return List.of();
    }

    private static String written(ChatRequest request, List<String> calls) {
        StringBuilder text = new StringBuilder();
        for (String call : calls) {
            String[] parts = call.split("\\|");
            ToolSpecification tool = request.toolSpecifications().stream()
                    .filter(one -> one.name().equals(parts[0]))
                    .findFirst()
                    .orElseThrow();
            StringJoiner arguments = new StringJoiner(",", "{", "}");
            Iterator<String> names = tool.parameters() == null
                    ? List.<String>of().iterator()
                    : tool.parameters().properties().keySet().iterator();
            for (int i = 1; i < parts.length; i++) {
                arguments.add("\"" + names.next() + "\":" + parts[i]);
            }
            text.append("<tool_call>{\"name\":\"").append(parts[0]).append("\",\"arguments\":");
            text.append(arguments).append("}</tool_call>");
        }
        return text.toString();
    }

    // ---- JSON ----------------------------------------------------------------------------------------------------

    private static String json(ChatRequest request, String question) {
        ObjectNode schema = request.responseFormat().jsonSchema() == null
                ? JSON.createObjectNode()
                : JsonSchemas.of(request.responseFormat().jsonSchema().rootElement());
        String shape = shape(schema);
        return switch (shape) {
            case "", "city" -> "{\"city\":\"Berlin\"}";
            case "weather" -> "{\"weather\":\"sunny\"}";
            case "city,weather" -> "{\"city\":\"Munich\",\"weather\":\"SUNNY\"}";
            case "name,age,height,married" -> KLAUS;
            case "name,shippingAddress,billingAddress" ->
                "{\"name\":\"Klaus\",\"shippingAddress\":{\"city\":\"Langley Falls\"},\"billingAddress\":{\"city\":\"New York\"}}";
            case "name,maritalStatus" -> "{\"name\":\"Klaus\",\"maritalStatus\":\"SINGLE\"}";
            case "name,favouriteColors" -> "{\"name\":\"Klaus\",\"favouriteColors\":[\"orange\",\"green\"]}";
            case "name,pets" -> "{\"name\":\"Klaus\",\"pets\":[{\"name\":\"Peanut\"},{\"name\":\"Muffin\"}]}";
            case "name,groups" -> "{\"name\":\"Klaus\",\"groups\":[\"A\",\"C\"]}";
            case "name,birthDate,birthTime,birthDateTime" ->
                "{\"name\":\"Klaus\",\"birthDate\":{\"year\":1976,\"month\":8,\"day\":12},"
                        + "\"birthTime\":{\"hour\":14,\"minute\":43,\"second\":0,\"nano\":0},"
                        + "\"birthDateTime\":{\"date\":{\"year\":1976,\"month\":8,\"day\":12},"
                        + "\"time\":{\"hour\":14,\"minute\":43,\"second\":0,\"nano\":0}}}";
            case "name,children" -> FRANCINE;
            case "name,id", "id,name" -> identified(shape);
            case "name,pet" -> "{\"name\":\"Alice\",\"pet\":" + REX + "}";
            case "name" -> "{\"name\":\"Klaus\"}";
            case "value" -> "{\"value\":" + value(question) + "}";
            case "values" -> "{\"values\":" + values(schema, question) + "}";
            default -> shape.startsWith("name,") ? "{\"name\":\"Klaus\"}" : "no answer for " + shape;
        };
    }

    private static String identified(String shape) {
        String id = "\"id\":\"567b229a-6b0a-4f1e-9006-448cd9dfbfda\"";
        return shape.startsWith("id") ? "{" + id + ",\"name\":\"Klaus\"}" : "{\"name\":\"Klaus\"," + id + "}";
    }

    private static String shape(JsonNode schema) {
        List<String> names = new ArrayList<>();
        schema.path("properties").properties().forEach(e -> names.add(e.getKey()));
        return String.join(",", names);
    }

    private static String value(String question) {
        if (question.contains("is a man")) {
            return "true";
        }
        if (question.contains("number of people")) {
            return "2";
        }
        if (question.contains("temperature")) {
            return "-0.5";
        }
        if (question.contains("1+2+3")) {
            String inner = "{\"type\":\"Addition\",\"left\":{\"type\":\"Constant\",\"value\":1},"
                    + "\"right\":{\"type\":\"Constant\",\"value\":2}}";
            return "{\"type\":\"Addition\",\"left\":" + inner + ",\"right\":{\"type\":\"Constant\",\"value\":3}}";
        }
        return question.contains("Rex") ? REX : "\"SINGLE\"";
    }

    private static String values(JsonNode schema, String question) {
        JsonNode items = schema.at("/properties/values/items");
        if (question.contains("Whiskers")) {
            return "[" + REX + ",{\"type\":\"Cat\",\"name\":\"Whiskers\",\"indoor\":true}]";
        }
        if (items.has("enum")) {
            return question.contains("Berlin")
                    ? "[\"SUNNY\",\"WINDY\",\"RAINY\",\"CLOUDY\"]"
                    : "[\"SINGLE\",\"MARRIED\",\"MARRIED\"]";
        }
        return switch (shape(items)) {
            case "" -> "[\"Klaus\",\"Franny\"]";
            case "name" -> "[{\"name\":\"Klaus\"},{\"name\":\"Francine\"}]";
            default -> "[" + KLAUS + "," + FRANNY + "]";
        };
    }
}
