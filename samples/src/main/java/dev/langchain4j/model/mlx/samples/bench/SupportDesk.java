package dev.langchain4j.model.mlx.samples.bench;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import java.util.ArrayList;
import java.util.List;

/** An agent with twenty tools and a conversation that goes on for ever: a question, a call, its result, an answer. */
final class SupportDesk {
    private static final List<String> VERBS = List.of("search", "read", "create", "update", "delete");
    private static final List<String> NOUNS = List.of("orders", "customers", "invoices", "documents");

    private SupportDesk() {}

    static List<ToolSpecification> tools() {
        List<ToolSpecification> tools = new ArrayList<>();
        for (String verb : VERBS) {
            for (String noun : NOUNS) {
                tools.add(ToolSpecification.builder()
                        .name(verb + "_" + noun)
                        .description("Use this tool to " + verb + " " + noun + " of the shop.")
                        .parameters(JsonObjectSchema.builder()
                                .addStringProperty("query", "words that must occur in any field")
                                .addEnumProperty("status", List.of("open", "paid", "sent"), "only those in this state")
                                .addIntegerProperty("limit", "how many to return at most")
                                .required("query")
                                .build())
                        .build());
            }
        }
        return tools;
    }

    /** The first so many messages of a conversation; another one is about other orders. */
    static List<ChatMessage> messages(int count, int conversation) {
        List<ChatMessage> messages = new ArrayList<>();
        messages.add(SystemMessage.from("You are the assistant of a shop. Look things up before you answer."));
        while (messages.size() < count) {
            messages.add(message(messages.size() - 1, conversation));
        }
        return messages;
    }

    private static ChatMessage message(int index, int conversation) {
        int turn = index / 4;
        int order = 100_003 + (7919 * turn + 104_729 * conversation) % 900_000;
        return switch (index % 4) {
            case 0 ->
                UserMessage.from("Where is order " + order
                        + " by now, and can its second parcel go to another address? I am travelling"
                        + " from Thursday on.");
            case 1 ->
                AiMessage.from(ToolExecutionRequest.builder()
                        .id("call" + turn)
                        .name("search_orders")
                        .arguments("{\"query\": \"order " + order + "\", \"status\": \"sent\", \"limit\": 5}")
                        .build());
            case 2 ->
                ToolExecutionResultMessage.from(
                        "call" + turn,
                        "search_orders",
                        "{\"orders\": [{\"id\": \"" + order + "\", \"status\": \"sent\", \"total\": \"129.90 EUR\","
                                + " \"parcels\": [{\"carrier\": \"north\", \"tracking\": \"N" + order * 31
                                + "\"}, {\"carrier\": \"post\", \"state\": \"waiting for pickup\"}]}],"
                                + " \"more\": false, \"note\": \"the customer was called twice on Monday and asked"
                                + " for a call back in the evening, which is still to be made today\"}");
            default ->
                AiMessage.from("The first parcel of order " + order + " was sent with tracking number N" + order * 31
                        + " and should arrive tomorrow. The second one is still waiting for pickup, so its address can"
                        + " be changed until Thursday evening; shall I do that for you?");
        };
    }
}
