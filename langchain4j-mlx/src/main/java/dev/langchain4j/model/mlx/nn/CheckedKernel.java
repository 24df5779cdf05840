package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.MetalKernel;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import dev.langchain4j.mlx.Scope;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A kernel that is used only if it computes what plain operations compute: at its first use in the process both are
 * computed of random input. One that does not compile, or whose results are others, is left alone from then on, with
 * one warning.
 */
final class CheckedKernel {
    private static final Logger log = LoggerFactory.getLogger(CheckedKernel.class);
    /** Of the largest number of a result. Sums in another order differ by far less, a wrong index by far more. */
    private static final double TOLERANCE = 1e-3;

    private final String name;
    private final BooleanSupplier supported;
    private final Supplier<MlxArray[]> input;
    private final Function<MlxArray[], MlxArray[]> kernel;
    private final Function<MlxArray[], MlxArray[]> plain;
    /** Null until it was checked. */
    private volatile Boolean right;

    /**
     * A kernel and what it is compared with.
     *
     * @param supported whether the current thread's device could run it
     * @param input random input for the check
     */
    CheckedKernel(
            String name,
            BooleanSupplier supported,
            Supplier<MlxArray[]> input,
            Function<MlxArray[], MlxArray[]> kernel,
            Function<MlxArray[], MlxArray[]> plain) {
        this.name = name;
        this.supported = supported;
        this.input = input;
        this.kernel = kernel;
        this.plain = plain;
    }

    /** Whether it may be used on the current thread; checks it if nobody did. */
    boolean isUsable() {
        if (!supported.getAsBoolean()) {
            return false;
        }
        if (MetalKernel.isSketched()) {
            return true;
        }
        if (right == null) {
            synchronized (this) {
                if (right == null) {
                    right = check();
                }
            }
        }
        return right;
    }

    private boolean check() {
        try (Scope scope = Scope.open()) {
            MlxArray[] in = input.get();
            MlxArray[] expected = plain.apply(in);
            MlxArray[] found = kernel.apply(in);
            for (int i = 0; i < expected.length; i++) {
                double gap = gap(expected[i], found[i]);
                if (!(gap <= TOLERANCE)) {
                    log.warn(
                            "The kernel {} computes different numbers than plain operations on this device"
                                    + " (result {}, off by {});"
                                    + " the plain ones are used, which is slower. Please report it with the"
                                    + " output of doctor.",
                            name,
                            i,
                            gap);
                    return false;
                }
            }
            return true;
        } catch (RuntimeException e) {
            log.warn(
                    "The kernel {} does not run on this device; plain operations are used, which is slower."
                            + " Please report it with the output of doctor.",
                    name,
                    e);
            return false;
        }
    }

    private static double gap(MlxArray expected, MlxArray found) {
        float[] a = Ops.astype(expected, DType.FLOAT32).toFloats();
        float[] b = Ops.astype(found, DType.FLOAT32).toFloats();
        if (a.length != b.length) {
            return Double.NaN;
        }
        double largest = 1e-6;
        // not a number once one difference is not
        double gap = 0;
        for (int i = 0; i < a.length; i++) {
            largest = Math.max(largest, Math.abs(a[i]));
            gap = Math.max(gap, Math.abs(a[i] - b[i]));
        }
        return gap / largest;
    }
}
