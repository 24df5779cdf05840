package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.MlxC;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;

/**
 * A kernel of our own in Metal's language, compiled when it is first computed. Thread-safe; a thread keeps what it has
 * made of it until it ends.
 *
 * @param name name of the function, unique in the process
 * @param inputs names of the input arrays in the source
 * @param outputs names of the output arrays in the source
 * @param source the body of the function; template arguments are constants and types in it
 */
public record MetalKernel(String name, List<String> inputs, List<String> outputs, String source) {

    /**
     * How a kernel is run.
     *
     * @param numbers template arguments that are numbers
     * @param types template arguments that are types
     * @param grid threads in each direction
     * @param group threads of a group in each direction
     * @param shapes the shape of each output
     * @param results the type of each output
     */
    public record Launch(
            Map<String, Integer> numbers,
            Map<String, DType> types,
            int[] grid,
            int[] group,
            int[][] shapes,
            DType[] results) {}

    /** Whether this thread computes by Metal, or builds a graph as if it did. */
    public static boolean isSupported() {
        OwnerThread t = OwnerThread.current();
        return t.sketches || t.metal;
    }

    /** Whether this thread only builds a graph to be looked at, so that no result can be checked. */
    public static boolean isSketched() {
        return OwnerThread.current().sketches;
    }

    /**
     * The outputs, lazy as those of all operations: what does not compile is found when they are computed.
     *
     * @throws MlxException if there is no Metal here
     */
    public MlxArray[] run(Launch launch, MlxArray... arrays) {
        OwnerThread t = OwnerThread.current();
        if (t.sketches) {
            return Graph.nodes(launch.shapes, launch.results, arrays);
        }
        long kernel = t.metalKernels.computeIfAbsent(this, unknown -> make(t));
        long config = config(launch, t);
        try {
            long vector = t.vector(arrays);
            try {
                t.check(MlxC.mlx_fast_metal_kernel_apply(t.out(), kernel, vector, config, t.stream), name, arrays);
                return t.unpack(t.outLong());
            } finally {
                MlxC.mlx_vector_array_free(vector);
            }
        } finally {
            MlxC.mlx_fast_metal_kernel_config_free(config);
        }
    }

    private long make(OwnerThread t) {
        try (Arena arena = Arena.ofConfined()) {
            long in = names(arena, inputs);
            long out = names(arena, outputs);
            try {
                long kernel = MlxC.mlx_fast_metal_kernel_new(
                        arena.allocateFrom(name).address(),
                        in,
                        out,
                        arena.allocateFrom(source).address(),
                        arena.allocateFrom("").address(),
                        true,
                        false);
                t.check(kernel == 0 ? 1 : 0, name);
                return kernel;
            } finally {
                MlxC.mlx_vector_string_free(in);
                MlxC.mlx_vector_string_free(out);
            }
        }
    }

    private static long names(Arena arena, List<String> names) {
        MemorySegment pointers = arena.allocate(8L * names.size(), 8);
        for (int i = 0; i < names.size(); i++) {
            pointers.setAtIndex(
                    ValueLayout.JAVA_LONG, i, arena.allocateFrom(names.get(i)).address());
        }
        return MlxC.mlx_vector_string_new_data(pointers.address(), names.size());
    }

    private long config(Launch launch, OwnerThread t) {
        long config = MlxC.mlx_fast_metal_kernel_config_new();
        try {
            for (int i = 0; i < launch.shapes.length; i++) {
                int[] shape = launch.shapes[i];
                t.check(
                        MlxC.mlx_fast_metal_kernel_config_add_output_arg(
                                config, t.ints(0, shape), shape.length, launch.results[i].id()),
                        name);
            }
            int[] g = launch.grid;
            t.check(MlxC.mlx_fast_metal_kernel_config_set_grid(config, g[0], g[1], g[2]), name);
            int[] s = launch.group;
            t.check(MlxC.mlx_fast_metal_kernel_config_set_thread_group(config, s[0], s[1], s[2]), name);
            launch.types.forEach((key, type) -> t.check(
                    MlxC.mlx_fast_metal_kernel_config_add_template_arg_dtype(
                            config, OwnerThread.constant(key), type.id()),
                    name));
            launch.numbers.forEach((key, number) -> t.check(
                    MlxC.mlx_fast_metal_kernel_config_add_template_arg_int(config, OwnerThread.constant(key), number),
                    name));
            return config;
        } catch (Throwable e) {
            MlxC.mlx_fast_metal_kernel_config_free(config);
            throw e;
        }
    }
}
