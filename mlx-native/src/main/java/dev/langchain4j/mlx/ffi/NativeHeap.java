package dev.langchain4j.mlx.ffi;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** The C library's heap, from which MLX's CPU backend and the text library allocate. */
public final class NativeHeap {
    /** Of glibc, which keeps what was freed in the heaps of threads, ended ones too; null where there is none. */
    private static final MethodHandle TRIM = Linker.nativeLinker()
            .defaultLookup()
            .find("malloc_trim")
            .map(address -> Linker.nativeLinker()
                    .downcallHandle(address, FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG)))
            .orElse(null);

    private NativeHeap() {}

    /** Gives freed memory back to the system, where the C library would keep it. */
    public static void trim() {
        if (TRIM == null) {
            return;
        }
        try {
            int unused = (int) TRIM.invokeExact(0L);
        } catch (Throwable e) {
            throw Downcall.failed("malloc_trim", e);
        }
    }
}
