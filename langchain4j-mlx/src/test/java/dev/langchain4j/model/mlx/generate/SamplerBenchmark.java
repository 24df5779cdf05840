package dev.langchain4j.model.mlx.generate;

import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxThread;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Drawing a token from a vocabulary of 150,000, kernels included, with each setting that costs something of its own.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class SamplerBenchmark {
    private static final int VOCABULARY = 150_000;

    /** The setting. */
    @Param({"greedy", "temperature", "topP", "topK", "minP", "penalty", "logprobs"})
    public String setting;

    private MlxThread thread;
    private Sampler sampler;
    private MlxArray logits;

    @Setup
    public void start() {
        float[] values = new float[VOCABULARY];
        Random random = new Random(1);
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (3 * random.nextGaussian());
        }
        thread = MlxThread.start("sampler");
        thread.run(() -> {
            try (dev.langchain4j.mlx.Scope scope = dev.langchain4j.mlx.Scope.open()) {
                logits = MlxArray.of(values, 1, VOCABULARY).detach();
            }
            sampler = new Sampler(sampling(), new int[] {1, 2, 3});
        });
    }

    private Sampling sampling() {
        return new Sampling(
                setting.equals("greedy") || setting.equals("logprobs") ? 0 : 0.8,
                setting.equals("topP") ? 0.9 : 0,
                setting.equals("topK") ? 40 : 0,
                setting.equals("minP") ? 0.05 : 0,
                0,
                0.1,
                setting.equals("penalty") ? 1.1 : 1,
                0,
                0,
                20,
                Map.of(),
                1,
                setting.equals("logprobs") ? 5 : Sampling.NO_LOGPROBS);
    }

    @Benchmark
    public int draw() {
        return thread.call(() -> {
            try (dev.langchain4j.mlx.Scope scope = dev.langchain4j.mlx.Scope.open()) {
                int token = sampler.sample(logits).eval().item();
                sampler.recordRead();
                return token;
            }
        });
    }

    @TearDown
    public void stop() {
        thread.run(() -> {
            sampler.close();
            logits.close();
        });
        thread.close();
    }
}
