package dev.langchain4j.model.mlx.samples.bench;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.mlx.MlxChatModel;
import dev.langchain4j.model.mlx.MlxChatRequestParameters;
import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.model.mlx.MlxTokenUsage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;

/**
 * The host's share of an agent's warm rounds: what a request takes besides its forward passes, through the chat model.
 * The model is very small and its answers have one token; what the conversation says is given, as from a memory that
 * was stored.
 */
final class RoundsSection implements Bench.Section {
    private static final String EVENTS = "dev.langchain4j.mlx.";
    private static final String PROMPT = "Prompt";
    private static final String LOOKUP = "CacheLookup";
    private static final String PREFILL = "Prefill";
    private static final String DECODE = "Decode";

    /** As many times as many rounds as are measured come before them, for the JVM to compile what they run. */
    private static final int WARM_UP = 5;

    /** Conversations that end with so many messages, with so many rounds each. */
    private record Work(int messages, int rounds, int conversations) {}

    /** A round; milliseconds, {@code processor} those of the processor on the caller's thread. */
    private record Round(int tokens, int cached, double wall, double processor, Map<String, Double> events) {
        double passes() {
            return events.get(PREFILL) + events.get(DECODE);
        }

        double host() {
            return wall - passes();
        }

        Double of(String event) {
            return events.get(event);
        }

        double rest() {
            return host() - events.getOrDefault(PROMPT, 0.0) - events.get(LOOKUP);
        }
    }

    @Override
    public void run(Bench bench) throws Exception {
        Path tokenizer = bench.path("tokenizer", bench.demo());
        Path folder = Files.createTempDirectory("rounds");
        try {
            RandomModel.make(folder, tokenizer);
            bench.report()
                    .table(
                            "rounds",
                            "Host time of a warm round of an agent with 20 tools, ms",
                            "messages",
                            "tokens",
                            "cached",
                            "host",
                            "prompt: template and tokens",
                            "cache lookup",
                            "all else",
                            "processor time of the caller",
                            "forward passes");
            try (MlxModel model = MlxModel.load(folder)) {
                MlxChatModel chat = MlxChatModel.builder()
                        .model(model)
                        .temperature(0.0)
                        .maxOutputTokens(1)
                        .build();
                for (Work work : works(bench)) {
                    row(bench, chat, work);
                }
            }
            bench.report().end();
        } finally {
            delete(folder);
        }
    }

    private static List<Work> works(Bench bench) {
        int rounds = (WARM_UP + 1) * bench.rounds(24);
        return bench.smoke()
                ? List.of(new Work(12, 3, 1))
                : List.of(new Work(16, 6, Math.ceilDiv(rounds, 6)), new Work(400, 48, Math.ceilDiv(rounds, 48)));
    }

    private static void row(Bench bench, MlxChatModel chat, Work work) throws IOException {
        List<Round> all = new ArrayList<>();
        for (int i = 0; i < work.conversations; i++) {
            all.addAll(rounds(chat, work, i));
        }
        List<Round> rounds = all.subList(all.size() - Math.ceilDiv(all.size(), WARM_UP + 1), all.size());
        Round last = rounds.getLast();
        bench.report()
                .row(
                        work.messages,
                        last.tokens,
                        last.cached,
                        spread(rounds, Round::host),
                        last.of(PROMPT) == null ? null : spread(rounds, round -> round.of(PROMPT)),
                        spread(rounds, round -> round.of(LOOKUP)),
                        spread(rounds, Round::rest),
                        spread(rounds, Round::processor),
                        spread(rounds, Round::passes));
    }

    private static Spread spread(List<Round> rounds, ToDoubleFunction<Round> of) {
        return Spread.of(rounds.stream().mapToDouble(of).toArray());
    }

    /** The rounds of a conversation that ends with so many messages; the one before them is not measured. */
    private static List<Round> rounds(MlxChatModel chat, Work work, int conversation) throws IOException {
        List<ToolSpecification> tools = SupportDesk.tools();
        List<ChatMessage> all = SupportDesk.messages(work.messages, conversation);
        List<Integer> lengths = new ArrayList<>();
        for (int length = work.messages; lengths.size() <= work.rounds; length--) {
            ChatMessage last = all.get(length - 1);
            if (last instanceof UserMessage || last instanceof ToolExecutionResultMessage) {
                lengths.addFirst(length);
            }
        }
        MlxChatRequestParameters parameters = MlxChatRequestParameters.builder()
                .memoryId(work.messages + " messages, conversation " + conversation)
                .toolSpecifications(tools)
                .build();
        chat.chat(request(all, lengths.removeFirst(), parameters));
        List<MlxTokenUsage> usages = new ArrayList<>();
        List<Double> walls = new ArrayList<>();
        List<Double> processor = new ArrayList<>();
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        Path file = Files.createTempFile("rounds", ".jfr");
        try (Recording recording = new Recording()) {
            for (String event : List.of(PROMPT, LOOKUP, PREFILL, DECODE)) {
                recording.enable(EVENTS + event).withoutThreshold().withoutStackTrace();
            }
            recording.start();
            for (int length : lengths) {
                ChatRequest request = request(all, length, parameters);
                long busy = threads.getCurrentThreadCpuTime();
                long begun = System.nanoTime();
                usages.add((MlxTokenUsage) chat.chat(request).tokenUsage());
                walls.add((System.nanoTime() - begun) / 1e6);
                processor.add((threads.getCurrentThreadCpuTime() - busy) / 1e6);
            }
            recording.stop();
            recording.dump(file);
            List<Round> rounds = new ArrayList<>();
            Map<String, List<Double>> events = events(file);
            for (int i = 0; i < walls.size(); i++) {
                int round = i;
                Map<String, Double> own = new LinkedHashMap<>();
                events.forEach((name, durations) -> own.put(name, durations.get(round)));
                rounds.add(new Round(
                        usages.get(i).inputTokenCount(),
                        usages.get(i).cachedTokens(),
                        walls.get(i),
                        processor.get(i),
                        own));
            }
            return rounds;
        } finally {
            Files.delete(file);
        }
    }

    private static ChatRequest request(List<ChatMessage> all, int length, MlxChatRequestParameters parameters) {
        return ChatRequest.builder()
                .messages(all.subList(0, length))
                .parameters(parameters)
                .build();
    }

    /** Milliseconds by event, in the order of the rounds; of the decode its first token only. */
    private static Map<String, List<Double>> events(Path file) throws IOException {
        Map<String, List<Double>> events = new LinkedHashMap<>();
        long caller = Thread.currentThread().threadId();
        RecordingFile.readAllEvents(file).stream()
                .filter(event -> event.getEventType().getName().startsWith(EVENTS))
                // What is computed ahead writes prompts, too, on a thread of its own.
                .filter(event -> !event.getEventType().getName().equals(EVENTS + PROMPT)
                        || event.getThread().getJavaThreadId() == caller)
                .sorted(Comparator.comparing(RecordedEvent::getStartTime))
                .forEach(event -> {
                    String name = event.getEventType().getName().substring(EVENTS.length());
                    events.computeIfAbsent(name, n -> new ArrayList<>())
                            .add((name.equals(DECODE) ? event.getDuration("firstToken") : event.getDuration()).toNanos()
                                    / 1e6);
                });
        return events;
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            files.forEach(file -> {
                try {
                    Files.delete(file);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }
        Files.delete(folder);
    }
}
