package dev.langchain4j.model.mlx.embed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class AheadTest {
    private static List<Integer> numbers(int count) {
        return IntStream.range(0, count).boxed().toList();
    }

    @Test
    void comesInOrderAWindowAtATime() {
        Ahead<String> ahead = new Ahead<>(numbers(5), 2, i -> "n" + i);
        assertThat(ahead.next()).containsExactly("n0", "n1");
        assertThat(ahead.next()).containsExactly("n2", "n3");
        assertThat(ahead.next()).containsExactly("n4");
        assertThat(ahead.next()).isEmpty();
        assertThat(ahead.next()).isEmpty();
    }

    @Test
    void nothingOfNothing() {
        assertThat(new Ahead<>(List.of(), 2, i -> i).next()).isEmpty();
    }

    /** The function of the second window ends while the caller still has the first one. */
    @Test
    void theNextOnesAreMadeMeanwhile() throws InterruptedException {
        CountDownLatch second = new CountDownLatch(1);
        Ahead<Integer> ahead = new Ahead<>(numbers(2), 1, i -> {
            if (i == 1) {
                second.countDown();
            }
            return i;
        });
        assertThat(ahead.next()).containsExactly(0);
        second.await();
        assertThat(ahead.next()).containsExactly(1);
    }

    @Test
    void whatTheFunctionThrowsIsThrown() {
        IllegalArgumentException bad = new IllegalArgumentException("bad");
        Ahead<Integer> ahead = new Ahead<>(numbers(2), 1, i -> {
            if (i == 1) {
                throw bad;
            }
            return i;
        });
        assertThat(ahead.next()).containsExactly(0);
        assertThatThrownBy(ahead::next).isSameAs(bad);
    }

    @Test
    void anInterruptEndsTheWaitAndStays() {
        CountDownLatch open = new CountDownLatch(1);
        Ahead<Integer> ahead = new Ahead<>(numbers(2), 1, i -> {
            if (i == 1) {
                try {
                    open.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }
            return i;
        });
        ahead.next();
        Thread.currentThread().interrupt();
        assertThatThrownBy(ahead::next).isInstanceOf(IllegalStateException.class);
        assertThat(Thread.interrupted()).isTrue();
        open.countDown();
    }
}
