package dev.langchain4j.model.mlx.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Scope;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LogprobsTest {
    private static final int VOCABULARY = 50;

    private static Sampling sampling(double temperature, double topP, Map<Integer, Double> bias, int topLogprobs) {
        return new Sampling(temperature, topP, 0, 0, 0, 0.1, 1, 0, 0, 20, bias, 7, topLogprobs);
    }

    /** Draws two tokens before any is read, as the decode loop does, and reads them then. */
    private static List<TokenLogprob> draw(Sampling sampling, float[] first, float[] second) {
        long handles = LiveHandles.count();
        List<TokenLogprob> logprobs;
        try (MlxThread thread = MlxThread.start("logprobs")) {
            logprobs = thread.call(() -> {
                try (Scope scope = Scope.open();
                        Sampler sampler = new Sampler(sampling, new int[] {1})) {
                    sampler.sample(MlxArray.of(first, 1, first.length));
                    sampler.sample(MlxArray.of(second, 1, second.length));
                    sampler.sample(MlxArray.of(second, 1, second.length));
                    sampler.recordRead();
                    sampler.recordRead();
                    return sampler.logprobs();
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
        return logprobs;
    }

    private static float[] logits(long seed) {
        Random random = new Random(seed);
        float[] logits = new float[VOCABULARY];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) (4 * random.nextGaussian());
        }
        return logits;
    }

    private static double logprob(float[] logits, int id) {
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit);
        }
        return logits[id] - Math.log(sum);
    }

    @Test
    void areThoseOfTheWholeDistributionWhateverIsDrawnFrom() {
        float[] first = logits(1);
        float[] second = logits(2);
        for (double temperature : new double[] {0, 1.5}) {
            List<TokenLogprob> drawn = draw(sampling(temperature, 0.5, Map.of(), 5), first, second);
            assertThat(drawn).hasSize(2);
            for (int i = 0; i < 2; i++) {
                float[] logits = i == 0 ? first : second;
                TokenLogprob token = drawn.get(i);
                assertThat((double) token.logprob()).isCloseTo(logprob(logits, token.id()), within(1e-4));
                assertThat(token.top()).hasSize(5);
                token.top().forEach(other -> assertThat((double) other.logprob())
                        .isCloseTo(logprob(logits, other.id()), within(1e-4)));
                assertThat(token.top()).isSortedAccordingTo((a, b) -> Float.compare(b.logprob(), a.logprob()));
                if (temperature == 0) {
                    assertThat(token.top().getFirst().id()).isEqualTo(token.id());
                }
            }
        }
    }

    @Test
    void biasCounts() {
        List<TokenLogprob> drawn = draw(sampling(0, 0, Map.of(3, 100.0), 0), logits(1), logits(2));
        assertThat(drawn).allSatisfy(token -> {
            assertThat(token.id()).isEqualTo(3);
            assertThat(token.logprob()).isCloseTo(0, within(1e-4f));
            assertThat(token.top()).isEmpty();
        });
    }

    @Test
    void noneAreComputedUnlessAskedFor() {
        assertThat(draw(sampling(1, 0, Map.of(), Sampling.NO_LOGPROBS), logits(1), logits(2)))
                .isEmpty();
    }

    @Test
    void moreThanTwentyAreRefused() {
        assertThatThrownBy(() -> sampling(0, 0, Map.of(), 21))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("topLogprobs (21");
    }
}
