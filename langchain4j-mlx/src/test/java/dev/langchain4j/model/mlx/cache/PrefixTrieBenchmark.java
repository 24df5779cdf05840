package dev.langchain4j.model.mlx.cache;

import java.util.Arrays;
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
import org.openjdk.jmh.annotations.Warmup;

/** Lookups in an index of prompts that share their first half, as those of agents with one system message do. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class PrefixTrieBenchmark {
    @Param({"1000", "10000", "100000"})
    public int tokens;

    @Param({"10", "100", "1000"})
    public int entries;

    private PrefixTrie trie;
    private int[] extending;
    private int[] diverging;

    @Setup
    public void fill() {
        Random random = new Random(5);
        trie = new PrefixTrie(new Usage(CacheLimits.ofBytes(Long.MAX_VALUE)));
        Conversation owner = new Conversation("all");
        int half = tokens / 2;
        int[] prompt = random.ints(tokens, 0, 150_000).toArray();
        for (int entry = 0; entry < entries; entry++) {
            for (int i = half; i < tokens; i++) {
                prompt[i] = random.nextInt(150_000);
            }
            trie.extend(trie.root(), prompt, 0, tokens, owner);
        }
        extending = Arrays.copyOf(prompt, tokens + 64);
        diverging = Arrays.copyOf(prompt, tokens);
        Arrays.fill(diverging, half, tokens, 200_001);
    }

    /** The next round of a conversation: all that is known, and 64 tokens more. */
    @Benchmark
    public Object extending() {
        return trie.match(extending);
    }

    /** A prompt that leaves at the half, where all the others branch. */
    @Benchmark
    public Object diverging() {
        return trie.match(diverging);
    }
}
