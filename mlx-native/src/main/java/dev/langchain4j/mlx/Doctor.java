package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.MlxC;
import dev.langchain4j.mlx.ffi.NativeErrors;
import dev.langchain4j.mlx.ffi.NativeLibrary;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** Says what MLX there is, where it was found, and whether and how fast it works. Run: {@code samples/run doctor}. */
public final class Doctor {
    private static final int SIZE = 1024;
    private static final int ROUNDS = 5;

    private Doctor() {}

    /**
     * Prints the report.
     *
     * @return whether all is well
     */
    public static boolean report(PrintStream out) {
        line(out, "Java", Runtime.version() + ", " + System.getProperty("java.vm.name"));
        line(
                out,
                "system",
                System.getProperty("os.name") + " " + System.getProperty("os.version") + " "
                        + System.getProperty("os.arch") + ", "
                        + Runtime.getRuntime().availableProcessors() + " processors");
        line(
                out,
                "native access",
                Doctor.class.getModule().isNativeAccessEnabled()
                        ? "granted"
                        : "not granted: add --enable-native-access="
                                + (Doctor.class.getModule().isNamed() ? "dev.langchain4j.mlx" : "ALL-UNNAMED"));
        try {
            Path mlx = NativeLibrary.mlxLocation().file();
            line(out, "libraries", mlx + " (" + NativeLibrary.mlxLocation().place() + ")");
            line(out, "text library", NativeLibrary.textLocation().file().toString());
            line(out, "BLAS", blas(mlx.getParent()));
            line(out, "MLX", version());
            line(out, "device", Device.best().toString().toLowerCase(Locale.ROOT));
            try (MlxThread thread = MlxThread.start("doctor")) {
                thread.run(() -> check(out));
            }
            MemoryLimits limits = MlxMemory.limits();
            line(
                    out,
                    "memory limits",
                    mebibytes(MlxMemory.budgetBytes()) + " for all models, "
                            + (limits.wiredBytes() == 0 ? "nothing" : mebibytes(limits.wiredBytes())) + " wired, "
                            + mebibytes(limits.freedBytes()) + " kept when freed, "
                            + (limits.buffersMax() == 0 ? "any number of" : limits.buffersMax()) + " buffers");
            line(
                    out,
                    "prefill",
                    limits.prefillChunkTokens() + " tokens at once, attention scores up to "
                            + mebibytes(limits.scoreBytes()));
            line(
                    out,
                    "process",
                    mebibytes(MlxMemory.footprintBytes()) + " of at most "
                            + mebibytes(MlxMemory.footprintLimitBytes()));
            line(
                    out,
                    "memory",
                    MlxMemory.activeBytes() + " bytes active, " + (MlxMemory.peakBytes() >> 20) + " MiB peak");
            return true;
        } catch (RuntimeException e) {
            line(out, "FAILED", e.getMessage());
            return false;
        }
    }

    private static String mebibytes(long bytes) {
        return (bytes >> 20) + " MiB";
    }

    private static void check(PrintStream out) {
        try (Scope scope = Scope.open()) {
            boolean right = Arrays.equals(
                            Ops.add(MlxArray.of(new float[] {1, 2}, 2), MlxArray.of(new float[] {10}, 1))
                                    .toFloats(),
                            new float[] {11, 12})
                    && Math.abs(Fast.rope(MlxArray.of(new float[] {1, 0}, 1, 1, 1, 2), 2, false, 100f, 1f, 1)
                                            .toFloats()[0]
                                    - Math.cos(1))
                            < 1e-5;
            line(
                    out,
                    "calling",
                    right ? "numbers, handles and optional numbers are passed correctly" : "WRONG RESULTS");
            if (!right) {
                throw new MlxException("this platform passes arguments differently than expected");
            }
            OwnerThread t = OwnerThread.current();
            line(
                    out,
                    "operations",
                    (t.cpuFast == null ? "MLX's own" : "fused for this processor") + "; chains "
                            + (t.compiles ? "compiled" : "run one by one") + "; kernels for Metal "
                            + (t.metal ? "where they pass their check" : "none"));
            MlxArray a = Random.normal(Random.key(1), SIZE, SIZE).eval();
            long best = Long.MAX_VALUE;
            for (int i = 0; i < ROUNDS; i++) {
                long begun = System.nanoTime();
                Ops.matmul(a, a).eval();
                best = Math.min(best, System.nanoTime() - begun);
            }
            double operations = 2.0 * SIZE * SIZE * SIZE;
            line(
                    out,
                    "matrix product",
                    String.format(
                            Locale.ROOT,
                            "%d x %d in %.1f ms, %.0f GFLOP/s%s",
                            SIZE,
                            SIZE,
                            best / 1e6,
                            operations / best,
                            operations / best < 15 ? " (slow: is a reference BLAS in use?)" : ""));
        }
    }

    /** On the CPU the BLAS decides how fast prefill is; it lies beside libmlx. */
    private static String blas(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            List<String> names = files.map(f -> f.getFileName().toString())
                    .filter(name -> name.contains("blas"))
                    .sorted()
                    .toList();
            return names.isEmpty() ? "the system's" : String.join(", ", names);
        } catch (IOException e) {
            return "unknown: " + e.getMessage();
        }
    }

    /** The version of MLX that is loaded. */
    public static String version() {
        NativeErrors.install();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment slot = arena.allocate(8, 8);
            slot.set(ValueLayout.JAVA_LONG, 0, MlxC.mlx_string_new());
            try {
                if (MlxC.mlx_version(slot.address()) != 0) {
                    throw new MlxException("version: " + NativeErrors.take());
                }
                return MemorySegment.ofAddress(MlxC.mlx_string_data(slot.get(ValueLayout.JAVA_LONG, 0)))
                        .reinterpret(256)
                        .getString(0);
            } finally {
                MlxC.mlx_string_free(slot.get(ValueLayout.JAVA_LONG, 0));
            }
        }
    }

    private static void line(PrintStream out, String name, String value) {
        out.printf("%-15s %s%n", name, value);
    }

    /** Prints the report to standard output; ends with status 1 if something is wrong. */
    public static void main(String[] args) {
        if (!report(System.out)) {
            System.exit(1);
        }
    }
}
