package dev.langchain4j.mlx;

/**
 * What a machine says about its memory; {@link MemoryLimits#of} makes limits of it. {@link MlxMemory} asks the machine
 * of this process. Implementations for other machines say what limits they would have.
 */
public interface MemoryDevice {
    /**
     * Bytes that one process should keep at most in the memory of the GPU, as its driver says: Metal's recommended
     * working set, or what MLX uses of a GPU with memory of its own. 0 if the processor computes.
     */
    long recommendedBytes();

    /** Whether MLX computes in the memory of the machine: on a Mac, and if the processor computes. */
    boolean sharesMemory();

    /** Bytes of memory of the machine, or of the container that the process runs in if they are fewer. */
    long memoryBytes();

    /** Native buffers that the driver allows a process; 0 for any number. */
    long buffersMax();
}
