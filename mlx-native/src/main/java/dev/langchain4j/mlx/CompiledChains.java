package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.MlxC;
import dev.langchain4j.mlx.ffi.TraceStub;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/** What one thread has compiled. MLX calls back, on this thread, when it needs the operations of a chain. */
final class CompiledChains {
    private final OwnerThread t;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment stub;
    /** Of its own: while MLX traces, the thread's slot is used by the operations of the chain. */
    private final MemorySegment result = arena.allocate(8, 8);

    private final List<Compiled> chains = new ArrayList<>();
    private final Map<Compiled, Long> closures = new IdentityHashMap<>();
    /** What the last trace threw; null if nothing. */
    private Throwable failure;

    CompiledChains(OwnerThread thread) {
        this.t = thread;
        this.stub = TraceStub.of(this::trace, arena);
    }

    MlxArray[] apply(Compiled chain, MlxArray... inputs) {
        Long known = closures.get(chain);
        long closure = known != null ? known : compile(chain);
        long vector = t.vector(inputs);
        try {
            result.set(ValueLayout.JAVA_LONG, 0, 0L);
            failure = null;
            int status = MlxC.mlx_closure_apply(result.address(), closure, vector);
            if (status != 0 && failure != null) {
                throw new MlxException("a chain of operations could not be traced: " + failure.getMessage(), failure);
            }
            t.check(status, "compiled chain", inputs);
            return t.unpack(result.get(ValueLayout.JAVA_LONG, 0));
        } finally {
            MlxC.mlx_vector_array_free(vector);
        }
    }

    private long compile(Compiled chain) {
        chains.add(chain);
        long traced = MlxC.mlx_closure_new_func_payload(stub.address(), chains.size(), 0);
        try {
            t.check(MlxC.mlx_compile(t.out(), traced, chain.shapeless()), "compile");
            long closure = t.outLong();
            closures.put(chain, closure);
            return closure;
        } finally {
            MlxC.mlx_closure_free(traced);
        }
    }

    /** Called by MLX. Whatever is thrown stays here: an exception must not pass through its frames. */
    private int trace(long outputs, long inputs, long number) {
        boolean compiled = t.compiles;
        CpuFast cpuFast = t.cpuFast;
        t.compiles = false;
        // MLX cannot compile operations that it does not know
        t.cpuFast = null;
        try (Scope scope = Scope.open()) {
            MlxArray[] arguments = new MlxArray[Math.toIntExact(MlxC.mlx_vector_array_size(inputs))];
            for (int i = 0; i < arguments.length; i++) {
                t.check(MlxC.mlx_vector_array_get(t.out(), inputs, i), "vector_array_get");
                arguments[i] = t.adopt(t.outLong());
            }
            MlxArray made = chains.get((int) number - 1).chain().of(arguments);
            result.set(ValueLayout.JAVA_LONG, 0, t.use(made));
            t.check(MlxC.mlx_vector_array_set_data(outputs, result.address(), 1), "vector_array_set_data");
            return 0;
        } catch (Throwable e) {
            failure = e;
            return 1;
        } finally {
            result.set(ValueLayout.JAVA_LONG, 0, 0L);
            t.compiles = compiled;
            t.cpuFast = cpuFast;
        }
    }

    /** Frees what was compiled. */
    void free() {
        closures.values().forEach(MlxC::mlx_closure_free);
        closures.clear();
        chains.clear();
        arena.close();
    }
}
