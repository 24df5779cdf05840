package dev.langchain4j.mlx.ffi;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/** A function for C that MLX calls to trace a closure. It returns 1 whatever Java throws, which would end the JVM. */
public final class TraceStub {

    /** What is called. */
    @FunctionalInterface
    public interface Trace {
        /**
         * Traces.
         *
         * @param outputs pointer to a vector, to be filled
         * @param inputs a vector
         * @param number what the closure was made with
         * @return 0 if it went well
         */
        int run(long outputs, long inputs, long number);
    }

    private TraceStub() {}

    /** The function's address; it is there as long as the arena. */
    public static MemorySegment of(Trace trace, Arena arena) {
        try {
            MethodHandle run = MethodHandles.lookup()
                    .findVirtual(
                            Trace.class, "run", MethodType.methodType(int.class, long.class, long.class, long.class))
                    .bindTo(trace);
            MethodHandle failed = MethodHandles.dropArguments(MethodHandles.constant(int.class, 1), 0, Throwable.class);
            return Linker.nativeLinker()
                    .upcallStub(
                            MethodHandles.catchException(run, Throwable.class, failed),
                            FunctionDescriptor.of(
                                    ValueLayout.JAVA_INT,
                                    ValueLayout.JAVA_LONG,
                                    ValueLayout.JAVA_LONG,
                                    ValueLayout.JAVA_LONG),
                            arena);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }
}
