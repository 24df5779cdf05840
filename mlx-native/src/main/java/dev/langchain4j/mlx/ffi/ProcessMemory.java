package dev.langchain4j.mlx.ffi;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** The memory of this process and of its machine, as the operating system counts it. */
public final class ProcessMemory {
    /** Flavour, length in 32-bit words, and offset of {@code phys_footprint}, of {@code mach/task_info.h}. */
    private static final int TASK_VM_INFO = 22;

    private static final int TASK_VM_INFO_REV1_COUNT = 38;
    private static final long PHYS_FOOTPRINT = 144;

    private ProcessMemory() {}

    /**
     * Bytes that the process takes, its memory on a Mac's GPU included, but no files that it only reads: {@code
     * phys_footprint} on macOS, anonymous and shared memory and what of it was paged out on Linux. 0 if that is not
     * known.
     */
    public static long footprintBytes() {
        return isMac() ? Mac.footprint() : linuxFootprint(Path.of("/proc/self/status"));
    }

    private static boolean isMac() {
        return System.getProperty("os.name").toLowerCase(Locale.ROOT).startsWith("mac");
    }

    static long linuxFootprint(Path status) {
        return kilobytes(status, "RssAnon:", "RssShmem:", "VmSwap:");
    }

    /** Bytes of memory of a Linux machine; 0 if that is not known. */
    public static long machineBytes() {
        return kilobytes(Path.of("/proc/meminfo"), "MemTotal:");
    }

    /** The sum of these lines of a file of Linux' proc, in bytes. */
    private static long kilobytes(Path file, String... names) {
        long sum = 0;
        try {
            for (String line : Files.readAllLines(file)) {
                for (String name : names) {
                    if (line.startsWith(name)) {
                        sum += Long.parseLong(line.substring(name.length())
                                        .replace("kB", "")
                                        .strip())
                                << 10;
                    }
                }
            }
            return sum;
        } catch (IOException | NumberFormatException unknown) {
            return 0;
        }
    }

    /** {@code task_info} of the C library of macOS. */
    private static final class Mac {
        private static final SymbolLookup LIBRARY = Linker.nativeLinker().defaultLookup();
        private static final MethodHandle TASK_INFO = Downcall.link(LIBRARY, "task_info", "IIJJ)I");
        private static final int SELF =
                LIBRARY.findOrThrow("mach_task_self_").reinterpret(4).get(ValueLayout.JAVA_INT, 0);

        static long footprint() {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment info = arena.allocate(4L * TASK_VM_INFO_REV1_COUNT, 8);
                MemorySegment count = arena.allocateFrom(ValueLayout.JAVA_INT, TASK_VM_INFO_REV1_COUNT);
                int status = (int) TASK_INFO.invokeExact(SELF, TASK_VM_INFO, info.address(), count.address());
                return status == 0 ? Math.max(0, info.get(ValueLayout.JAVA_LONG, PHYS_FOOTPRINT)) : 0;
            } catch (Throwable e) {
                throw Downcall.failed("task_info", e);
            }
        }
    }
}
