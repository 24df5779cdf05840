package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.MlxC;
import dev.langchain4j.mlx.ffi.NativeErrors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;
import java.util.OptionalLong;

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

    /** A number that MLX tells of this device, such as {@code memory_size}; empty where it has none of that name. */
    OptionalLong info(String key) {
        NativeErrors.install();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment slot = arena.allocate(8, 8);
            MemorySegment value = arena.allocate(8, 8);
            slot.set(ValueLayout.JAVA_LONG, 0, MlxC.mlx_device_info_new());
            long device = MlxC.mlx_device_new_type(id(), 0);
            try {
                if (MlxC.mlx_device_info_get(slot.address(), device) == 0
                        && MlxC.mlx_device_info_get_size(
                                        value.address(),
                                        slot.get(ValueLayout.JAVA_LONG, 0),
                                        arena.allocateFrom(key).address())
                                == 0) {
                    return OptionalLong.of(value.get(ValueLayout.JAVA_LONG, 0));
                }
                NativeErrors.take();
                return OptionalLong.empty();
            } finally {
                MlxC.mlx_device_info_free(slot.get(ValueLayout.JAVA_LONG, 0));
                MlxC.mlx_device_free(device);
            }
        }
    }

    int id() {
        return ordinal();
    }
}
