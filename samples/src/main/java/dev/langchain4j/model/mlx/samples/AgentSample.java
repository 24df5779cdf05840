package dev.langchain4j.model.mlx.samples;

import dev.langchain4j.memory.chat.MessageWindowChatMemory;
import dev.langchain4j.model.mlx.MlxChatModel;
import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.service.AiServices;
import dev.langchain4j.service.MemoryId;
import dev.langchain4j.service.SystemMessage;
import dev.langchain4j.service.UserMessage;
import java.util.List;
import java.util.Scanner;

/**
 * A LangChain4j AI service with tools and memory over a model inside this JVM. Plays a scripted conversation of two
 * travellers, or asks you. Options: {@code --interactive}, {@code --model FOLDER_OR_ID}.
 */
public final class AgentSample {

    /** The AI service. */
    interface TravelDesk {
        @SystemMessage("You are a travel assistant. Use the tools when you need facts.")
        String chat(@MemoryId String traveller, @UserMessage String text);
    }

    private record Line(String traveller, String text) {}

    private static final List<Line> SCRIPT = List.of(
            new Line("ann", "Hello!"),
            new Line("ann", "Book 2 seats on the first train from Lisbon to Porto and tell me the weather there."),
            new Line("bob", "Compare the weather in Oslo and Rome."),
            new Line("ann", "And in Madrid?"),
            new Line("bob", "How much is 250 USD in EUR?"),
            new Line("ann", "Thanks!"));

    private AgentSample() {}

    /** Runs the conversation. */
    public static void main(String[] args) {
        Options options = Options.of(args);
        try (MlxModel mlx = options.loadModel()) {
            TravelDesk desk = AiServices.builder(TravelDesk.class)
                    .chatModel(MlxChatModel.builder()
                            .model(mlx)
                            .temperature(0.0)
                            .listeners(new RoundPrinter(System.out))
                            .build())
                    .tools(new TravelTools())
                    .chatMemoryProvider(id -> MessageWindowChatMemory.withMaxMessages(60))
                    .build();
            System.out.println("MLX inside the JVM: " + mlx.name() + ", context " + mlx.contextLength() + " tokens\n");
            if (options.has("interactive")) {
                interactive(desk);
            } else {
                SCRIPT.forEach(line -> say(desk, line));
            }
        }
    }

    private static void say(TravelDesk desk, Line line) {
        System.out.println(line.traveller() + "> " + line.text());
        System.out.println("desk> " + desk.chat(line.traveller(), line.text()) + "\n");
    }

    private static void interactive(TravelDesk desk) {
        System.out.println("Ask about weather, trains, bookings and money; an empty line ends.");
        Scanner lines = new Scanner(System.in);
        System.out.print("you> ");
        while (lines.hasNextLine()) {
            String text = lines.nextLine();
            if (text.isBlank()) {
                return;
            }
            System.out.print("desk> " + desk.chat("you", text) + "\n\nyou> ");
        }
    }
}
