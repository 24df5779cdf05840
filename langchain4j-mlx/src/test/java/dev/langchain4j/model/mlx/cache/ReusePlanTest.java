package dev.langchain4j.model.mlx.cache;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.cache.ReusePlan.Reason;
import org.junit.jupiter.api.Test;

/** The decision table, as sentences. */
class ReusePlanTest {
    private static final int[] PROMPT = {10, 11, 12, 13, 14};

    @Test
    void nothingStoredIsNew() {
        assertThat(ReusePlan.of(PROMPT, 0, 0, -1, false)).isEqualTo(new ReusePlan(0, 0, Reason.NEW, -1, 10));
    }

    @Test
    void allThatIsStoredIsContinued() {
        assertThat(ReusePlan.of(PROMPT, 3, 3, -1, false)).isEqualTo(new ReusePlan(3, 3, Reason.CONTINUED, -1, 13));
    }

    @Test
    void anotherTokenIsADivergenceAndBothTokensAreNamed() {
        assertThat(ReusePlan.of(PROMPT, 3, 3, 99, false)).isEqualTo(new ReusePlan(3, 3, Reason.DIVERGED, 99, 13));
    }

    @Test
    void theLastTokenIsAlwaysLeft() {
        assertThat(ReusePlan.of(PROMPT, 5, 5, 99, false)).isEqualTo(new ReusePlan(4, 5, Reason.WHOLE_PROMPT, 99, -1));
    }

    @Test
    void aStateLayerThatCannotResumeThereIsTheReason() {
        assertThat(ReusePlan.of(PROMPT, 2, 4, 99, false)).isEqualTo(new ReusePlan(2, 4, Reason.NO_CHECKPOINT, 99, 14));
        assertThat(ReusePlan.of(PROMPT, 0, 5, -1, true).reason()).isEqualTo(Reason.NO_CHECKPOINT);
    }

    @Test
    void evictionIsToldApartFromNewText() {
        assertThat(ReusePlan.of(PROMPT, 2, 2, 99, true).reason()).isEqualTo(Reason.EVICTED);
        assertThat(ReusePlan.of(PROMPT, 0, 0, -1, true).reason()).isEqualTo(Reason.EVICTED);
    }
}
