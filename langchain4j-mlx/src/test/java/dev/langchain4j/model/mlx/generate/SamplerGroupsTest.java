package dev.langchain4j.model.mlx.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Random;
import dev.langchain4j.mlx.Scope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * Rows are drawn in one set of operations, whatever their settings are: each draws what it draws alone with its seed.
 */
class SamplerGroupsTest {
    private static final int VOCABULARY = 997;
    private static final int STEPS = 12;
    private static final int NONE = Sampling.NO_LOGPROBS;

    private static Sampling sampling(double temperature, double topP, int topK, double minP, long seed) {
        return new Sampling(temperature, topP, topK, minP, 0, 0.1, 1, 0, 0, 20, Map.of(), seed, NONE);
    }

    private static List<Sampling> plain() {
        return List.of(
                sampling(0, 0, 0, 0, 0),
                sampling(0.7, 0, 0, 0, 1),
                sampling(1, 0.9, 0, 0, 2),
                sampling(1.3, 0, 40, 0, 3),
                sampling(1, 0, 0, 0.05, 4),
                sampling(0.8, 0.95, 20, 0.02, 5),
                sampling(0.8, 0.95, 20, 0.02, 6));
    }

    private static List<Sampling> all() {
        List<Sampling> all = new ArrayList<>(plain());
        all.add(new Sampling(0.7, 0.9, 20, 0, 0.5, 0.01, 1, 0, 0, 20, Map.of(), 7, NONE));
        all.add(new Sampling(0.7, 0.9, 20, 0, 0, 0.1, 1.3, 0, 0, 20, Map.of(), 8, NONE));
        all.add(new Sampling(0, 0, 0, 0, 0, 0.1, 1.3, 2, 1, 5, Map.of(), 9, 3));
        all.add(new Sampling(1, 0.9, 20, 0, 0, 0.1, 1, 0, 0, 20, Map.of(3, 5.0), 10, NONE));
        all.add(new Sampling(1, 0.9, 0, 0, 0, 0.1, 1, 0, 0, 20, Map.of(), 11, 0));
        all.add(new Sampling(0.9, 0, 20, 0, 0, 0.1, 1, 0, 0, 20, Map.of(), 12, 7));
        return all;
    }

    @Test
    void eachRowDrawsWhatItDrawsAlone() {
        run(plain());
        run(all());
    }

    private static void run(List<Sampling> settings) {
        int count = settings.size();
        long handles = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("groups")) {
            thread.run(() -> {
                List<Sampler> alone = new ArrayList<>();
                List<Sampler> beside = new ArrayList<>();
                for (Sampling own : settings) {
                    alone.add(new Sampler(own, new int[] {1}));
                    beside.add(new Sampler(own, new int[] {1}));
                }
                for (int step = 0; step < STEPS; step++) {
                    step(alone, beside, step);
                }
                for (int i = 0; i < count; i++) {
                    same(beside.get(i).logprobs(), alone.get(i).logprobs());
                    alone.get(i).close();
                    beside.get(i).close();
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static void step(List<Sampler> alone, List<Sampler> beside, int step) {
        int count = alone.size();
        try (Scope scope = Scope.open()) {
            MlxArray logits = Ops.multiply(Random.normal(Random.key(step), count, VOCABULARY), 3);
            // rows join and leave: the first ones draw alone in most steps
            int from = step % count;
            int[] together = Sampler.together(beside.subList(from, count), Indexing.slice(logits, 0, from, count))
                    .toInts();
            for (int i = 0; i < count; i++) {
                MlxArray row = Indexing.slice(logits, 0, i, i + 1);
                int wanted = alone.get(i).sample(row).item();
                int got = i < from ? beside.get(i).sample(row).item() : together[i - from];
                assertThat(got).as("row %d, step %d", i, step).isEqualTo(wanted);
                alone.get(i).recordRead();
                beside.get(i).recordRead();
            }
        }
    }

    private static void same(List<TokenLogprob> got, List<TokenLogprob> wanted) {
        assertThat(got).hasSameSizeAs(wanted);
        for (int i = 0; i < got.size(); i++) {
            assertThat(got.get(i).id()).isEqualTo(wanted.get(i).id());
            assertThat(got.get(i).logprob()).isCloseTo(wanted.get(i).logprob(), within(1e-5f));
            same(got.get(i).top(), wanted.get(i).top());
        }
    }

    /** A token that no grammar allows is no alternative, however many are asked for. */
    @Test
    void whatIsExcludedIsNoAlternative() {
        long handles = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("groups")) {
            thread.run(() -> {
                Sampling four = new Sampling(1, 0, 0, 0, 0, 0.1, 1, 0, 0, 20, Map.of(), 1, 4);
                try (Scope scope = Scope.open();
                        Sampler sampler = new Sampler(four, new int[] {1})) {
                    float[] logits = new float[200];
                    Arrays.fill(logits, Float.NEGATIVE_INFINITY);
                    logits[7] = 1;
                    logits[150] = 2;
                    sampler.sample(MlxArray.of(logits, 1, logits.length));
                    sampler.recordRead();
                    assertThat(sampler.logprobs().getFirst().top())
                            .extracting(TokenLogprob::id)
                            .containsExactly(150, 7);
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }
}
