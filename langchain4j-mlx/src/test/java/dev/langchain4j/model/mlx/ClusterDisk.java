package dev.langchain4j.model.mlx;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import dev.langchain4j.model.mlx.cache.disk.DiskStats;
import dev.langchain4j.model.mlx.cache.disk.Keys;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * A rank of {@link ClusterDiskTest}: {@code main(rank, hostfile, mode, pipeline, model, cache)}. What it asks it says,
 * and what of it was restored from disk.
 */
final class ClusterDisk {
    private static final int PREFIXES = 3;
    /** Of a prefix; so few that a conversation whose record goes on from within one is worth reading. */
    private static final int WORDS = 150;

    private static final String SYSTEM = "You are a travel assistant, who knows all trains and the weather.";

    private ClusterDisk() {}

    public static void main(String[] args) throws Exception {
        MlxCluster cluster = MlxCluster.builder()
                .rank(Integer.parseInt(args[0]))
                .hostfile(Path.of(args[1]))
                .pipeline(Boolean.parseBoolean(args[3]))
                .timeout(Duration.ofSeconds(5))
                .startTimeout(Duration.ofSeconds(90))
                .build();
        MlxModel.Builder builder = MlxModel.builder()
                .modelPath(Path.of(args[4]))
                .prefillChunkTokens(64)
                .distributed(cluster);
        String mode = args[2];
        Path folder = Path.of(args[5]);
        if (mode.equals("shipped")) {
            builder.sharedPrefixes(folder);
        } else {
            builder.diskCache(folder, DiskLimits.ofBytes(1 << 28).idleBeforeWrite(Duration.ofHours(1)));
        }
        if (mode.equals("encrypted") || mode.equals("without a key")) {
            builder.diskKeys(id -> mode.equals("without a key") && "ann".equals(id) ? null : Keys.of("key of " + id));
        }
        try {
            if (cluster.rank() > 0) {
                builder.serve();
                System.out.println("served");
                return;
            }
            boolean lost = false;
            try (MlxModel mlx = builder.build()) {
                lost = play(mode, mlx);
            }
            if (lost) {
                System.out.println("opening again");
                try (MlxModel mlx = builder.build()) {
                    System.out.println("kept " + prefix(mlx, 0, WORDS));
                    play("ask", mlx);
                }
            }
        } catch (Throwable e) {
            System.out.println("ENDED " + e.getClass().getSimpleName() + " " + e.getMessage());
        }
        System.out.println("end");
    }

    /** Whether the ranks were lost. */
    private static boolean play(String mode, MlxModel mlx) throws Exception {
        try {
            switch (mode) {
                case "write" -> {
                    for (int i = 0; i < 100_000; i++) {
                        prefix(mlx, i, WORDS);
                        System.out.println(
                                "wrote " + mlx.promptCache().diskStats().records());
                    }
                }
                case "restore" -> {
                    for (int i = 0; i < 100_000; i++) {
                        onDiskOnly(mlx);
                        int restored = prefix(mlx, i % PREFIXES, WORDS);
                        System.out.println(restored > 0 ? "restored " + restored : "nothing");
                    }
                }
                case "cost" -> {
                    cost(mlx);
                    cost(mlx);
                }
                case "warm" -> System.out.println("warmed " + mlx.warm(SYSTEM, List.of()));
                default -> {
                    answers(mlx, true).forEach(System.out::println);
                    if (mode.equals("evict")) {
                        mlx.promptCache().evictIf(id -> id.equals("ann")).join();
                    }
                    DiskStats stats = mode.equals("shipped")
                            ? mlx.promptCache().sharedPrefixStats()
                            : mlx.promptCache().diskStats();
                    System.out.println("disk " + stats.on() + " misses " + stats.misses());
                }
            }
            return false;
        } catch (RuntimeException e) {
            System.out.println("FAILED " + e.getClass().getSimpleName() + " " + e.getMessage());
            return true;
        }
    }

    /** Of a prompt, and of what is written of it. */
    private static void cost(MlxModel mlx) throws InterruptedException {
        long bytes = mlx.rankStats().exchangedBytes();
        long begun = System.nanoTime();
        int restored = prefix(mlx, 0, 300);
        long nanos = System.nanoTime() - begun;
        onDiskOnly(mlx);
        System.out.printf(
                "cost of %d restored: %d bytes exchanged, %d ms%n",
                restored, mlx.rankStats().exchangedBytes() - bytes, nanos / 1_000_000);
    }

    /** A prompt with a long system message, which is written at once; how much of it was restored. */
    private static int prefix(MlxModel mlx, int number, int words) {
        SystemMessage system = SystemMessage.from((number + " word").repeat(words));
        return metadata(ask(mlx, null, 1, system, UserMessage.from("Hello!"))).restoredTokens();
    }

    /** What the demo model says to two users with a system message in common, who both go on. */
    static List<String> answers(MlxModel mlx, boolean fromDisk) throws InterruptedException {
        List<String> lines = new ArrayList<>();
        for (String id : List.of("ann", "bob")) {
            List<ChatMessage> messages = new ArrayList<>();
            messages.add(SystemMessage.from(SYSTEM));
            for (String question : List.of("I am " + id + ". What is the weather in Oslo?", "Book a train to Rome.")) {
                messages.add(UserMessage.from(question));
                if (fromDisk) {
                    onDiskOnly(mlx);
                }
                ChatResponse response = ask(mlx, id, 30, messages.toArray(ChatMessage[]::new));
                messages.add(response.aiMessage());
                lines.add("answer " + id + " " + response.aiMessage().text().replace('\n', ' '));
                if (fromDisk) {
                    lines.add("of " + id + " restored " + metadata(response).restoredTokens());
                }
            }
        }
        return lines;
    }

    /** Nothing stays in memory, and what is on its way to disk arrives there. */
    private static void onDiskOnly(MlxModel mlx) throws InterruptedException {
        mlx.promptCache().trimTo(0).join();
        while (mlx.promptCache().diskStats().bytesQueued() > 0) {
            Thread.sleep(5);
        }
    }

    private static MlxChatResponseMetadata metadata(ChatResponse response) {
        return (MlxChatResponseMetadata) response.metadata();
    }

    private static ChatResponse ask(MlxModel mlx, String id, int tokens, ChatMessage... messages) {
        return MlxChatModel.builder()
                .model(mlx)
                .build()
                .chat(ChatRequest.builder()
                        .messages(messages)
                        .parameters(MlxChatRequestParameters.builder()
                                .memoryId(id)
                                .temperature(0.8)
                                .seed(7L)
                                .maxOutputTokens(tokens)
                                .build())
                        .build());
    }
}
