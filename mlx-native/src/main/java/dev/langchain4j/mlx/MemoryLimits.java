package dev.langchain4j.mlx;

/**
 * Limits of memory that suit a device. docs/memory.md has them for Macs of three sizes.
 *
 * @param budgetBytes bytes that all models of a process may hold together: what the driver recommends, or four
 *     fifths of the memory if the processor computes. MLX's memory limit
 * @param wiredBytes bytes that the system may not page out, on a Mac: all that the driver recommends; 0 elsewhere
 * @param sharesMemory whether MLX computes in the memory of the machine, so that weights count in the footprint
 * @param freedBytes freed bytes that MLX keeps for reuse: an eighth of the budget. MLX's cache limit
 * @param footprintBytes bytes that the process may take at most, the Java heap included: seven eighths of the memory
 * @param buffersMax native buffers of a process; 0 for any number
 * @param scoreBytes bytes of attention scores that a layer may store at a time: a sixteenth of the budget, from 64 MiB
 *     to 1 GiB
 * @param prefillChunkTokens tokens that are prefilled at once: 512 if the processor computes or the budget is less than
 *     8 GiB, 1,024 below 16 GiB, else 2,048
 */
public record MemoryLimits(
        long budgetBytes,
        long wiredBytes,
        boolean sharesMemory,
        long freedBytes,
        long footprintBytes,
        long buffersMax,
        long scoreBytes,
        int prefillChunkTokens) {
    private static final long GIB = 1L << 30;

    /** The limits that suit a device. */
    public static MemoryLimits of(MemoryDevice device) {
        long recommended = device.recommendedBytes();
        long memory = device.memoryBytes();
        long budget = recommended > 0 ? recommended : memory / 5 * 4;
        return new MemoryLimits(
                budget,
                device.sharesMemory() ? recommended : 0,
                device.sharesMemory(),
                budget / 8,
                memory / 8 * 7,
                device.buffersMax(),
                Math.clamp(budget / 16, GIB / 16, GIB),
                recommended == 0 || budget < 8 * GIB ? 512 : budget < 16 * GIB ? 1024 : 2048);
    }
}
