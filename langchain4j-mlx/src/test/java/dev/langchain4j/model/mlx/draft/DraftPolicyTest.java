package dev.langchain4j.model.mlx.draft;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Times are given, in nanoseconds: a plain step takes 1000. */
class DraftPolicyTest {
    private static final long STEP = 1000;
    private static final int SHORT = 500;
    private static final int LONG = 40_000;

    private final DraftPolicy policy = new DraftPolicy();

    @BeforeEach
    void plainSteps() {
        for (int i = 0; i < 10; i++) {
            policy.plain(false, SHORT, STEP);
        }
    }

    private static Draft draft(int tokens) {
        return new Draft(DraftKind.COPIED, 1, new int[tokens]);
    }

    private int depth(int tokens) {
        return policy.depth(draft(tokens), false, SHORT);
    }

    /** Passes whose times are what a plain step takes, and a share of it for each further position. */
    private void passes(int count, double perPosition, double right) {
        for (int i = 0; i < count; i++) {
            for (int width : new int[] {2, 3, 4, 6, 8, 12, 16, 24, 32}) {
                policy.pass(width, false, SHORT, Math.round(STEP * (1 + perPosition * (width - 1))));
                policy.checked(draft(width - 1), false, width - 1, (int) Math.round(right * (width - 1)));
            }
        }
    }

    @Test
    void nothingBeforePlainStepsWereMeasured() {
        assertThat(new DraftPolicy().depth(draft(8), false, SHORT)).isZero();
        assertThat(policy.depth(draft(8), true, SHORT)).isZero();
        assertThat(policy.depth(draft(8), false, LONG)).isZero();
        assertThat(depth(8)).isEqualTo(8);
    }

    @Test
    void allOfADraftWherePositionsCostNothingAndDraftsAreRight() {
        passes(5, 0, 1);
        assertThat(depth(9)).isEqualTo(9);
        assertThat(depth(100)).isEqualTo(DraftPolicy.TOKENS_MAX);
    }

    @Test
    void fewerWherePositionsCostMore() {
        passes(20, 0.3, 0.8);
        assertThat(depth(31)).isBetween(1, 12);
    }

    @Test
    void nothingWherePositionsCostWhatStepsCostButForProbes() {
        passes(20, 1, 0.9);
        int asked = 4000;
        int drafted = 0;
        for (int i = 0; i < asked; i++) {
            int depth = depth(31);
            assertThat(depth).isLessThanOrEqualTo(3);
            drafted += depth > 0 ? 1 : 0;
        }
        assertThat(drafted).as("less and less often").isBetween(5, 20);
    }

    @Test
    void nothingWhereDraftsAreWrong() {
        passes(20, 0.1, 0);
        assertThat(depth(31)).isZero();
    }

    @Test
    void whatDidNotPayIsFoundOutToPayNow() {
        passes(20, 1, 0.9);
        for (int i = 0; i < 3000; i++) {
            int depth = depth(31);
            if (depth > 0) {
                policy.pass(depth + 1, false, SHORT, STEP);
                policy.checked(draft(depth), false, depth, depth);
            }
        }
        assertThat(depth(31)).isGreaterThanOrEqualTo(3);
    }

    @Test
    void theFirstPassOfAWidthDoesNotCount() {
        policy.pass(4, false, SHORT, 1000 * STEP);
        assertThat(depth(3)).isEqualTo(3);
        policy.pass(4, false, SHORT, 1000 * STEP);
        assertThat(depth(3)).isLessThan(3);
    }

    @Test
    void oneOutlierIsNoReason() {
        passes(20, 0.05, 1);
        policy.pass(4, false, SHORT, 1000 * STEP);
        policy.plain(false, SHORT, 1000 * STEP);
        assertThat(depth(3)).isEqualTo(3);
    }

    @Test
    void whatOtherContextsCostIsAFirstGuess() {
        passes(20, 1, 0.9);
        for (int i = 0; i < 10; i++) {
            policy.plain(false, LONG, 3 * STEP);
        }
        assertThat(policy.depth(draft(31), false, LONG)).isZero();
    }

    @Test
    void kindsAndGradesAreToldApart() {
        passes(20, 0.1, 0);
        assertThat(depth(31)).isZero();
        assertThat(policy.depth(new Draft(DraftKind.COPIED, 2, new int[8]), false, SHORT))
                .isPositive();
        assertThat(policy.depth(new Draft(DraftKind.FORCED, 0, new int[8]), false, SHORT))
                .isGreaterThan(4);
    }

    /** Steps of a decoder that drafts where the policy says so: how many positions its passes had. */
    private int[] steps(DraftPolicy deciding, int count, long plain, long perDraft, long pass) {
        int[] widths = new int[count];
        for (int i = 0; i < count; i++) {
            int depth = deciding.depth(DraftKind.DRAFT_MODEL, 0, 4, false, SHORT);
            widths[i] = 1 + depth;
            if (depth == 0) {
                deciding.plain(false, SHORT, plain);
            } else {
                deciding.drafted(DraftKind.DRAFT_MODEL, depth, SHORT, depth * perDraft);
                deciding.pass(1 + depth, false, SHORT, pass);
                deciding.checked(new Draft(DraftKind.DRAFT_MODEL, 0, new int[depth]), false, depth, depth);
            }
        }
        return widths;
    }

    private static long drafted(int[] widths) {
        return Arrays.stream(widths).filter(width -> width > 1).count();
    }

    @Test
    void whatADraftTakesCounts() {
        assertThat(drafted(steps(policy, 200, STEP, STEP / 10, STEP))).isGreaterThan(150);
        DraftPolicy slow = new DraftPolicy();
        assertThat(drafted(steps(slow, 200, STEP, STEP, STEP)))
                .as("each drafted token takes as long as a step")
                .isLessThan(20);
    }

    @Test
    void aPlainStepThatOnceTookLongIsMeasuredAgain() {
        for (int i = 0; i < 40; i++) {
            policy.plain(false, SHORT, 3 * STEP);
        }
        // Five tokens in the time of five and a half steps do not pay, but they would if steps took so long.
        int[] widths = steps(policy, 1000, STEP, 0, 11 * STEP / 2);
        assertThat(widths[0]).isGreaterThan(1);
        assertThat(drafted(Arrays.copyOfRange(widths, 800, 1000))).isLessThan(20);
    }
}
