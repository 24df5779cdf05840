package dev.langchain4j.model.mlx.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Who is expected back: what is believed at first, and what is learned. */
class ReturnOddsTest {
    private final ReturnOdds odds = new ReturnOdds();

    private static Conversation conversation(boolean toolCall, int turns, long usedTick) {
        Conversation conversation = new Conversation("c" + usedTick);
        conversation.places[0] = new TrieNode(null, new int[0]);
        for (int i = 0; i < turns; i++) {
            conversation.begin();
            conversation.begun(usedTick, 1, 0);
            conversation.end(false, true);
        }
        conversation.begin();
        conversation.begun(usedTick, 1, 0);
        conversation.end(toolCall, !toolCall);
        return conversation;
    }

    @Test
    void atFirstAToolCallIsLikelierToReturnThanAnAnswerAndBothLessTheLongerAgo() {
        double call = odds.expected(conversation(true, 0, 99), 100);
        double answer = odds.expected(conversation(false, 0, 99), 100);
        assertThat(call).isGreaterThan(answer).isLessThan(1);
        assertThat(odds.expected(conversation(true, 0, 50), 100))
                .isLessThan(call)
                .isPositive();
        assertThat(odds.expected(conversation(false, 0, 50), 100))
                .isLessThan(answer)
                .isPositive();
    }

    @Test
    void whatRunsIsExpectedForCertain() {
        Conversation running = conversation(false, 3, 10);
        running.begin();
        running.begun(50, 1, 0);
        assertThat(odds.expected(running, 100)).isEqualTo(1);
    }

    @Test
    void conversationsThatEndAfterTheSameNumberOfTurnsAreNotExpectedBack() {
        List<Conversation> ended = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            odds.observe(conversation(false, 0, i), i + 2);
            ended.add(conversation(false, 1, i));
        }
        odds.estimate(ended, 1000);
        double before = odds.expected(conversation(false, 0, 999), 1000);
        double after = odds.expected(conversation(false, 1, 999), 1000);
        assertThat(before).isGreaterThan(2 * after);
    }

    @Test
    void toolCallsThatAreAbandonedLoseTheirPreference() {
        List<Conversation> abandoned = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            odds.observe(conversation(false, 0, i), i + 2);
            abandoned.add(conversation(true, 0, i));
        }
        odds.estimate(abandoned, 1000);
        assertThat(odds.expected(conversation(true, 0, 999), 1000))
                .isLessThan(odds.expected(conversation(false, 0, 999), 1000));
    }

    @Test
    void howSoonIsLearned() {
        Conversation old = conversation(true, 0, 100);
        Conversation fresh = conversation(true, 0, 158);
        double before = odds.expected(fresh, 160) / odds.expected(old, 160);
        for (int i = 0; i < 100; i++) {
            odds.observe(conversation(true, 0, i), i + 100);
        }
        double slow = odds.expected(fresh, 160) / odds.expected(old, 160);
        assertThat(slow).as("a hundred requests are usual now").isLessThan(before);
        for (int i = 0; i < 2000; i++) {
            odds.observe(conversation(true, 0, i), i + 2);
        }
        assertThat(odds.expected(fresh, 160) / odds.expected(old, 160))
                .as("and now they are not")
                .isGreaterThan(before);
    }

    @Test
    void systemMessagesThatNobodySharedAreNotExpectedToBeShared() {
        double unknown = odds.expectedNewcomers(1, 100);
        for (int i = 0; i < 50; i++) {
            odds.observeNewPrefix();
        }
        assertThat(odds.expectedNewcomers(1, 100)).isLessThan(unknown);
        for (int i = 0; i < 50; i++) {
            odds.observeSecondUse();
        }
        assertThat(odds.expectedNewcomers(1, 100)).isGreaterThan(unknown);
        assertThat(odds.expectedNewcomers(10, 100)).isGreaterThan(odds.expectedNewcomers(2, 100));
        assertThat(odds.expectedNewcomers(0, 100)).isZero();
    }
}
