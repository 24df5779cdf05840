package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.FusedC;
import dev.langchain4j.mlx.ffi.LogitsC;
import dev.langchain4j.mlx.ffi.MlxC;
import dev.langchain4j.mlx.ffi.NativeErrors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The thread behind an {@link MlxThread}: its MLX stream, its stack of temporary arrays, and native memory for results
 * and small arguments. Being a subclass of Thread makes "which thread am I on" one check instead of a map.
 */
final class OwnerThread extends Thread {
    private static final int INTS_MAX = 64;
    private static final int REGIONS = 6;
    private static final long DEFAULT_GRACE_NANOS = 5_000_000_000L;
    private static final ConcurrentHashMap<String, Long> CONSTANTS = new ConcurrentHashMap<>();

    private static final int[][] STEPS = new int[9][];

    static {
        for (int i = 0; i < STEPS.length; i++) {
            STEPS[i] = new int[i];
            Arrays.fill(STEPS[i], 1);
        }
    }

    private final Arena arena = Arena.ofShared();
    private final MemorySegment slot = arena.allocate(8, 8);
    private final MemorySegment ints = arena.allocate(INTS_MAX * 4L * REGIONS, 8);
    private final long slotAddress = slot.address();
    private final long intsAddress = ints.address();
    private MemorySegment pointers = arena.allocate(8 * 64L, 8);

    private long device;
    long stream;
    /** Where files are read and ranks exchange numbers: a CPU stream also where {@link #stream} is a GPU's. */
    long cpuStream;
    /** What stands in for fused kernels on the CPU; null where MLX has them, or the natives bring none. */
    CpuFast cpuFast;
    /** Whether {@link Logits} has operations of its own: on the CPU, where the natives bring them. */
    boolean cpuLogits;
    /** Whether chains of operations are compiled: on a GPU, or as the system property says. */
    boolean compiles;
    /** Whether graphs are built to be looked at, see {@link Graph#asOnGpu}. */
    boolean sketches;

    /** Whether kernels of our own can run here. */
    boolean metal;

    /** Kernels of our own by what they were made of. */
    final Map<MetalKernel, Long> metalKernels = new HashMap<>();

    private CompiledChains compiledChains;

    private MlxArray[] temporaries = new MlxArray[256];
    private int temporaryCount;
    int openScopes;
    /** Tasks that were queued and have not ended, for {@link Shutdown}. */
    final AtomicInteger pending = new AtomicInteger();
    /** How long they may go on when the JVM shuts down. */
    volatile long graceNanos = DEFAULT_GRACE_NANOS;
    /** Whether nothing may be computed any more. */
    volatile boolean halted;
    /** When the task began that runs, of {@link System#nanoTime}; 0 if none does. */
    volatile long taskBegan;
    /** Why nobody waits for it any more: a native call of it does not return. Null while it does. */
    volatile RuntimeException abandoned;

    OwnerThread(String name, Runnable work) {
        super(null, work, name);
        setDaemon(true);
    }

    /** The current thread, which must be one that owns MLX arrays. */
    static OwnerThread current() {
        if (Thread.currentThread() instanceof OwnerThread owner) {
            return owner;
        }
        throw new IllegalStateException("MLX is called on thread \""
                + Thread.currentThread().getName() + "\", but only an MlxThread may call it: use MlxThread.call");
    }

    void openStreams(Device wanted) {
        NativeErrors.install();
        MlxMemory.fitToDevice();
        compiles = Boolean.parseBoolean(System.getProperty("langchain4j.mlx.compile", "" + (wanted == Device.GPU)));
        check(MlxC.mlx_metal_is_available(out()), "metal_is_available");
        metal = wanted == Device.GPU && outBoolean();
        device = MlxC.mlx_device_new_type(wanted.id(), 0);
        stream = MlxC.mlx_stream_new_device(device);
        check(MlxC.mlx_set_default_stream(stream), "set_default_stream");
        if (wanted == Device.CPU) {
            cpuStream = stream;
            cpuFast = FusedC.exist() ? new CpuFast(this) : null;
            cpuLogits = LogitsC.exist();
        } else {
            long cpu = MlxC.mlx_device_new_type(Device.CPU.id(), 0);
            cpuStream = MlxC.mlx_stream_new_device(cpu);
            check(MlxC.mlx_device_free(cpu), "device_free");
        }
    }

    CompiledChains compiledChains() {
        if (compiledChains == null) {
            compiledChains = new CompiledChains(this);
        }
        return compiledChains;
    }

    void closeStreams() {
        if (stream != 0) {
            settle();
            if (compiledChains != null) {
                compiledChains.free();
            }
            metalKernels.values().forEach(MlxC::mlx_fast_metal_kernel_free);
            if (cpuFast != null) {
                cpuFast.free();
            }
            if (cpuStream != stream) {
                MlxC.mlx_stream_free(cpuStream);
            }
            MlxC.mlx_stream_free(stream);
            MlxC.mlx_device_free(device);
            report(MlxC.mlx_clear_streams(), "clear_streams");
            stream = 0;
        }
        arena.close();
    }

    /** Waits for what is queued. */
    void settle() {
        report(MlxC.mlx_synchronize(stream), "synchronize");
    }

    /** Checks a status where nobody could catch what is thrown. */
    private void report(int status, String operation) {
        if (status != 0) {
            getUncaughtExceptionHandler().uncaughtException(this, failure(operation));
        }
    }

    // ---- results -------------------------------------------------------------------------------------------------

    /** Where a function writes the handle it makes; emptied, for mlx-c assigns to what it finds there. */
    long out() {
        slot.set(ValueLayout.JAVA_LONG, 0, 0L);
        return slotAddress;
    }

    long outLong() {
        return slot.get(ValueLayout.JAVA_LONG, 0);
    }

    int outInt() {
        return slot.get(ValueLayout.JAVA_INT, 0);
    }

    boolean outBoolean() {
        return slot.get(ValueLayout.JAVA_BYTE, 0) != 0;
    }

    MlxArray result(int status, String operation, MlxArray a) {
        if (status != 0) {
            throw failure(operation, a);
        }
        return adopt(outLong());
    }

    MlxArray result(int status, String operation, MlxArray a, MlxArray b) {
        if (status != 0) {
            throw failure(operation, a, b);
        }
        return adopt(outLong());
    }

    MlxArray result(int status, String operation, MlxArray a, MlxArray b, MlxArray c) {
        if (status != 0) {
            throw failure(operation, a, b, c);
        }
        return adopt(outLong());
    }

    void check(int status, String operation, MlxArray... operands) {
        if (status != 0) {
            throw failure(operation, operands);
        }
    }

    private static MlxException failure(String operation, MlxArray... operands) {
        String text = NativeErrors.take();
        String shapes =
                Stream.of(operands).map(a -> a == null ? "none" : a.describe()).collect(Collectors.joining(", "));
        return new MlxException(operation + "(" + shapes + "): " + text);
    }

    // ---- temporaries ---------------------------------------------------------------------------------------------

    /** Makes a temporary array of the innermost open scope. */
    MlxArray adopt(long handle) {
        if (openScopes == 0) {
            MlxC.mlx_array_free(handle);
            throw new IllegalStateException("no Scope is open on thread \"" + getName() + "\"");
        }
        if (temporaryCount == temporaries.length) {
            temporaries = Arrays.copyOf(temporaries, temporaryCount * 2);
        }
        MlxArray array = new MlxArray(this, handle, temporaryCount);
        temporaries[temporaryCount++] = array;
        return array;
    }

    void forget(int index) {
        temporaries[index] = null;
    }

    int mark() {
        return temporaryCount;
    }

    void release(int mark) {
        for (int i = temporaryCount - 1; i >= mark; i--) {
            MlxArray array = temporaries[i];
            if (array != null) {
                temporaries[i] = null;
                array.free();
            }
        }
        temporaryCount = mark;
    }

    // ---- arguments -----------------------------------------------------------------------------------------------

    long use(MlxArray array) {
        if (array.thread != this || array.handle == 0) {
            throw array.unusable(this);
        }
        return array.handle;
    }

    /** The handle, or the empty handle that mlx-c takes for "none". */
    long useOrNone(MlxArray array) {
        return array == null ? 0 : use(array);
    }

    /** Puts numbers into native memory until the same region is asked for again. */
    long ints(int region, int... values) {
        if (values.length > INTS_MAX) {
            throw new IllegalArgumentException("dimensions (" + values.length + ") must be at most " + INTS_MAX);
        }
        long at = region * INTS_MAX * 4L;
        for (int i = 0; i < values.length; i++) {
            ints.set(ValueLayout.JAVA_INT, at + i * 4L, values[i]);
        }
        return intsAddress + at;
    }

    /** Steps of one for a slice of that many dimensions. */
    int[] steps(int dimensions) {
        return STEPS[dimensions];
    }

    /** The arrays of a native vector, as temporaries; frees the vector. */
    MlxArray[] unpack(long vector) {
        try {
            MlxArray[] parts = new MlxArray[Math.toIntExact(MlxC.mlx_vector_array_size(vector))];
            for (int i = 0; i < parts.length; i++) {
                check(MlxC.mlx_vector_array_get(out(), vector, i), "vector_array_get");
                parts[i] = adopt(outLong());
            }
            return parts;
        } finally {
            MlxC.mlx_vector_array_free(vector);
        }
    }

    /** A native vector of these arrays; the caller frees it. */
    long vector(MlxArray... arrays) {
        if (pointers.byteSize() < 8L * arrays.length) {
            pointers = arena.allocate(16L * arrays.length, 8);
        }
        for (int i = 0; i < arrays.length; i++) {
            pointers.setAtIndex(ValueLayout.JAVA_LONG, i, use(arrays[i]));
        }
        return MlxC.mlx_vector_array_new_data(pointers.address(), arrays.length);
    }

    /** Address of a C string that lives as long as the process; for the few constants that operations take. */
    static long constant(String text) {
        return CONSTANTS.computeIfAbsent(
                text,
                t -> Arena.global().allocateFrom(t, StandardCharsets.UTF_8).address());
    }
}
