package dev.langchain4j.model.mlx;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.draft.DraftKind;
import dev.langchain4j.model.mlx.generate.AllDrafts;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** A rank of {@link ClusterTest}: {@code main(rank, hostfile, mode, folder)}, with the folder of an adapter or none. */
final class ClusterChat {
    private static final int LONG_PROMPT_WORDS = 700;

    private ClusterChat() {}

    public static void main(String[] args) throws Exception {
        MlxCluster cluster = MlxCluster.builder()
                .rank(Integer.parseInt(args[0]))
                .hostfile(Path.of(args[1]))
                .timeout(Duration.ofSeconds(args[2].equals("chat") ? 60 : 5))
                .startTimeout(Duration.ofSeconds(90))
                .build();
        MlxModel.Builder builder = MlxModel.builder()
                .modelPath(Path.of(args[3]))
                .adapter(args.length > 4 ? Path.of(args[4]) : null)
                .maxConcurrent(4)
                .prefillChunkTokens(64)
                .draftModel(args[2].equals("chat") ? Path.of(args[3]) : null)
                .distributed(cluster);
        try {
            if (cluster.rank() > 0) {
                builder.serve();
                System.out.println("served");
                return;
            }
            try (MlxModel mlx = builder.build()) {
                playAndAskAgain(args[2], mlx);
            }
            if (args[2].equals("reopen")) {
                openAgain(builder, Path.of(args[3]));
            }
        } catch (Throwable e) {
            System.out.println("FAILED " + describe(e));
        }
        System.out.println("end");
    }

    private static void openAgain(MlxModel.Builder builder, Path model) throws Exception {
        List<String> alone;
        try (MlxModel mlx = MlxModel.builder().modelPath(model).build()) {
            alone = answers(mlx, 1);
        }
        System.out.println("opening again");
        try (MlxModel mlx = builder.build()) {
            System.out.println("as alone: " + answers(mlx, 1).equals(alone));
        }
    }

    private static void playAndAskAgain(String mode, MlxModel mlx) {
        try {
            play(mode, mlx);
        } catch (Throwable e) {
            System.out.println("FAILED " + describe(e));
            try {
                answers(mlx, 1);
            } catch (Throwable again) {
                System.out.println("AGAIN " + describe(again.getCause()));
            }
        }
    }

    private static String describe(Throwable e) {
        return e.getClass().getSimpleName() + " " + e.getMessage();
    }

    private static void play(String mode, MlxModel mlx) throws Exception {
        System.out.println("loaded");
        switch (mode) {
            case "decode", "reopen" -> askForEver(mlx, "%d Tell me about trains.", 400);
            case "prefill" -> askForEver(mlx, "%d " + "word ".repeat(LONG_PROMPT_WORDS), 1);
            case "restore" -> askForEver(mlx, "word ".repeat(LONG_PROMPT_WORDS) + "%d", 1);
            case "idle" -> {
                System.out.println(answers(mlx, 1));
                Thread.sleep(3000);
                System.out.println("asking");
                answers(mlx, 1);
            }
            default -> {
                SimpleMeterRegistry registry = new SimpleMeterRegistry();
                new MlxMetrics(mlx).bindTo(registry);
                answers(mlx, 2).forEach(System.out::println);
                for (String name : List.of("ranks", "ranks.exchanged", "ranks.wait.time")) {
                    registry.get("langchain4j.mlx." + name)
                            .meter()
                            .measure()
                            .forEach(measured -> System.out.println(
                                    "meter " + name + " " + measured.getStatistic() + " " + measured.getValue()));
                }
            }
        }
    }

    private static void askForEver(MlxModel mlx, String text, int tokens) {
        ChatModel chat = MlxChatModel.builder()
                .model(mlx)
                .temperature(1.0)
                .maxOutputTokens(tokens)
                .build();
        for (int i = 0; i < 100_000; i++) {
            chat.chat(text.formatted(i));
            if (i == 0) {
                System.out.println("asking");
            }
        }
    }

    /** What the demo model says to some conversations, of which several go on at once. */
    static List<String> answers(MlxModel mlx, int rounds) throws Exception {
        ChatModel chat = MlxChatModel.builder().model(mlx).maxOutputTokens(40).build();
        List<String> questions = List.of("Hello!", "What is the weather in Oslo?", "Who are you?", "Book a train.");
        List<String> answers = new ArrayList<>();
        try (ExecutorService callers = Executors.newFixedThreadPool(4)) {
            for (int round = 0; round < rounds; round++) {
                for (double temperature : new double[] {0, 0.8}) {
                    List<Future<String>> all = new ArrayList<>();
                    for (String question : questions) {
                        all.add(callers.submit(() -> ask(chat, question, temperature)));
                    }
                    for (Future<String> one : all) {
                        answers.add(one.get());
                    }
                }
            }
        }
        answers.add(drafted(mlx));
        return answers;
    }

    /**
     * A tool call, of which the grammar forces most tokens, and an answer: they are drafted, and all ranks verify them.
     */
    private static String drafted(MlxModel mlx) {
        AllDrafts.of(mlx.engine());
        ToolSpecification weather = ToolSpecification.builder()
                .name("get_weather")
                .description("The weather in a city")
                .parameters(JsonObjectSchema.builder()
                        .addEnumProperty("city", List.of("Oslo", "Rome"))
                        .addEnumProperty("unit", List.of("celsius", "fahrenheit"))
                        .required("city", "unit")
                        .build())
                .build();
        MlxChatModel chat = MlxChatModel.builder()
                .model(mlx)
                .temperature(0.0)
                .maxOutputTokens(40)
                .build();
        UserMessage question = UserMessage.from("How warm is it in Oslo?");
        ChatResponse call = chat.chat(ChatRequest.builder()
                .messages(question)
                .toolSpecifications(weather)
                .toolChoice(ToolChoice.REQUIRED)
                .build());
        ChatResponse text = chat.chat(question);
        Set<DraftKind> kinds = new TreeSet<>();
        for (ChatResponse response : List.of(call, text)) {
            ((MlxTokenUsage) response.tokenUsage())
                    .drafts()
                    .forEach((kind, counts) -> kinds.addAll(counts.accepted() > 0 ? Set.of(kind) : Set.of()));
        }
        String arguments = call.aiMessage().toolExecutionRequests().getFirst().arguments();
        return line(arguments, text) + " drafted " + kinds;
    }

    private static String line(String before, ChatResponse response) {
        return "answer " + before + " " + response.aiMessage().text().replace('\n', ' ');
    }

    private static String ask(ChatModel chat, String question, double temperature) {
        ChatResponse response = chat.chat(ChatRequest.builder()
                .messages(UserMessage.from(question))
                .parameters(MlxChatRequestParameters.builder()
                        .temperature(temperature)
                        .seed(7L)
                        .build())
                .build());
        return line(question, response);
    }
}
