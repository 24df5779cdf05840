package dev.langchain4j.model.mlx.generate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.mlx.Device;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Random;
import dev.langchain4j.mlx.Scope;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Rows that draw alike are drawn in one set of operations: each draws what it draws alone with its seed. */
class SamplerGroupsTest {
    private static final int VOCABULARY = 997;
    private static final int STEPS = 12;

    private static Sampling sampling(double temperature, double topP, int topK, double minP, long seed) {
        return new Sampling(temperature, topP, topK, minP, 0, 0.1, 1, 0, 0, 20, Map.of(), seed, Sampling.NO_LOGPROBS);
    }

    static Stream<Sampling> settings() {
        return Stream.of(
                sampling(0, 0, 0, 0, 0),
                sampling(0.7, 0, 0, 0, 0),
                sampling(1, 0.9, 0, 0, 0),
                sampling(1.3, 0, 40, 0, 0),
                sampling(1, 0, 0, 0.05, 0),
                sampling(0.8, 0.95, 20, 0.02, 0));
    }

    @ParameterizedTest
    @MethodSource("settings")
    void eachRowDrawsWhatItDrawsAlone(Sampling like) {
        for (int rows = 2; rows <= 9; rows++) {
            int count = rows;
            onThread(() -> {
                List<Sampler> alone = new ArrayList<>();
                List<Sampler> beside = new ArrayList<>();
                for (int i = 0; i < count; i++) {
                    Sampling own = sampling(like.temperature(), like.topP(), like.topK(), like.minP(), i);
                    alone.add(new Sampler(own, new int[] {1}));
                    beside.add(new Sampler(own, new int[] {1}));
                }
                for (int step = 0; step < STEPS; step++) {
                    try (Scope scope = Scope.open()) {
                        MlxArray logits = Ops.multiply(Random.normal(Random.key(step), count, VOCABULARY), 3);
                        // a row joins and another one leaves: the first ones draw alone in every third step
                        int from = step % 3;
                        MlxArray part = Indexing.slice(logits, 0, from, count);
                        int[] together = from == count
                                ? new int[0]
                                : Sampler.together(beside.subList(from, count), part)
                                        .eval()
                                        .toInts();
                        for (int i = 0; i < count; i++) {
                            MlxArray row = Indexing.slice(logits, 0, i, i + 1);
                            int wanted = alone.get(i).sample(row).item();
                            int got = i < from ? beside.get(i).sample(row).item() : together[i - from];
                            assertThat(got)
                                    .as("row %d of %d, step %d", i, count, step)
                                    .isEqualTo(wanted);
                        }
                    }
                }
            });
        }
    }

    @Test
    void onlyTheSeedMayDifferAndNothingIsNoted() {
        Sampling one = sampling(0.7, 0.9, 20, 0, 1);
        assertThat(one.drawsLike(sampling(0.7, 0.9, 20, 0, 2))).isTrue();
        assertThat(sampling(0, 0.9, 20, 0, 1).drawsLike(sampling(0, 0, 0, 0, 2)))
                .as("greedy rows do not look at the rest")
                .isTrue();
        for (Sampling other : List.of(
                sampling(0.8, 0.9, 20, 0, 1),
                sampling(0.7, 0.8, 20, 0, 1),
                sampling(0.7, 0.9, 21, 0, 1),
                sampling(0.7, 0.9, 20, 0.1, 1),
                new Sampling(0.7, 0.9, 20, 0, 0.5, 0.1, 1, 0, 0, 20, Map.of(), 1, Sampling.NO_LOGPROBS),
                new Sampling(0.7, 0.9, 20, 0, 0, 0.1, 1.1, 0, 0, 20, Map.of(), 1, Sampling.NO_LOGPROBS),
                new Sampling(0.7, 0.9, 20, 0, 0, 0.1, 1, 0, 0, 20, Map.of(3, 1.0), 1, Sampling.NO_LOGPROBS),
                new Sampling(0.7, 0.9, 20, 0, 0, 0.1, 1, 0, 0, 20, Map.of(), 1, 0))) {
            assertThat(one.drawsLike(other)).as("%s", other).isFalse();
            assertThat(other.drawsLike(one)).as("%s", other).isFalse();
        }
    }

    private static void onThread(Runnable test) {
        long handles = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("groups", Device.CPU)) {
            thread.run(test);
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }
}
