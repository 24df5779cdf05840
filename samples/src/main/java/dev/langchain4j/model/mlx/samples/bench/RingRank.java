package dev.langchain4j.model.mlx.samples.bench;

import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.mlx.MlxChatModel;
import dev.langchain4j.model.mlx.MlxChatRequestParameters;
import dev.langchain4j.model.mlx.MlxChatResponseMetadata;
import dev.langchain4j.model.mlx.MlxCluster;
import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.model.mlx.Speculation;
import dev.langchain4j.model.mlx.samples.LocalRanks;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A rank of {@link RingSection}: as ring.py is for mlx-lm. */
final class RingRank {
    private static final int WARM_UP = 8;

    private RingRank() {}

    public static void main(String[] args) {
        MlxModel.Builder settings = MlxModel.builder()
                .modelPath(Path.of(args[0]))
                .speculation(Speculation.OFF)
                .computeAhead(false);
        if (LocalRanks.serves(settings)) {
            return;
        }
        int tokens = Integer.parseInt(args[1]);
        int rounds = Integer.parseInt(args[2]);
        MlxCluster cluster = LocalRanks.isStarted() ? MlxCluster.fromEnvironment() : null;
        List<Double> seconds = new ArrayList<>();
        try (MlxModel mlx = settings.distributed(cluster).build()) {
            MlxChatModel chat = MlxChatModel.builder().model(mlx).build();
            for (int i = 0; i < WARM_UP + rounds; i++) {
                double each = seconds(chat, tokens, i);
                if (i >= WARM_UP) {
                    seconds.add(each);
                }
            }
        }
        System.out.println(seconds);
    }

    private static double seconds(MlxChatModel chat, int tokens, int round) {
        MlxChatResponseMetadata metadata = (MlxChatResponseMetadata) chat.chat(ChatRequest.builder()
                        .messages(UserMessage.from("Round " + round))
                        .parameters(MlxChatRequestParameters.builder()
                                .temperature(0.0)
                                .maxOutputTokens(tokens)
                                .build())
                        .build())
                .metadata();
        return 1 / metadata.decodeTokensPerSecond();
    }
}
