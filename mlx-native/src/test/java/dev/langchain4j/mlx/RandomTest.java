package dev.langchain4j.mlx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RandomTest {
    private static final int ROWS = 5;
    private static final int WIDTH = 1013;

    private static MlxArray[] keys(int count, long seed) {
        return IntStream.range(0, count).mapToObj(i -> Random.key(seed + i)).toArray(MlxArray[]::new);
    }

    private static void onThread(Runnable test) {
        long handles = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("random", Device.CPU)) {
            thread.run(test);
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    @ParameterizedTest
    @EnumSource(names = {"FLOAT32", "FLOAT16", "BFLOAT16"})
    void aRowDrawsBesideOthersWhatItDrawsAlone(DType type) {
        onThread(() -> {
            for (int round = 0; round < 40; round++) {
                try (Scope scope = Scope.open()) {
                    MlxArray logits = Ops.astype(Random.normal(Random.key(round), ROWS, WIDTH), type);
                    MlxArray[] keys = keys(ROWS, 1000L * round);
                    int[] together = Random.categorical(logits, keys).eval().toInts();
                    for (int i = 0; i < ROWS; i++) {
                        MlxArray row = Indexing.slice(logits, 0, i, i + 1);
                        assertThat(Random.categorical(row, keys[i]).eval().toInts())
                                .containsExactly(together[i]);
                    }
                }
            }
        });
    }

    @Test
    void indicesComeAsOftenAsTheirProbabilitySays() {
        float[] probabilities = {0.5f, 0, 0.3f, 0.15f, 0.05f, 0};
        int draws = 20_000;
        onThread(() -> {
            try (Scope scope = Scope.open()) {
                MlxArray logits = Ops.log(MlxArray.of(probabilities, 1, probabilities.length));
                int[] drawn = Random.categorical(logits, keys(draws, 7)).eval().toInts();
                for (int i = 0; i < probabilities.length; i++) {
                    int index = i;
                    double share = Arrays.stream(drawn).filter(d -> d == index).count() / (double) draws;
                    // Four deviations at the least likely to fail; what is impossible never comes.
                    assertThat(share).isCloseTo(probabilities[i], within(probabilities[i] == 0 ? 0.0 : 0.015));
                }
            }
        });
    }
}
