package dev.langchain4j.model.mlx.model;

import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.Ops;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** What checkpoints of several architectures need before their tensors have the names and shapes that we ask for. */
public final class Tensors {
    private static final int FP8_BLOCK = 128;
    private static final List<String> PARTS = List.of(".weight", ".scales", ".biases", ".bias");
    private static final Pattern LAYER = Pattern.compile("model\\.layers\\.(\\d{1,9})\\..*");

    private Tensors() {}

    /**
     * Stacks the matrices that a raw folder has one by one for each expert. Leaves alone what is not complete, so that
     * loading names it.
     *
     * @param from what stands before and after the number of the expert, such as {@code "a.experts."} and {@code ".w1"}
     * @param to name of the stacked layer
     */
    public static void stackExperts(Map<String, MlxArray> tensors, String[] from, String to, int experts) {
        for (String part : PARTS) {
            if (experts == 0 || !tensors.containsKey(from[0] + 0 + from[1] + part)) {
                continue;
            }
            List<String> names = IntStream.range(0, experts)
                    .mapToObj(e -> from[0] + e + from[1] + part)
                    .toList();
            if (tensors.keySet().containsAll(names)) {
                MlxArray[] each = names.stream().map(tensors::remove).toArray(MlxArray[]::new);
                tensors.put(to + part, Partwise.stack(each));
            }
        }
    }

    /** Stacks {@code mlp.experts.N.{gate,up,down}_proj} of all layers as {@code mlp.switch_mlp}. */
    public static void stackExperts(ModelConfig config, Map<String, MlxArray> tensors, int experts) {
        stackExperts(config, tensors, ".mlp", experts);
    }

    /** As the other one, for a feed-forward layer of this name. */
    public static void stackExperts(
            ModelConfig config, Map<String, MlxArray> tensors, String feedForward, int experts) {
        // one more than there are: a head that drafts is a layer behind the last one
        for (int i = 0; i <= config.count("num_hidden_layers"); i++) {
            String name = "model.layers." + i + feedForward;
            for (String projection : List.of(".gate_proj", ".up_proj", ".down_proj")) {
                String[] from = {name + ".experts.", projection};
                stackExperts(tensors, from, name + ".switch_mlp" + projection, experts);
            }
        }
    }

    /** Turns the kernels of convolutions that raw folders have as [channels, 1, width]. */
    public static void turnKernels(Map<String, MlxArray> tensors) {
        tensors.replaceAll((name, a) ->
                name.endsWith("conv1d.weight") && a.dim(-1) != 1 ? Indexing.contiguous(Indexing.moveAxis(a, 2, 1)) : a);
    }

    /** Drops layers behind the last one: those that predict several tokens ahead. */
    public static void dropLayersBehind(ModelConfig config, Map<String, MlxArray> tensors) {
        dropLayersFrom(config.count("num_hidden_layers"), tensors);
    }

    /** Drops the layers from this one on. */
    public static void dropLayersFrom(int first, Map<String, MlxArray> tensors) {
        tensors.keySet().removeIf(name -> {
            Matcher layer = LAYER.matcher(name);
            return layer.matches() && Integer.parseInt(layer.group(1)) >= first;
        });
    }

    /** Replaces bytes that are 8-bit floats, with a scale for each block of 128 by 128 or one for all, by bfloat16. */
    public static void dequantizeFp8Blocks(Map<String, MlxArray> tensors) {
        for (String name : List.copyOf(tensors.keySet())) {
            MlxArray bytes = name.endsWith(".weight_scale_inv") ? tensors.get(withoutScale(name)) : null;
            if (bytes != null && bytes.dtype() == DType.UINT8 && bytes.ndim() == 2) {
                MlxArray scales = tensors.remove(name);
                tensors.put(
                        withoutScale(name),
                        dequantized(bytes, scales).withParts(bounds -> dequantizedPart(bytes, scales, bounds)));
            }
        }
    }

    private static String withoutScale(String name) {
        return name.substring(0, name.length() - "_scale_inv".length());
    }

    /** Ranges of rows and one of columns, of the blocks that these are in. */
    private static MlxArray dequantizedPart(MlxArray bytes, MlxArray scales, int[]... bounds) {
        Blocks columns = Blocks.around(bounds[1], 0, bytes.dim(1));
        MlxArray[] ranges = new MlxArray[bounds[0].length / 2];
        for (int i = 0; i < ranges.length; i++) {
            Blocks rows = Blocks.around(bounds[0], i, bytes.dim(0));
            MlxArray part = bounds[1].length > 2 ? null : bytes.readPart(rows.bounds, columns.bounds);
            if (part == null) {
                return null;
            }
            MlxArray own = scales.size() == 1
                    ? scales
                    : Indexing.slice(scales, new int[] {rows.first, columns.first}, new int[] {rows.end, columns.end});
            int[] start = {rows.skipped, columns.skipped};
            int[] stop = {rows.skipped + rows.length, columns.skipped + columns.length};
            ranges[i] = Indexing.slice(dequantized(part, own), start, stop);
        }
        return Indexing.contiguous(Indexing.concatenate(0, ranges));
    }

    /**
     * The blocks that a range of indices is in.
     *
     * @param bounds of all their indices
     * @param skipped indices before the range
     */
    private record Blocks(int first, int end, int[] bounds, int skipped, int length) {

        static Blocks around(int[] ranges, int range, int whole) {
            int from = ranges[2 * range];
            int to = ranges[2 * range + 1];
            int first = from / FP8_BLOCK;
            int end = Math.ceilDiv(to, FP8_BLOCK);
            int[] bounds = {first * FP8_BLOCK, Math.min(whole, end * FP8_BLOCK)};
            return new Blocks(first, end, bounds, from - bounds[0], to - from);
        }
    }

    private static MlxArray dequantized(MlxArray bytes, MlxArray scales) {
        int rows = bytes.dim(0);
        int columns = bytes.dim(1);
        MlxArray zero = MlxArray.scalar(0, DType.BFLOAT16);
        MlxArray values = Ops.fromFp8(bytes, DType.BFLOAT16);
        if (scales.size() == 1) {
            return Ops.astype(Ops.multiply(values, Indexing.reshape(scales, 1, 1)), DType.BFLOAT16);
        }
        int blockRows = Math.ceilDiv(rows, FP8_BLOCK);
        int blockColumns = Math.ceilDiv(columns, FP8_BLOCK);
        values = Indexing.pad(values, 0, 0, blockRows * FP8_BLOCK - rows, zero);
        values = Indexing.pad(values, 1, 0, blockColumns * FP8_BLOCK - columns, zero);
        values = Indexing.reshape(values, blockRows, FP8_BLOCK, blockColumns, FP8_BLOCK);
        values = Ops.multiply(values, Indexing.expandDims(Indexing.expandDims(scales, 1), -1));
        values = Indexing.reshape(values, blockRows * FP8_BLOCK, blockColumns * FP8_BLOCK);
        int[] whole = {rows, columns};
        return Ops.astype(Indexing.slice(values, new int[2], whole), DType.BFLOAT16);
    }

    /** Gives 4-bit words of compressed-tensors the names and the zero point that MLX has for them. */
    public static void renamePackedWords(Map<String, MlxArray> tensors) {
        for (String name : List.copyOf(tensors.keySet())) {
            String base =
                    name.endsWith(".weight_shape") ? name.substring(0, name.length() - "weight_shape".length()) : "";
            if (tensors.containsKey(base + "weight_packed") && tensors.containsKey(base + "weight_scale")) {
                tensors.remove(name);
                MlxArray scales = tensors.remove(base + "weight_scale");
                MlxArray packed = tensors.remove(base + "weight_packed");
                tensors.put(base + "weight", Partwise.map(packed, a -> Indexing.view(a, DType.UINT32)));
                tensors.put(base + "scales", scales);
                tensors.put(base + "biases", Partwise.map(scales, a -> Ops.multiply(a, -8)));
            }
        }
    }
}
