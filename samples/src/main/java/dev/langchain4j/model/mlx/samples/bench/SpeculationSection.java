package dev.langchain4j.model.mlx.samples.bench;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.MlxChatModel;
import dev.langchain4j.model.mlx.MlxChatRequestParameters;
import dev.langchain4j.model.mlx.MlxChatResponseMetadata;
import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.model.mlx.MlxTokenUsage;
import dev.langchain4j.model.mlx.Speculation;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.draft.DraftCounts;
import dev.langchain4j.model.mlx.draft.DraftKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What drafted tokens gain: the same requests to a model that drafts and to one that does not, which take turns. The
 * answers are the model's own, but for the file that an agent edits: what it writes is given, and the model computes
 * all of it.
 */
final class SpeculationSection implements Bench.Section {
    private static final String GIVEN = "edit";

    /** What the answers to the same requests took, and how many tokens they have. */
    private record Side(double seconds, int tokens, Map<DraftKind, DraftCounts> drafts) {
        double perToken() {
            return 1000 * seconds / tokens;
        }

        /** Accepted of drafted tokens, by kind. */
        String accepted() {
            return drafts.entrySet().stream()
                    .map(e -> e.getKey().name().toLowerCase(Locale.ROOT) + " "
                            + e.getValue().accepted() + " of " + e.getValue().drafted())
                    .collect(Collectors.joining(", "));
        }
    }

    private record Work(String name, List<ChatRequest> requests) {}

    @Override
    public void run(Bench bench) throws Exception {
        bench.report()
                .table(
                        "speculation-table",
                        "Answers without drafts and with them, ms a token",
                        "work",
                        "model",
                        "tokens",
                        "without",
                        "with",
                        "times faster",
                        "accepted drafts");
        List<Map<String, Object>> lines = new ArrayList<>();
        for (Path folder : models(bench)) {
            try (MlxModel plain = load(bench, folder, Speculation.OFF);
                    MlxModel drafting = load(bench, folder, Speculation.AUTO)) {
                for (Work work : works(bench)) {
                    if (!wanted(bench, work.name)) {
                        continue;
                    }
                    MlxChatModel without = chat(plain);
                    MlxChatModel with = chat(drafting);
                    lines.add(row(
                            bench, work.name, folder, rounds(bench), on -> ask(on ? with : without, work.requests)));
                }
            }
            if (wanted(bench, GIVEN)) {
                try (GivenAnswers given = new GivenAnswers(folder, file(bench))) {
                    lines.add(row(bench, GIVEN, folder, rounds(bench), on -> given(given.answer(on))));
                }
            }
        }
        bench.report().end();
        lines.forEach(bench.report()::json);
        if (wanted(bench, DraftModelRow.WORK)) {
            DraftModelRow.run(bench);
        }
    }

    /** Whether the option {@code --works} names it, or nothing. */
    private static boolean wanted(Bench bench, String work) {
        return bench.names("works").isEmpty() || bench.names("works").contains(work);
    }

    private static List<Path> models(Bench bench) {
        List<Path> models = new ArrayList<>(bench.models("small-qwen3-fp32"));
        if (bench.path("real", null) != null) {
            models.add(bench.path("real", null));
        }
        return models;
    }

    private static int rounds(Bench bench) {
        return bench.rounds(5);
    }

    /** Where the chat template has no tools, with the demo model's. */
    private static MlxModel load(Bench bench, Path folder, Speculation speculation) throws IOException {
        MlxModel.Builder builder = MlxModel.builder().modelPath(folder).speculation(speculation);
        for (String name : List.of("chat_template.jinja", "tokenizer_config.json")) {
            Path file = folder.resolve(name);
            if (Files.exists(file) && Files.readString(file).contains("tools")) {
                return builder.build();
            }
        }
        return builder.chatTemplate(Files.readString(bench.demo().resolve("chat_template.jinja")))
                .build();
    }

    /** Each request is a conversation of its own, so that no round knows the answers of the one before. */
    private static MlxChatModel chat(MlxModel model) {
        return MlxChatModel.builder()
                .model(model)
                .temperature(0.0)
                .isolation(Isolation.PER_MEMORY_ID)
                .build();
    }

    /** One side's turn. */
    @FunctionalInterface
    private interface Turn {
        Side take(boolean drafting);
    }

    private static Map<String, Object> row(Bench bench, String work, Path folder, int rounds, Turn turn) {
        double[] without = new double[rounds];
        double[] with = new double[rounds];
        Side last = null;
        for (int i = rounds == 1 ? 0 : -2; i < rounds; i++) {
            Side plain = turn.take(false);
            last = turn.take(true);
            if (i >= 0) {
                without[i] = plain.perToken();
                with[i] = last.perToken();
            }
        }
        Spread slow = Spread.of(without);
        Spread fast = Spread.of(with);
        double ratio = slow.median() / fast.median();
        String name = folder.getFileName().toString();
        bench.report().row(work, name, last.tokens, slow, fast, ratio, last.accepted());
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("section", "speculation");
        line.put("work", work);
        line.put("model", name);
        line.put("ratio", ratio);
        return line;
    }

    private static Side ask(MlxChatModel chat, List<ChatRequest> requests) {
        double seconds = 0;
        int tokens = 0;
        Map<DraftKind, DraftCounts> drafts = Map.of();
        for (ChatRequest request : requests) {
            ChatResponse response = chat.chat(request);
            MlxChatResponseMetadata metadata = (MlxChatResponseMetadata) response.metadata();
            MlxTokenUsage usage = (MlxTokenUsage) response.tokenUsage();
            seconds += metadata.running().minus(metadata.timeToFirstToken()).toNanos() / 1e9;
            tokens += usage.outputTokenCount() - 1;
            drafts = DraftCounts.sum(drafts, usage.drafts());
        }
        return new Side(seconds, Math.max(1, tokens), drafts);
    }

    private static Side given(GivenAnswers.Answer answer) {
        return new Side(answer.seconds(), answer.tokens(), answer.drafts());
    }

    // ---- the work -------------------------------------------------------------------------------------------------

    private static List<Work> works(Bench bench) {
        int requests = bench.smoke() ? 1 : 4;
        int tokens = bench.smoke() ? 16 : 64;
        return List.of(
                new Work("calls", calls(requests, tokens)),
                new Work("schema", forms(requests, tokens)),
                new Work("chat", questions(requests, tokens)));
    }

    private static List<ChatRequest> calls(int count, int tokens) {
        List<ChatRequest> requests = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            // ends with a user's question; earlier turns have calls and their results
            requests.add(request(
                    SupportDesk.messages(2 + 4 * (i % 3), i),
                    MlxChatRequestParameters.builder()
                            .toolSpecifications(SupportDesk.tools())
                            .toolChoice(ToolChoice.REQUIRED)
                            .maxOutputTokens(tokens)
                            .build()));
        }
        return requests;
    }

    private static List<ChatRequest> forms(int count, int tokens) {
        JsonObjectSchema parcel = JsonObjectSchema.builder()
                .addStringProperty("trackingNumber")
                .addStringProperty("carrierName")
                .addIntegerProperty("weightInGrams")
                .addBooleanProperty("signatureRequired")
                .required("trackingNumber", "carrierName", "weightInGrams", "signatureRequired")
                .build();
        JsonObjectSchema order = JsonObjectSchema.builder()
                .addIntegerProperty("orderNumber")
                .addEnumProperty("deliveryStatus", List.of("open", "paid", "sent"))
                .addProperty("firstParcel", parcel)
                .addProperty("secondParcel", parcel)
                .required("orderNumber", "deliveryStatus", "firstParcel", "secondParcel")
                .build();
        ResponseFormat format = ResponseFormat.builder()
                .type(ResponseFormatType.JSON)
                .jsonSchema(
                        JsonSchema.builder().name("order").rootElement(order).build())
                .build();
        List<ChatRequest> requests = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            requests.add(request(
                    List.of(UserMessage.from("Order " + (4711 + i) + " was sent in two parcels, N" + 31 * (4711 + i)
                            + " with north, 800 g, and P" + 17 * (4711 + i) + " with post, 1200 g, to be signed for.")),
                    MlxChatRequestParameters.builder()
                            .responseFormat(format)
                            .maxOutputTokens(tokens)
                            .build()));
        }
        return requests;
    }

    private static List<ChatRequest> questions(int count, int tokens) {
        List<String> asked = List.of(
                "What should I see in Lisbon in one day?",
                "Explain why the sky is blue to a child.",
                "Write a short letter that cancels a newspaper.",
                "What is the difference between a list and a set?",
                "Tell me a story about a lighthouse.",
                "How do I boil an egg?");
        List<ChatRequest> requests = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            requests.add(request(
                    List.of(
                            SystemMessage.from("You are a helpful assistant."),
                            UserMessage.from(asked.get(i % asked.size()))),
                    MlxChatRequestParameters.builder().maxOutputTokens(tokens).build()));
        }
        return requests;
    }

    private static ChatRequest request(List<ChatMessage> messages, MlxChatRequestParameters parameters) {
        return ChatRequest.builder().messages(messages).parameters(parameters).build();
    }

    /** A file of this repository, of a size that an agent reads and writes. */
    private static String file(Bench bench) throws IOException {
        List<String> lines = Files.readAllLines(bench.demo().resolveSibling("toolbox.py"));
        return String.join("\n", lines.subList(0, Math.min(lines.size(), bench.smoke() ? 10 : 30)));
    }
}
