package dev.langchain4j.model.mlx.samples;

import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.memory.chat.MessageWindowChatMemory;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.mlx.MlxChatModel;
import dev.langchain4j.model.mlx.MlxCluster;
import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.model.mlx.cache.CacheLimits;
import dev.langchain4j.service.AiServices;
import dev.langchain4j.service.MemoryId;
import dev.langchain4j.service.SystemMessage;
import dev.langchain4j.service.UserMessage;
import java.io.IOException;
import java.time.Duration;
import java.util.List;

/**
 * A LangChain4j AI service with tools and memory over a model inside this JVM. Plays a scripted conversation of two
 * travellers.
 */
public final class AgentSample {

    /** What all conversations of the service begin with, before its tools. */
    public static final String SYSTEM = "You are a travel assistant. Use the tools when you need facts.";

    /** The AI service. */
    interface TravelDesk {
        @SystemMessage(SYSTEM)
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

    private static final int ROUNDS = 20;
    /** Until Java has compiled what both runs need. */
    private static final int WARM_UP_ROUNDS = 6;

    private static final List<String> CITIES =
            List.of("Oslo", "Rome", "Madrid", "Lisbon", "Porto", "Vienna", "Prague", "Athens", "Berlin", "Paris");

    private AgentSample() {}

    /** Runs the conversation, or what the options say. */
    public static void main(String[] args) throws IOException {
        Options options = Options.of(
                "agent",
                "An AI service with tools and memory, over a model inside this JVM.",
                args,
                Options.withModel(
                        Options.toggle("interactive", "you ask"),
                        Options.number("loop", ROUNDS, "compares N rounds with and without the prompt cache"),
                        Options.number("ranks", 2, "splits the model over N JVMs of this machine")));
        try {
            run(options, args);
        } catch (UnsupportedFeatureException e) {
            System.err.println("this model cannot use tools, which this sample needs: " + e.getMessage());
            System.exit(1);
        }
    }

    private static void run(Options options, String[] args) throws IOException {
        if (LocalRanks.serves(options.modelBuilder())) {
            return;
        }
        if (options.has("loop")) {
            loop(options);
        } else if (options.has("ranks")) {
            try (LocalRanks ranks = LocalRanks.start(options.number("ranks", 2), AgentSample.class, args)) {
                talk(options, options.modelBuilder(), ranks.cluster());
            }
        } else {
            talk(options, options.modelBuilder(), LocalRanks.isStarted() ? MlxCluster.fromEnvironment() : null);
        }
    }

    /** @param cluster the ranks that take part; null if this process has all of the model */
    private static void talk(Options options, MlxModel.Builder settings, MlxCluster cluster) throws IOException {
        try (MlxModel mlx = settings.distributed(cluster).build()) {
            String ranks = cluster == null ? "" : cluster.size() + " ranks, ";
            System.out.println("MLX inside the JVM: " + mlx.name() + ", " + ranks + "context " + mlx.contextLength()
                    + " tokens\n");
            if (options.has("interactive")) {
                try (AgentConsole console = new AgentConsole()) {
                    TravelDesk desk = desk(mlx, new RoundPrinter(console::quiet));
                    console.talk(question -> desk.chat("you", question));
                }
            } else {
                TravelDesk desk = desk(mlx, new RoundPrinter(System.out::println));
                SCRIPT.forEach(line -> say(desk, line));
            }
        }
    }

    private static TravelDesk desk(MlxModel mlx, ChatModelListener listener) {
        return AiServices.builder(TravelDesk.class)
                .chatModel(MlxChatModel.builder()
                        .model(mlx)
                        .temperature(0.0)
                        .listeners(listener)
                        .build())
                .tools(new TravelTools())
                .chatMemoryProvider(id -> MessageWindowChatMemory.withMaxMessages(60))
                .build();
    }

    private static void say(TravelDesk desk, Line line) {
        System.out.println(line.traveller() + "> " + line.text());
        System.out.println("desk> " + desk.chat(line.traveller(), line.text()) + "\n");
    }

    /** The same questions twice: to a model that computes each prompt from its beginning, and to one with its cache. */
    private static void loop(Options options) {
        LoopChart cold = new LoopChart();
        LoopChart cached = new LoopChart();
        int rounds = options.number("loop", ROUNDS);
        MlxModel.Builder settings = options.modelBuilder();
        try (MlxModel mlx = settings.build()) {
            settings.cacheLimits(new CacheLimits(0, 0, Duration.ZERO, 1));
            try (MlxModel uncached = settings.build()) {
                LoopChart warmUp = new LoopChart();
                askAll(desk(uncached, warmUp), warmUp, WARM_UP_ROUNDS);
                askAll(desk(uncached, cold), cold, rounds);
            }
            askAll(desk(mlx, cached), cached, rounds);
        }
        LoopChart.draw(cold, cached, System.out);
    }

    private static void askAll(TravelDesk desk, LoopChart chart, int rounds) {
        for (int i = 0; chart.rounds() < rounds; i++) {
            desk.chat("ann", "What is the weather in " + CITIES.get(i % CITIES.size()) + "?");
        }
    }
}
