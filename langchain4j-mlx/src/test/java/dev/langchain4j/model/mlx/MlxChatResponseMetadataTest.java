package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.mlx.cache.ReusePlan;
import dev.langchain4j.model.mlx.draft.DraftCounts;
import dev.langchain4j.model.mlx.draft.DraftKind;
import dev.langchain4j.model.mlx.generate.GenerationResult;
import dev.langchain4j.model.mlx.prompt.MessageChange;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.service.AiServices;
import dev.langchain4j.service.Result;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MlxChatResponseMetadataTest {
    private static final PromptDifference DIFFERENCE =
            new PromptDifference(70, 1, "user", "a", "b", "diverged at token 70, in message 1 (user): why");

    private static final List<PromptChange> CHANGES =
            List.of(new PromptChange(1, PromptChange.Kind.SPACER_ADDED), new PromptChange(4, PromptChange.Kind.JOINED));

    private static final MlxChatResponseMetadata METADATA = metadata(5, 2_250_000_000L)
            .id("1")
            .modelName("tiny")
            .finishReason(FinishReason.STOP)
            .firstDifference(DIFFERENCE)
            .promptChanges(CHANGES)
            .build();

    private static MlxChatResponseMetadata.Builder metadata(int generated, long totalNanos) {
        return MlxChatResponseMetadata.builder(new GenerationResult(
                100,
                0,
                new int[generated],
                GenerationResult.End.STOP,
                new ReusePlan(60, 64, ReusePlan.Reason.DIVERGED, 1, 2),
                new GenerationResult.Timings(
                        1_000_000L, 600_000L, 200_000_000L, 250_000_000L, totalNanos, 600_000_000L, 3_000_000L),
                new GenerationResult.Rows(2.5, 4),
                Map.of(DraftKind.COPIED, new DraftCounts(12, 7)),
                new GenerationResult.Reasoning(3, true),
                List.of()));
    }

    @Test
    void aGenerationsNumbersArriveInTheirUnits() {
        assertThat(METADATA.tokenUsage())
                .isEqualTo(new MlxTokenUsage(100, 5, 60, 3, Map.of(DraftKind.COPIED, new DraftCounts(12, 7)), 0));
        assertThat(METADATA.queued()).isEqualTo(Duration.ofMillis(1));
        assertThat(METADATA.prefixWait()).isEqualTo(Duration.ofNanos(600_000));
        assertThat(METADATA.prefill()).isEqualTo(Duration.ofMillis(200));
        assertThat(METADATA.timeToFirstToken()).isEqualTo(Duration.ofMillis(250));
        assertThat(METADATA.running()).isEqualTo(Duration.ofMillis(2250));
        assertThat(METADATA.decodeTokensPerSecond()).isEqualTo(2.0);
        assertThat(METADATA.longestStall()).isEqualTo(Duration.ofMillis(600));
        assertThat(METADATA.waitedForMemory()).isEqualTo(Duration.ofMillis(3));
        assertThat(METADATA.meanRows()).isEqualTo(2.5);
        assertThat(METADATA.maxRows()).isEqualTo(4);
        assertThat(METADATA.resumePosition()).isEqualTo(60);
        assertThat(METADATA.matchedTokens()).isEqualTo(64);
        assertThat(METADATA.reasoningCut()).isTrue();
        assertThat(METADATA.reuseReason()).isEqualTo(ReuseReason.DIVERGED);
        assertThat(METADATA.firstDifference()).isEqualTo(DIFFERENCE).hasToString(DIFFERENCE.explanation());
    }

    @Test
    void oneTokenHasNoDecodeSpeedAndNoStall() {
        assertThat(metadata(1, 250_000_000L).build().longestStall()).isNull();
        assertThat(metadata(1, 250_000_000L).build().decodeTokensPerSecond()).isNull();
    }

    @Test
    void rebuildingKeepsEverything() {
        assertThat(METADATA.toBuilder().build())
                .isEqualTo(METADATA)
                .hasSameHashCodeAs(METADATA)
                .isNotSameAs(METADATA);
        assertThat(METADATA.toBuilder().resumePosition(1).build()).isNotEqualTo(METADATA);
        assertThat(METADATA.toBuilder().id("2").build()).isNotEqualTo(METADATA);
        assertThat(METADATA.toBuilder().longestStall(null).build()).isNotEqualTo(METADATA);
        assertThat(METADATA.toBuilder().waitedForMemory(null).build()).isNotEqualTo(METADATA);
        assertThat(METADATA.toBuilder().meanRows(1.0).build()).isNotEqualTo(METADATA);
        assertThat(METADATA.toBuilder().maxRows(1).build()).isNotEqualTo(METADATA);
        assertThat(METADATA.toBuilder().build().promptChanges()).isEqualTo(CHANGES);
        assertThat(METADATA.toBuilder().promptChanges(List.of()).build()).isNotEqualTo(METADATA);
        assertThat(METADATA.toString())
                .contains(
                        "modelName='tiny'",
                        "resumePosition=60",
                        "meanRows=2.5",
                        "longestStall=PT0.6S",
                        "reuseReason=DIVERGED",
                        "diverged at token 70",
                        "kind=JOINED");
    }

    @Test
    void anAiServiceReturnsItWithAllThatItHas() {
        interface Assistant {
            Result<String> chat(String question);
        }
        ChatModel model = new ChatModel() {
            @Override
            public ChatResponse doChat(ChatRequest request) {
                return ChatResponse.builder()
                        .aiMessage(AiMessage.from("hello"))
                        .metadata(METADATA)
                        .build();
            }
        };

        Result<String> result = AiServices.create(Assistant.class, model).chat("hi");

        assertThat(result.finalResponse().metadata()).isEqualTo(METADATA);
        assertThat(result.tokenUsage()).isEqualTo(METADATA.tokenUsage());
    }

    @ParameterizedTest
    @EnumSource
    void eachReasonOfTheCacheHasItsPublicTwin(ReusePlan.Reason reason) {
        assertThat(ReuseReason.of(reason)).hasToString(reason.name());
    }

    @ParameterizedTest
    @EnumSource
    void eachChangeOfAMessageHasItsPublicTwin(MessageChange.Kind kind) {
        PromptChange change =
                PromptChange.of(List.of(new MessageChange(3, kind))).getFirst();
        assertThat(change.message()).isEqualTo(3);
        assertThat(change.kind()).hasToString(kind.name());
    }
}
