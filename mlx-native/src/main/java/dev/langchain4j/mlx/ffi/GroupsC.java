package dev.langchain4j.mlx.ffi;

import java.lang.invoke.MethodHandle;

/**
 * The one function of libmlx itself that is called, because mlx-c has none for it: what MLX keeps of groups of
 * processes.
 */
public final class GroupsC {
    /** {@code void mlx::core::distributed::clear_backends()}, as compilers of Linux and macOS name it. */
    private static final String CLEAR = "_ZN3mlx4core11distributed14clear_backendsEv";

    private GroupsC() {}

    /** Whether the loaded MLX has it: version 0.32.2 has. */
    public static boolean exist() {
        return NativeLibrary.mlx().find(CLEAR).isPresent();
    }

    /** Lets MLX make a new group when it is asked for one next. */
    public static void clear() {
        try {
            Clear.HANDLE.invokeExact();
        } catch (Throwable e) {
            throw Downcall.failed(CLEAR, e);
        }
    }

    private static final class Clear {
        static final MethodHandle HANDLE = Downcall.link(CLEAR, ")V");
    }
}
