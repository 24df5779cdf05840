package dev.langchain4j.model.mlx.draft;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.testing.Seeds;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class CopyDrafterTest {
    private static final int KEY = CopyDrafter.KEY;

    private static CopyDrafter over(int[] prompt) {
        CopyDrafter drafter = new CopyDrafter(prompt, false);
        for (int i = 0; i <= prompt.length / 8192; i++) {
            drafter.prepare();
        }
        return drafter;
    }

    private static int[] range(int first, int count) {
        return IntStream.range(first, first + count).toArray();
    }

    private static int[] join(int[]... parts) {
        return Arrays.stream(parts).flatMapToInt(Arrays::stream).toArray();
    }

    private static void say(CopyDrafter drafter, int... tokens) {
        for (int token : tokens) {
            drafter.committed(token);
        }
    }

    @Test
    void proposesWhatThePromptGoesOnWith() {
        CopyDrafter drafter = over(range(100, 200));
        say(drafter, range(120, KEY));
        assertThat(drafter.propose(4)).satisfies(draft -> {
            assertThat(draft.kind()).isEqualTo(DraftKind.COPIED);
            assertThat(draft.grade()).isZero();
            assertThat(draft.tokens()).isEqualTo(range(120 + KEY, 4));
        });
        say(drafter, range(120 + KEY, 10));
        assertThat(drafter.propose(4)).satisfies(draft -> {
            assertThat(draft.grade()).as("a longer run is surer").isEqualTo(2);
            assertThat(draft.tokens()).isEqualTo(range(136, 4));
        });
    }

    @Test
    void aShorterRunIsNoise() {
        CopyDrafter drafter = over(range(100, 200));
        say(drafter, range(120, KEY - 1));
        assertThat(drafter.propose(4)).isNull();
        say(drafter, 7);
        assertThat(drafter.propose(4)).isNull();
    }

    @Test
    void lessIsEnoughUnderAGrammar() {
        CopyDrafter drafter = new CopyDrafter(range(100, 200), true);
        drafter.prepare();
        say(drafter, range(120, 3));
        assertThat(drafter.propose(2).tokens()).isEqualTo(range(123, 2));
    }

    @Test
    void theWholeRunIsOfTheAnswer() {
        CopyDrafter drafter = over(join(range(100, 50), range(10, 5)));
        say(drafter, 15);
        assertThat(drafter.propose(4))
                .as("the end of each prompt stands before each answer, and tells nothing")
                .isNull();
    }

    @Test
    void theLongestRunWinsAndOfEqualOnesTheNewest() {
        int[] run = range(50, KEY);
        CopyDrafter longest = over(join(new int[] {9}, run, range(200, 9), new int[] {8}, run, range(300, 9)));
        say(longest, join(new int[] {9}, run));
        assertThat(longest.propose(3).tokens()).isEqualTo(range(200, 3));
        CopyDrafter newest = over(join(new int[] {9}, run, range(200, 9), new int[] {9}, run, range(300, 9)));
        say(newest, join(new int[] {9}, run));
        assertThat(newest.propose(3).tokens()).isEqualTo(range(300, 3));
    }

    @Test
    void anAnswerThatRepeatsItselfIsNotDrafted() {
        CopyDrafter drafter = over(range(100, 200));
        for (int i = 0; i < 20; i++) {
            say(drafter, range(10, 8));
            assertThat(drafter.propose(4)).isNull();
        }
    }

    @Test
    void nothingBehindTheEndOfThePrompt() {
        CopyDrafter drafter = over(range(100, 50));
        say(drafter, range(140, 9));
        assertThat(drafter.propose(20).tokens()).containsExactly(149);
        say(drafter, 149);
        assertThat(drafter.propose(20)).isNull();
    }

    @Test
    void shortPromptsHaveNothing() {
        for (int length = 1; length <= KEY; length++) {
            CopyDrafter drafter = over(range(0, length));
            say(drafter, range(0, KEY));
            assertThat(drafter.propose(20)).isNull();
        }
    }

    /** Compared with a search through the whole prompt, over few tokens, so that runs repeat and hashes meet. */
    @Test
    void findsWhatASearchFinds() {
        Random random = new Random(Seeds.seed(CopyDrafterTest.class));
        int found = 0;
        for (int round = 0; round < 300; round++) {
            int[] prompt = random.ints(1 + random.nextInt(120), 0, 2 + random.nextInt(2))
                    .toArray();
            int[] answer = random.ints(KEY + random.nextInt(20), 0, 2).toArray();
            CopyDrafter drafter = over(prompt);
            say(drafter, answer);
            int[] all = join(prompt, answer);
            int longest = 0;
            int[] wanted = {};
            for (int place = prompt.length - 1; place >= KEY; place--) {
                int equal = 0;
                while (equal < 32 && equal < place && prompt[place - 1 - equal] == all[all.length - 1 - equal]) {
                    equal++;
                }
                if (equal >= KEY && equal > longest) {
                    longest = equal;
                    wanted = Arrays.copyOfRange(prompt, place, Math.min(prompt.length, place + 5));
                }
            }
            Draft draft = drafter.propose(5);
            assertThat(draft == null ? new int[0] : draft.tokens()).isEqualTo(wanted);
            found += draft == null ? 0 : 1;
        }
        assertThat(found).isBetween(50, 250);
    }

    @Test
    void proposesWhatOtherTextsWentOnWithUpToTheirEnds() {
        int[] texts = join(range(100, 20), new int[] {-1}, range(300, KEY), new int[] {7, 8, -1}, range(300, KEY));
        int[] withEnd = join(texts, new int[] {-1});
        CopyDrafter drafter = new CopyDrafter(DraftKind.CONTINUED, () -> withEnd, range(1, 3), false);
        drafter.prepare();
        say(drafter, range(300, KEY));
        assertThat(drafter.propose(9)).as("the newest text has nothing more").satisfies(draft -> {
            assertThat(draft.kind()).isEqualTo(DraftKind.CONTINUED);
            assertThat(draft.tokens()).containsExactly(7, 8);
        });
        say(drafter, range(100, KEY));
        assertThat(drafter.propose(3).tokens()).isEqualTo(range(100 + KEY, 3));
        say(drafter, range(114, KEY));
        assertThat(drafter.propose(3)).as("at an end").isNull();
    }
}
