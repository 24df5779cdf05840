package dev.langchain4j.model.mlx.kv;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Eval;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Scope;
import dev.langchain4j.model.mlx.testing.Seeds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * States of several sequences in common arrays: the matrix of a sequence is the sum of its tokens, and its convolution
 * has the last of them, whoever takes steps beside it.
 */
class StateStackTest {
    private static final int WIDTH = 4;

    private final long handles = LiveHandles.count();
    private MlxThread thread;
    private int computations;

    @BeforeEach
    void start() {
        thread = MlxThread.start("stack");
    }

    @AfterEach
    void nothingLeaks() {
        thread.close();
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static final class Sequence {
        final RecurrentCache layer = new RecurrentCache(WIDTH);
        final List<Integer> tokens = new ArrayList<>();

        void check() {
            check(layer);
        }

        void check(RecurrentCache other) {
            assertThat(other.offset()).isEqualTo(tokens.size());
            try (Snapshot state = other.state()) {
                float[] inputs = state.arrays()[0].toFloats();
                for (int i = 0; i < WIDTH - 1; i++) {
                    int at = tokens.size() - (WIDTH - 1) + i;
                    assertThat(inputs[i]).isEqualTo(at < 0 ? 0 : tokens.get(at));
                }
                int sum = tokens.stream().mapToInt(Integer::intValue).sum();
                assertThat(state.arrays()[1].toFloats()).containsExactly(sum);
            }
        }
    }

    /** A step of these sequences, with a token for each; checks what comes out. */
    private void step(List<Sequence> sequences, int first) {
        List<List<LayerCache>> layers = new ArrayList<>();
        float[] tokens = new float[sequences.size()];
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = first + i;
            sequences.get(i).tokens.add(first + i);
            layers.add(List.of(sequences.get(i).layer));
        }
        int[] lengths = new int[tokens.length];
        Arrays.fill(lengths, 1);
        try (Scope scope = Scope.open()) {
            MlxArray x = MlxArray.of(tokens, 1, tokens.length, 1);
            float[] sums = Spans.of(layers, lengths, Collections.nCopies(lengths.length, Sight.NONE))
                    .each(0, span -> {
                        computations++;
                        RecurrentCache state = (RecurrentCache) span.cache();
                        MlxArray own = span.tokens(x);
                        state.convolution().update(own, span.length());
                        MlxArray sum = state.matrix() == null ? Indexing.copy(own) : Ops.add(state.matrix(), own);
                        state.setMatrix(sum);
                        return Ops.add(sum, MlxArray.scalar(0, DType.FLOAT32));
                    })
                    .toFloats();
            for (int i = 0; i < tokens.length; i++) {
                assertThat(sums[i])
                        .isEqualTo(sequences.get(i).tokens.stream()
                                .mapToInt(Integer::intValue)
                                .sum());
            }
        }
        layers.forEach(each -> Eval.eval(LayerCache.buffers(each)));
    }

    private static List<Sequence> sequences(int count) {
        List<Sequence> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            all.add(new Sequence());
        }
        return all;
    }

    @Test
    void aStepOfTheSameSequencesIsOneComputation() {
        thread.run(() -> {
            List<Sequence> all = sequences(3);
            step(all, 1);
            assertThat(computations).as("none has a state").isEqualTo(3);
            for (int i = 0; i < 5; i++) {
                step(all, 10 * i);
            }
            assertThat(computations).isEqualTo(8);
            assertThat(all.getFirst().layer.bytes()).isEqualTo(4 * WIDTH);
            all.forEach(Sequence::check);
            step(all, 3);
            assertThat(computations).as("a copy leaves them together").isEqualTo(9);
            all.forEach(each -> each.layer.close());
        });
    }

    @Test
    void whoRestsHoldsNothingOfOthers() {
        thread.run(() -> {
            List<Sequence> all = sequences(4);
            step(all, 1);
            step(all, 5);
            long before = LiveHandles.count();
            Sequence resting = all.getFirst();
            resting.layer.separate();
            assertThat(resting.layer.buffers()).hasSize(2);
            assertThat(resting.layer.buffers()[1].dim(0)).isEqualTo(1);
            all.subList(1, 4).forEach(each -> each.layer.close());
            assertThat(LiveHandles.count()).as("the stack is gone").isEqualTo(before);
            resting.check();
            step(List.of(resting), 9);
            resting.check();
            resting.layer.close();
        });
    }

    @Test
    void anyScheduleOfJoinsLeavesMarksAndRestoresIsRight() {
        Random random = new Random(Seeds.seed(StateStackTest.class));
        thread.run(() -> {
            List<Sequence> all = sequences(6);
            for (int i = 0; i < 300; i++) {
                List<Sequence> some = new ArrayList<>(all);
                int stays = i % 7 == 0 ? 2 : 12;
                some.removeIf(each -> random.nextInt(stays) == 0);
                if (!some.isEmpty()) {
                    step(some, random.nextInt(100));
                }
                Sequence one = all.get(random.nextInt(all.size()));
                switch (random.nextInt(12)) {
                    case 0 -> one.check();
                    case 1 -> one.layer.separate();
                    case 2 -> {
                        int at = one.tokens.size();
                        one.layer.mark(2);
                        step(List.of(one), 7);
                        step(List.of(one), 8);
                        one.layer.trimTo(at + 1);
                        one.tokens.removeLast();
                        one.check();
                    }
                    case 3 -> {
                        if (!one.tokens.isEmpty()) {
                            Sequence other = new Sequence();
                            try (Snapshot state = one.layer.state()) {
                                other.layer.restore(state);
                            }
                            other.tokens.addAll(one.tokens);
                            all.get(0).layer.close();
                            all.set(0, other);
                            other.check();
                        }
                    }
                    case 4 -> {
                        one.layer.close();
                        all.set(all.indexOf(one), new Sequence());
                    }
                    default -> {}
                }
            }
            all.forEach(each -> {
                if (!each.tokens.isEmpty()) {
                    each.check();
                }
                each.layer.close();
            });
        });
    }
}
