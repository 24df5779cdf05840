package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.DotFile;
import dev.langchain4j.mlx.ffi.MlxC;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The operations behind arrays that are not computed yet. On a GPU each of them is at least one launch of a kernel. */
public final class Graph {
    private static final Pattern NODE = Pattern.compile("\\[label =\"(\\w+)\", shape=rectangle]");

    /** What looks at the same memory in another way. */
    private static final Set<String> VIEWS = Set.of(
            "AsStrided",
            "Broadcast",
            "BroadcastAxes",
            "ExpandDims",
            "Flatten",
            "Reshape",
            "Slice",
            "Split",
            "Squeeze",
            "StopGradient",
            "Transpose",
            "Unflatten",
            "View");

    private Graph() {}

    /**
     * How many operations of each name compute these arrays; those that only look at memory in another way left out.
     */
    public static Map<String, Integer> nodes(MlxArray... outputs) {
        OwnerThread t = OwnerThread.current();
        try {
            Path file = Files.createTempFile("graph", ".dot");
            try {
                long vector = t.vector(outputs);
                try {
                    t.check(DotFile.write(file, vector), "export_to_dot");
                } finally {
                    MlxC.mlx_vector_array_free(vector);
                }
                return count(Files.readString(file));
            } finally {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Map<String, Integer> count(String dot) {
        Map<String, Integer> nodes = new TreeMap<>();
        Matcher node = NODE.matcher(dot);
        while (node.find()) {
            if (!VIEWS.contains(node.group(1))) {
                nodes.merge(node.group(1), 1, Integer::sum);
            }
        }
        return nodes;
    }

    /**
     * Builds what a GPU would get, on any device: without the CPU's own operations, with compiled chains, and with one
     * node, named Depends, for each fused operation and each kernel. Such a graph is there to be looked at: computing
     * it gives numbers without meaning.
     */
    public static <T> T asOnGpu(Callable<T> builder) throws Exception {
        return sketch(true, builder);
    }

    /** As {@link #asOnGpu}, without compiled chains: any device can compute it, to arrays of the right shapes. */
    public static <T> T withoutNumbers(Callable<T> builder) throws Exception {
        return sketch(false, builder);
    }

    private static <T> T sketch(boolean compiled, Callable<T> builder) throws Exception {
        OwnerThread t = OwnerThread.current();
        CpuFast cpuFast = t.cpuFast;
        boolean cpuLogits = t.cpuLogits;
        boolean compiles = t.compiles;
        t.cpuFast = null;
        t.cpuLogits = false;
        t.compiles = compiled;
        t.sketches = true;
        try {
            return builder.call();
        } finally {
            t.cpuFast = cpuFast;
            t.cpuLogits = cpuLogits;
            t.compiles = compiles;
            t.sketches = false;
        }
    }

    /** The dimensions that these two broadcast to, then more. */
    static int[] broadcast(int[] a, int[] b, int... more) {
        int common = Math.max(a.length, b.length);
        int[] shape = new int[common + more.length];
        for (int i = 0; i < common; i++) {
            int x = i < common - a.length ? 1 : a[i - common + a.length];
            int y = i < common - b.length ? 1 : b[i - common + b.length];
            shape[i] = Math.max(x, y);
        }
        System.arraycopy(more, 0, shape, common, more.length);
        return shape;
    }

    /** A node that stands for an operation on these arrays, null among them for none. */
    static MlxArray node(int[] shape, DType type, MlxArray... inputs) {
        return nodes(new int[][] {shape}, new DType[] {type}, inputs)[0];
    }

    /** The same for an operation with several results. */
    static MlxArray[] nodes(int[][] shapes, DType[] types, MlxArray... inputs) {
        OwnerThread t = OwnerThread.current();
        MlxArray[] blanks = new MlxArray[shapes.length];
        Arrays.setAll(blanks, i -> Indexing.broadcastTo(MlxArray.scalar(0, types[i]), shapes[i]));
        long before = t.vector(Arrays.stream(inputs).filter(Objects::nonNull).toArray(MlxArray[]::new));
        try {
            long outputs = t.vector(blanks);
            try {
                t.check(MlxC.mlx_depends(t.out(), outputs, before), "depends", blanks);
                return t.unpack(t.outLong());
            } finally {
                MlxC.mlx_vector_array_free(outputs);
            }
        } finally {
            MlxC.mlx_vector_array_free(before);
        }
    }

    /** The type of a result that is computed from these two. */
    static DType promoted(DType a, DType b) {
        return a == b ? a : DType.FLOAT32;
    }
}
