package dev.langchain4j.mlx;

import java.util.Objects;

/**
 * Elementwise operations that a GPU runs as one kernel: MLX traces them once for each combination of types and numbers
 * of dimensions, on each thread, and compiles what it found. On the CPU, where that would take a C++ compiler, they run
 * one by one. The system property {@code langchain4j.mlx.compile} ({@code true} or {@code false}) decides otherwise.
 *
 * <p>Thread-safe. A thread keeps what it has compiled until it ends, so make one for each chain, not one for each call.
 */
public final class Compiled {

    /** The operations. Must not compute anything, nor depend on anything but its inputs and constants. */
    @FunctionalInterface
    public interface Chain {
        /** Builds the result of these inputs. */
        MlxArray of(MlxArray... inputs);
    }

    private final Chain chain;
    private final boolean shapeless;

    private Compiled(Chain chain, boolean shapeless) {
        this.chain = Objects.requireNonNull(chain, "chain");
        this.shapeless = shapeless;
    }

    /** A chain whose operations do not depend on the lengths of dimensions. */
    public static Compiled of(Chain chain) {
        return new Compiled(chain, true);
    }

    /**
     * Operations that are traced for each shape of the inputs: those with reductions, slices or new shapes among them.
     */
    public static Compiled byShape(Chain chain) {
        return new Compiled(chain, false);
    }

    /** The result of these inputs. */
    public MlxArray apply(MlxArray... inputs) {
        OwnerThread t = OwnerThread.current();
        return t.compiles ? t.compiledChains().apply(this, inputs)[0] : chain.of(inputs);
    }

    Chain chain() {
        return chain;
    }

    boolean shapeless() {
        return shapeless;
    }
}
