package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.MlxC;
import dev.langchain4j.mlx.ffi.NativeErrors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;

/** Where MLX computes. */
public enum Device {
    /** The processor. */
    CPU,
    /** Metal on a Mac, CUDA on Linux with such a build of MLX. */
    GPU;

    /**
     * The device of this machine: a GPU where MLX sees one, else the CPU. The system property
     * {@code langchain4j.mlx.device} ({@code cpu} or {@code gpu}) decides otherwise.
     *
     * @throws IllegalArgumentException if the property names no device
     */
    public static Device best() {
        String wanted = System.getProperty("langchain4j.mlx.device");
        if (wanted != null) {
            try {
                return valueOf(wanted.toUpperCase(Locale.ROOT));
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException("langchain4j.mlx.device (" + wanted + ") must be cpu or gpu", e);
            }
        }
        NativeErrors.install();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment available = arena.allocate(8);
            long device = MlxC.mlx_device_new_type(GPU.id(), 0);
            int status = device == 0 ? 1 : MlxC.mlx_device_is_available(available.address(), device);
            if (device != 0) {
                MlxC.mlx_device_free(device);
            }
            if (status != 0) {
                NativeErrors.take();
                return CPU;
            }
            return available.get(ValueLayout.JAVA_BYTE, 0) != 0 ? GPU : CPU;
        }
    }

    int id() {
        return ordinal();
    }
}
