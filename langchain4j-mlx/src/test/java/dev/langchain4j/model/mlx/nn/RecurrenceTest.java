package dev.langchain4j.model.mlx.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Scope;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What recurrent layers compute in chunks is what they compute position by position. */
class RecurrenceTest {
    private static final int LENGTH = 150;

    private static void run(Runnable test) {
        long handles = LiveHandles.count();
        try (MlxThread thread = MlxThread.start("recurrence")) {
            thread.run(() -> {
                try (Scope scope = Scope.open()) {
                    test.run();
                }
            });
        }
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    private static MlxArray normal(Random random, double scale, int... shape) {
        int size = 1;
        for (int n : shape) {
            size *= n;
        }
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = (float) (scale * random.nextGaussian());
        }
        return MlxArray.of(values, shape);
    }

    private static MlxArray cut(MlxArray a, int start, int end) {
        return Indexing.slice(a, 1, start, end);
    }

    private static double gap(MlxArray a, MlxArray b) {
        float[] x = a.toFloats();
        float[] y = b.toFloats();
        double gap = x.length == y.length ? 0 : Double.NaN;
        for (int i = 0; i < x.length; i++) {
            double d = Math.abs(x[i] - y[i]);
            gap = d <= gap ? gap : d;
        }
        return gap;
    }

    private static void gatedDelta(MlxArray q, MlxArray k, MlxArray v, MlxArray logDecay, MlxArray beta) {
        GatedDelta.Result whole = GatedDelta.run(q, k, v, logDecay, beta, null, LENGTH, false);
        MlxArray matrix = null;
        MlxArray[] outputs = new MlxArray[LENGTH];
        for (int i = 0; i < LENGTH; i++) {
            GatedDelta.Result step = GatedDelta.run(
                    cut(q, i, i + 1),
                    cut(k, i, i + 1),
                    cut(v, i, i + 1),
                    cut(logDecay, i, i + 1),
                    cut(beta, i, i + 1),
                    matrix,
                    1,
                    false);
            outputs[i] = step.output();
            matrix = step.matrix();
        }
        assertThat(gap(whole.output(), Indexing.concatenate(1, outputs))).isCloseTo(0, within(1e-4));
        assertThat(gap(whole.matrix(), matrix)).isCloseTo(0, within(1e-4));
    }

    @Test
    void theGatedDeltaRule() {
        run(() -> {
            Random random = new Random(7);
            MlxArray q = GatedDelta.normalizedQueries(normal(random, 1, 1, LENGTH, 2, 16));
            MlxArray k = GatedDelta.normalizedKeys(normal(random, 1, 1, LENGTH, 2, 16));
            MlxArray v = normal(random, 1, 1, LENGTH, 4, 8);
            MlxArray logDecay = Ops.negative(Ops.exp(normal(random, 2, 1, LENGTH, 4)));
            gatedDelta(q, k, v, logDecay, Ops.sigmoid(normal(random, 1, 1, LENGTH, 4)));
        });
    }

    /** A prompt of one token again and again: all keys are the same, nothing decays, each correction is a whole one. */
    @Test
    void theGatedDeltaRuleWhereKeysRepeat() {
        run(() -> {
            Random random = new Random(8);
            MlxArray key = GatedDelta.normalizedKeys(normal(random, 1, 1, 1, 2, 16));
            MlxArray k = Indexing.repeat(key, LENGTH, 1);
            MlxArray v = normal(random, 1, 1, LENGTH, 4, 8);
            MlxArray zero = Ops.multiply(normal(random, 1, 1, LENGTH, 4), 0);
            gatedDelta(k, k, v, zero, Ops.add(zero, 1));
        });
    }

    /** Some dimensions are forgotten at once, others never. */
    @Test
    void theGatedDeltaRuleWithADecayForEachDimension() {
        run(() -> {
            Random random = new Random(10);
            MlxArray q = GatedDelta.normalizedQueries(normal(random, 1, 1, LENGTH, 3, 16));
            MlxArray k = GatedDelta.normalizedKeys(normal(random, 1, 1, LENGTH, 3, 16));
            MlxArray v = normal(random, 1, 1, LENGTH, 3, 8);
            MlxArray logDecay = Ops.negative(Ops.exp(normal(random, 3, 1, LENGTH, 3, 16)));
            gatedDelta(q, k, v, logDecay, Ops.sigmoid(normal(random, 1, 1, LENGTH, 3)));
        });
    }

    @Test
    void theStateSpace() {
        run(() -> {
            Random random = new Random(9);
            int length = 300;
            MlxArray x = normal(random, 1, 1, length, 6, 8);
            MlxArray b = normal(random, 1, 1, length, 2, 16);
            MlxArray c = normal(random, 1, 1, length, 2, 16);
            MlxArray dt = normal(random, 1, 1, length, 6);
            MlxArray aLog = normal(random, 1, 6);
            StateSpace space = StateSpace.of(a -> a, aLog, normal(random, 1, 6), normal(random, 1, 6), 0.01, 10);
            StateSpace.Result whole = space.run(x, b, c, dt, null, length, false);
            MlxArray state = null;
            MlxArray[] outputs = new MlxArray[length];
            for (int i = 0; i < length; i++) {
                StateSpace.Result step = space.run(
                        cut(x, i, i + 1), cut(b, i, i + 1), cut(c, i, i + 1), cut(dt, i, i + 1), state, 1, false);
                outputs[i] = step.output();
                state = step.state();
            }
            assertThat(gap(whole.output(), Indexing.concatenate(1, outputs))).isCloseTo(0, within(1e-3));
            assertThat(gap(whole.state(), state)).isCloseTo(0, within(1e-3));
        });
    }
}
