package dev.langchain4j.mlx.ffi;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/** Writes a graph in the language of Graphviz. mlx-c wants a file of the C library for it. */
public final class DotFile {
    private static final ValueLayout.OfLong POINTER = ValueLayout.JAVA_LONG;

    private DotFile() {}

    /**
     * Writes what computes these arrays.
     *
     * @param outputs a native vector
     * @return the status of mlx-c; 1 if there can be no such file
     */
    public static int write(Path file, long outputs) {
        MethodHandle open = link("fopen", FunctionDescriptor.of(POINTER, POINTER, POINTER));
        MethodHandle close = link("fclose", FunctionDescriptor.of(ValueLayout.JAVA_INT, (MemoryLayout) POINTER));
        try (Arena arena = Arena.ofConfined()) {
            long stream = (long) open.invokeExact(
                    arena.allocateFrom(file.toString()).address(),
                    arena.allocateFrom("w").address());
            if (stream == 0) {
                return 1;
            }
            long namer = MlxC.mlx_node_namer_new();
            try {
                return MlxC.mlx_export_to_dot(stream, namer, outputs);
            } finally {
                MlxC.mlx_node_namer_free(namer);
                int closed = (int) close.invokeExact(stream);
            }
        } catch (Throwable e) {
            throw Downcall.failed("export_to_dot", e);
        }
    }

    private static MethodHandle link(String name, FunctionDescriptor shape) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), shape);
    }
}
