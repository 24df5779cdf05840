package dev.langchain4j.model.mlx;

import dev.langchain4j.mlx.MemoryDevice;
import dev.langchain4j.mlx.MemoryLimits;

/** A process on a Mac of some size, whose memory a test decides. */
final class FakeProcess implements MemoryBudget.Source {
    final MemoryLimits limits;
    long weights;
    long inCaches;
    /** What it takes beside weights and prompt caches. */
    long rest;

    int givenBack;

    FakeProcess(MemoryDevice device) {
        limits = MemoryLimits.of(device);
    }

    /** A Mac. */
    static MemoryDevice mac(long memoryBytes, long recommendedBytes) {
        return new MemoryDevice() {
            @Override
            public long recommendedBytes() {
                return recommendedBytes;
            }

            @Override
            public boolean sharesMemory() {
                return true;
            }

            @Override
            public long memoryBytes() {
                return memoryBytes;
            }

            @Override
            public long buffersMax() {
                return 499_000;
            }
        };
    }

    @Override
    public long budgetBytes() {
        return limits.budgetBytes();
    }

    @Override
    public long weightBytes() {
        return weights;
    }

    @Override
    public long buffersMax() {
        return limits.buffersMax();
    }

    @Override
    public boolean sharesMemory() {
        return limits.sharesMemory();
    }

    @Override
    public long footprintBytes() {
        return rest + weights + inCaches;
    }

    @Override
    public long footprintLimitBytes() {
        return limits.footprintBytes();
    }

    @Override
    public void giveBack() {
        givenBack++;
    }
}
