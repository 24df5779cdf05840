package dev.langchain4j.model.mlx.cache;

import dev.langchain4j.model.mlx.cache.CacheSession.Outcome;
import dev.langchain4j.model.mlx.cache.FakeLayer.Kind;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
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

/** What the cache adds to a request of a long conversation that goes on: begin and close, layers aside. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class PromptCacheBenchmark {
    private static final int LAYERS = 36;

    @Param({"10000", "100000"})
    public int tokens;

    private CacheHarness harness;
    private int[] prompt;

    @Setup
    public void fill() {
        Kind[] kinds = new Kind[LAYERS];
        Arrays.fill(kinds, Kind.SLICEABLE);
        harness = new CacheHarness(
                new CacheLimits(Long.MAX_VALUE / 2, Integer.MAX_VALUE, Duration.ofHours(1), 1024), 1, kinds);
        harness.chunkTokens = 2048;
        prompt = new Random(5).ints(tokens, 0, 150_000).toArray();
        harness.run("a", Arrays.copyOf(prompt, tokens - 1));
    }

    /** One token more each time would grow the conversation, so the same prompt comes again: all but its last token. */
    @Benchmark
    public int beginAndClose() {
        CacheRequest request =
                new CacheRequest(CacheHarness.KEY, prompt, List.of(), "a", Isolation.SHARED, harness.layers);
        CacheSession session = harness.cache.begin(request);
        session.close(Outcome.TOOL_CALL);
        return session.resumePosition();
    }

    @TearDown
    public void nothingWasCopied() {
        if (harness.stats().bytesCopied() != 0) {
            throw new AssertionError(harness.stats().bytesCopied() + " bytes were copied");
        }
        harness.cache.close();
    }
}
