package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.draft.DraftCounts;
import dev.langchain4j.model.mlx.draft.DraftKind;
import dev.langchain4j.model.output.TokenUsage;
import java.util.Map;
import org.junit.jupiter.api.Test;

class MlxTokenUsageTest {
    private final MlxTokenUsage usage = new MlxTokenUsage(100, 20, 60);

    @Test
    void theTotalCountsPromptAndAnswer() {
        assertThat(usage.totalTokenCount()).isEqualTo(120);
        assertThat(new MlxTokenUsage(null, null, null).totalTokenCount()).isNull();
    }

    @Test
    void addingSumsEachKind() {
        assertThat(usage.add(new MlxTokenUsage(1, 2, 3))).isEqualTo(new MlxTokenUsage(101, 22, 63));
        assertThat(usage.add(null)).isSameAs(usage);
        assertThat(new MlxTokenUsage(1, 2, null)
                        .add(new MlxTokenUsage(1, 2, null))
                        .cachedTokens())
                .isNull();
    }

    @Test
    void addingOtherTypesOnEitherSideKeepsCachedTokens() {
        MlxTokenUsage sum = new MlxTokenUsage(101, 22, 60);

        assertThat(usage.add(new TokenUsage(1, 2))).isEqualTo(sum);
        assertThat(new TokenUsage(1, 2).add(usage)).isEqualTo(sum);
        assertThat(TokenUsage.sum(new TokenUsage(1, 2), usage)).isEqualTo(sum);
    }

    @Test
    void addingSumsDraftsByKind() {
        MlxTokenUsage copied = new MlxTokenUsage(1, 2, 3, null, Map.of(DraftKind.COPIED, new DraftCounts(8, 5)));
        MlxTokenUsage both = new MlxTokenUsage(
                1,
                2,
                3,
                null,
                Map.of(DraftKind.COPIED, new DraftCounts(2, 0), DraftKind.FORCED, new DraftCounts(4, 4)));

        assertThat(copied.add(both).drafts())
                .isEqualTo(Map.of(DraftKind.COPIED, new DraftCounts(10, 5), DraftKind.FORCED, new DraftCounts(4, 4)));
        assertThat(copied.add(usage).drafts()).isEqualTo(copied.drafts());
        assertThat(copied).isNotEqualTo(new MlxTokenUsage(1, 2, 3));
    }

    @Test
    void addingSumsReasoning() {
        MlxTokenUsage reasoned = new MlxTokenUsage(100, 20, 60, 12, Map.of());

        assertThat(reasoned.add(reasoned).reasoningTokens()).isEqualTo(24);
        assertThat(reasoned.add(usage).reasoningTokens()).isEqualTo(12);
        assertThat(reasoned.add(new TokenUsage(1, 2)).toString()).contains("reasoningTokens=12");
        assertThat(reasoned).isNotEqualTo(usage);
    }

    @Test
    void staticSumTakesNulls() {
        assertThat(MlxTokenUsage.sum(null, usage)).isSameAs(usage);
        assertThat(MlxTokenUsage.sum(usage, null)).isSameAs(usage);
        assertThat(MlxTokenUsage.sum(usage, usage)).isEqualTo(new MlxTokenUsage(200, 40, 120));
    }

    @Test
    void equalityLooksAtCachedTokensAndType() {
        assertThat(usage).isEqualTo(new MlxTokenUsage(100, 20, 60)).hasSameHashCodeAs(new MlxTokenUsage(100, 20, 60));
        assertThat(usage).isNotEqualTo(new MlxTokenUsage(100, 20, 61)).isNotEqualTo(new TokenUsage(100, 20));
        assertThat(usage)
                .hasToString(
                        "MlxTokenUsage{inputTokenCount=100, cachedTokens=60, outputTokenCount=20, totalTokenCount=120}");
    }
}
