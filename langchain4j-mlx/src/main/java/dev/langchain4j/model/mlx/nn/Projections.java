package dev.langchain4j.model.mlx.nn;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.model.mlx.model.Part;
import dev.langchain4j.model.mlx.model.Weights;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** Linear layers that see one input, such as those of queries, keys and values, or of gates and values. */
public interface Projections {

    /** The output of each layer, in their order, of [..., in]. */
    MlxArray[] of(MlxArray x);

    /**
     * The layers of these names. On the CPU, which computes in single precision, their matrices are put side by side
     * where they are plain, so that one product takes the place of several.
     *
     * @param in length of the last dimension of what goes in
     * @param bias whether there must be biases
     * @param outs length of the last dimension of what comes out of each
     */
    static Projections load(Weights w, int in, boolean bias, List<String> names, int... outs) {
        boolean plain = names.stream().allMatch(name -> w.format(name, in) == null && w.change(name) == null);
        if (plain && IntStream.range(0, outs.length).allMatch(i -> isSingle(w, names.get(i), outs[i], in))) {
            return fused(joined(w, in, bias, names, outs), outs);
        }
        return parted(IntStream.range(0, outs.length)
                .mapToObj(i -> Linear.load(w, names.get(i), in, outs[i], bias))
                .toArray(Linear[]::new));
    }

    /** The same with a part of the outputs of each, as layers of their own where not all have all. */
    static Projections load(Weights w, int in, boolean bias, List<String> names, Part... outs) {
        if (Arrays.stream(outs).allMatch(Part::isWhole)) {
            return load(
                    w,
                    in,
                    bias,
                    names,
                    Arrays.stream(outs).mapToInt(Part::whole).toArray());
        }
        return parted(IntStream.range(0, outs.length)
                .mapToObj(i -> Linear.loadRows(w, names.get(i), in, outs[i], bias))
                .toArray(Linear[]::new));
    }

    private static boolean isSingle(Weights w, String name, int out, int in) {
        return w.get(name + ".weight", out, in).dtype() == DType.FLOAT32;
    }

    /** One layer whose outputs are those of plain layers of these names, one behind the other. */
    static Linear joined(Weights w, int in, boolean bias, List<String> names, int... outs) {
        List<int[]> matrices =
                Arrays.stream(outs).mapToObj(out -> new int[] {out, in}).toList();
        List<int[]> vectors =
                Arrays.stream(outs).mapToObj(out -> new int[] {out}).toList();
        MlxArray matrix = w.joined(names.stream().map(name -> name + ".weight").toList(), matrices);
        return Linear.of(
                w,
                matrix,
                bias ? w.joined(names.stream().map(name -> name + ".bias").toList(), vectors) : null);
    }

    /** One matrix for each of them. */
    static Projections parted(Linear... layers) {
        return x -> {
            MlxArray[] all = new MlxArray[layers.length];
            for (int i = 0; i < all.length; i++) {
                all[i] = layers[i].apply(x);
            }
            return all;
        };
    }

    /** One matrix for all, which has their outputs of these lengths one behind the other. */
    static Projections fused(Linear all, int... outs) {
        int[] ends = Arrays.copyOf(outs, outs.length - 1);
        for (int i = 1; i < ends.length; i++) {
            ends[i] += ends[i - 1];
        }
        return x -> Indexing.splitAt(all.apply(x), -1, ends);
    }
}
