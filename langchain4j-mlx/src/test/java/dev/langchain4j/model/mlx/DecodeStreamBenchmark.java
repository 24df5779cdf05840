package dev.langchain4j.model.mlx;

import dev.langchain4j.mlx.text.DecodeStream;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.testing.DemoModel;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Turning 1,000 tokens into text, one after the other. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class DecodeStreamBenchmark {
    private Tokenizer tokenizer;
    private int[] tokens;

    @Setup
    public void open() {
        tokenizer = Tokenizer.fromFile(DemoModel.folder().resolve("tokenizer.json"));
        int[] encoded =
                tokenizer.encode("The weather in Lisbon is sunny today, São Paulo has rain. ".repeat(100), false);
        tokens = java.util.Arrays.copyOf(encoded, 1_000);
    }

    @Benchmark
    public int decode() {
        int chars = 0;
        try (DecodeStream stream = tokenizer.decodeStream(false)) {
            for (int token : tokens) {
                chars += stream.step(token).length();
            }
            return chars + stream.finish().length();
        }
    }

    @TearDown
    public void close() {
        tokenizer.close();
    }
}
