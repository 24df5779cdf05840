package dev.langchain4j.model.mlx.samples.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.MlxChatModel;
import dev.langchain4j.model.mlx.MlxChatResponseMetadata;
import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.model.mlx.MlxTokenUsage;
import dev.langchain4j.model.mlx.Speculation;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.draft.DraftCounts;
import dev.langchain4j.model.mlx.draft.DraftKind;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a draft model gains: the same questions to a model without and with one, and to mlx-lm with the same two models,
 * which take turns. {@code --pair FOLDER,FOLDER} names a model and its draft model.
 */
final class DraftModelRow {
    static final String WORK = "draft model";

    /** As many tokens as {@code mlx_lm.generate} drafts if it is not told otherwise. */
    private static final int THEIR_DRAFTS = 3;

    private static final List<String> QUESTIONS = List.of(
            "What should I see in Lisbon in one day?", "How do I boil an egg?", "Tell me a story about a lighthouse.");

    private DraftModelRow() {}

    static void run(Bench bench) {
        List<Path> pair = pair(bench);
        int tokens = bench.smoke() ? 16 : 128;
        int rounds = bench.rounds(7);
        Side[] sides = {new Side(rounds), new Side(rounds), new Side(rounds), new Side(rounds)};
        DraftCounts ours = new DraftCounts(0, 0);
        int accepted = 0;
        try (MlxModel plain = load(pair, Speculation.OFF);
                MlxModel drafting = load(pair, Speculation.AUTO)) {
            for (int i = rounds == 1 ? 0 : -2; i < rounds; i++) {
                String question = QUESTIONS.get(Math.floorMod(i, QUESTIONS.size()));
                sides[0].take(i, perToken(chat(plain, question, tokens)));
                ChatResponse response = chat(drafting, question, tokens);
                sides[1].take(i, perToken(response));
                ours = ours.plus(((MlxTokenUsage) response.tokenUsage())
                        .drafts()
                        .getOrDefault(DraftKind.DRAFT_MODEL, new DraftCounts(0, 0)));
                bench.pause();
                if (bench.reference() != null) {
                    sides[2].take(
                            i,
                            1000
                                    * theirs(bench, pair, question, tokens, 0)
                                            .path("seconds")
                                            .asDouble());
                    JsonNode answer = theirs(bench, pair, question, tokens, THEIR_DRAFTS);
                    sides[3].take(i, 1000 * answer.path("seconds").asDouble());
                    accepted += answer.path("accepted").asInt();
                    bench.pause();
                }
            }
        }
        report(bench, pair, sides, ours.accepted() + " of " + ours.drafted(), accepted);
    }

    /** The demo model drafts for itself where only a look is wanted. */
    private static List<Path> pair(Bench bench) {
        if (!bench.names("pair").isEmpty()) {
            return bench.names("pair").stream().map(Path::of).toList();
        }
        Path models = bench.folder().resolve("models");
        return bench.smoke()
                ? List.of(bench.demo(), bench.demo())
                : List.of(models.resolve("pair-qwen3-fp32"), models.resolve("draft-qwen3-fp32"));
    }

    private static MlxModel load(List<Path> pair, Speculation speculation) {
        return MlxModel.builder()
                .modelPath(pair.getFirst())
                .draftModel(pair.getLast())
                .speculation(speculation)
                .build();
    }

    /** Each question is a conversation of its own, so that none knows the answers of the others. */
    private static ChatResponse chat(MlxModel model, String question, int tokens) {
        return MlxChatModel.builder()
                .model(model)
                .temperature(0.0)
                .maxOutputTokens(tokens)
                .isolation(Isolation.PER_MEMORY_ID)
                .build()
                .chat(List.of(UserMessage.from(question)));
    }

    private static double perToken(ChatResponse response) {
        MlxChatResponseMetadata metadata = (MlxChatResponseMetadata) response.metadata();
        return metadata.running().minus(metadata.timeToFirstToken()).toNanos()
                / 1e6
                / Math.max(1, response.tokenUsage().outputTokenCount() - 1);
    }

    private static JsonNode theirs(Bench bench, List<Path> pair, String question, int tokens, int drafted) {
        return bench.reference()
                .ask(
                        "draft",
                        "model",
                        pair.getFirst(),
                        "draft",
                        pair.getLast(),
                        "text",
                        question,
                        "tokens",
                        tokens,
                        "drafted",
                        drafted);
    }

    /** Milliseconds a token, round by round; those before the first do not count. */
    private record Side(double[] rounds) {
        Side(int count) {
            this(new double[count]);
        }

        void take(int round, double millis) {
            if (round >= 0) {
                rounds[round] = millis;
            }
        }

        Spread spread() {
            return Spread.of(rounds);
        }
    }

    private static void report(Bench bench, List<Path> pair, Side[] sides, String ours, int theirs) {
        boolean alone = bench.reference() == null;
        Spread with = sides[1].spread();
        double ratio = sides[0].spread().median() / with.median();
        Double beside = alone ? null : sides[3].spread().median() / with.median();
        String name = pair.getFirst().getFileName().toString();
        bench.report()
                .table(
                        "draft-model-table",
                        "Answers with a draft model, ms a token",
                        "model",
                        "without",
                        "with",
                        "times faster",
                        "accepted drafts",
                        "mlx-lm without",
                        "mlx-lm with",
                        "accepted by mlx-lm",
                        "times faster than mlx-lm with");
        bench.report()
                .row(
                        name,
                        sides[0].spread(),
                        with,
                        ratio,
                        ours,
                        alone ? null : sides[2].spread(),
                        alone ? null : sides[3].spread(),
                        alone ? null : theirs,
                        beside);
        bench.report().end();
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("section", "speculation");
        line.put("work", WORK);
        line.put("model", name);
        line.put("ratio", ratio);
        if (!alone) {
            line.put("ratio_to_mlx_lm", beside);
        }
        bench.report().json(line);
    }
}
