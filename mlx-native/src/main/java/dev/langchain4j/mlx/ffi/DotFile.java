package dev.langchain4j.mlx.ffi;

import java.lang.foreign.Arena;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/** Writes a graph in the language of Graphviz. mlx-c wants a file of the C library for it. */
public final class DotFile {
    private static final MethodHandle OPEN = Downcall.link(SystemC.LIBRARY, "fopen", "JJ)J");
    private static final MethodHandle CLOSE = Downcall.link(SystemC.LIBRARY, "fclose", "J)I");

    private DotFile() {}

    /**
     * Writes what computes these arrays.
     *
     * @param outputs a native vector
     * @return the status of mlx-c; not 0 either if there can be no such file, or it was not written to its end
     */
    public static int write(Path file, long outputs) {
        try (Arena arena = Arena.ofConfined()) {
            long stream = (long) OPEN.invokeExact(
                    arena.allocateFrom(file.toString()).address(),
                    arena.allocateFrom("w").address());
            if (stream == 0) {
                return 1;
            }
            long namer = MlxC.mlx_node_namer_new();
            int status = MlxC.mlx_export_to_dot(stream, namer, outputs);
            MlxC.mlx_node_namer_free(namer);
            int closed = (int) CLOSE.invokeExact(stream);
            return status != 0 ? status : closed;
        } catch (Throwable e) {
            throw Downcall.failed("export_to_dot", e);
        }
    }
}
