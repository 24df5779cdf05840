package dev.langchain4j.model.mlx.model;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.DType;
import dev.langchain4j.mlx.Indexing;
import dev.langchain4j.mlx.MlxArray;
import dev.langchain4j.mlx.MlxMemory;
import dev.langchain4j.mlx.PartReader;
import dev.langchain4j.mlx.Quantized;
import dev.langchain4j.mlx.Quantized.Format;
import dev.langchain4j.mlx.Scope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The tensors of a model by their checkpoint names. Owns them: layers borrow. Each is asked for with the shape that
 * config.json implies, so that a folder that contradicts itself is refused while it is loaded.
 */
public final class Weights implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Weights.class);
    private static final String HEAD = "lm_head.";
    private static final String EMBEDDING = "model.embed_tokens.";

    private final String where;
    private final Quantization quantization;
    private final Adapter adapter;
    private final Map<String, MlxArray> tensors = new TreeMap<>();
    private final Set<String> unused = new TreeSet<>();
    private final List<MlxArray> derived = new ArrayList<>();
    private MlxMemory.WeightClaim claim;
    private Shard shard = Shard.WHOLE;
    /** Whether what is asked for now is computed by another rank. */
    private boolean elsewhere;
    /** Names of the tensors that were asked for what is computed here; the others stay unread. */
    private final Set<String> needed = new TreeSet<>();
    /** Computed from tensors that stay unread. */
    private final List<MlxArray> unread = new ArrayList<>();

    private boolean headIsOptional;
    private boolean expanding;

    Weights(String where, Quantization quantization, Map<String, MlxArray> loaded, Adapter adapter) {
        this.adapter = adapter;
        this.where = where;
        this.quantization = quantization;
        loaded.forEach((name, array) -> tensors.put(name, array.detach()));
        unused.addAll(tensors.keySet());
    }

    /**
     * Lets the embedding stand in for a head that is missing: who wants vectors needs none, and some folders for that
     * have none.
     */
    public Weights withOptionalHead() {
        headIsOptional = true;
        return this;
    }

    /** Lets layers load a share of a model only. */
    Weights sharded(Shard share) {
        shard = share;
        elsewhere = !hasOuterParts();
        return this;
    }

    private boolean hasOuterParts() {
        return shard.stage() == null || shard.stage().isFirst();
    }

    /** Makes the layer of an index, of so many. The tensors of a layer that another rank computes are not read. */
    public <T> T ofLayer(int index, int count, IntFunction<T> layer) {
        Stage stage = shard.stage();
        elsewhere = stage != null && (index < stage.start(count) || index >= stage.end(count));
        try {
            return layer.apply(index);
        } finally {
            elsewhere = !hasOuterParts();
        }
    }

    /** The share of the model that layers load. */
    public Shard shard() {
        return shard;
    }

    /**
     * The share of a layer's units, such as heads, that can be loaded where its output goes through a linear layer with
     * so many columns for each: all of them if the ranks cannot have as many each, or would part groups of quantized
     * columns.
     */
    public Shard shard(String output, int units, int columns) {
        if (shard.isWhole() || units % shard.size() != 0) {
            return Shard.WHOLE;
        }
        Format format = format(output, units * columns);
        boolean parts = format != null && units / shard.size() * columns % format.groupSize() != 0;
        return parts ? Shard.WHOLE : shard;
    }

    /** Lets {@link #format} expand quantized matrices to single precision, so that nobody sees one. */
    void expandQuantized() {
        expanding = true;
    }

    /** Whether there is such a tensor. */
    public boolean has(String name) {
        return tensors.containsKey(name);
    }

    /**
     * What is built of the tensors of a vision tower; null if there are none. Where they do not fit, because some are
     * missing for instance, they are freed, a warning says why, and null is returned: the text part of the folder
     * works.
     */
    public <T> T tower(Function<Weights, T> factory) {
        List<String> names = tensors.keySet().stream().filter(TextPart::sees).toList();
        int before = derived.size();
        try {
            return names.isEmpty() ? null : factory.apply(this);
        } catch (InvalidRequestException e) {
            log.warn("{}; the vision tower is not loaded, the model reads text only", e.getMessage());
            List<MlxArray> made = derived.subList(before, derived.size());
            made.forEach(MlxArray::close);
            made.clear();
            List<String> left = tensors.keySet().stream().filter(TextPart::sees).toList();
            left.forEach(name -> tensors.remove(name).close());
            names.forEach(unused::remove);
            return null;
        }
    }

    private MlxArray find(String name) {
        return tensors.get(actual(name));
    }

    private String actual(String name) {
        return headIsOptional && name.startsWith(HEAD) && !tensors.containsKey(name)
                ? EMBEDDING + name.substring(HEAD.length())
                : name;
    }

    /**
     * The tensor of floating numbers, which must have this shape.
     *
     * @throws InvalidRequestException if it is missing, or has another shape or type
     */
    public MlxArray get(String name, int... shape) {
        MlxArray tensor = shaped(name, shape);
        if (!tensor.dtype().isFloating()) {
            throw new InvalidRequestException("tensor " + name + " in " + where + " has the type " + tensor.dtype()
                    + ", but it must have a floating-point type");
        }
        return tensor;
    }

    /**
     * What these parts of the dimensions have of the tensor of floating numbers, in place of the whole one.
     *
     * @throws InvalidRequestException as {@link #get(String, int...)}
     */
    public MlxArray part(String name, Part... dimensions) {
        return cut(name, get(name, lengths(dimensions)), dimensions);
    }

    /** The same of the tensor of packed numbers. */
    public MlxArray packedPart(String name, DType type, Part... dimensions) {
        return cut(name, packed(name, type, lengths(dimensions)), dimensions);
    }

    private static int[] lengths(Part... dimensions) {
        return Arrays.stream(dimensions).mapToInt(Part::whole).toArray();
    }

    private MlxArray cut(String name, MlxArray whole, Part... dimensions) {
        if (Arrays.stream(dimensions).allMatch(Part::isWhole)) {
            return whole;
        }
        int[][] bounds = Arrays.stream(dimensions).map(Part::bounds).toArray(int[][]::new);
        try (Scope scope = Scope.open()) {
            MlxArray own = whole.readPart(bounds);
            // what was read is no more needed once it is rearranged
            own = own == null ? Partwise.sliced(whole, bounds) : own.eval();
            tensors.put(actual(name), own.detach()).close();
            return own;
        }
    }

    /**
     * The tensor of packed numbers, which must have this shape and type.
     *
     * @throws InvalidRequestException if it is missing, or has another shape or type
     */
    public MlxArray packed(String name, DType type, int... shape) {
        MlxArray tensor = shaped(name, shape);
        if (tensor.dtype() != type) {
            throw new InvalidRequestException("tensor " + name + " in " + where + " has the type " + tensor.dtype()
                    + ", but its quantization implies " + type);
        }
        return tensor;
    }

    private MlxArray shaped(String name, int[] shape) {
        MlxArray tensor = find(name);
        if (tensor == null) {
            throw new InvalidRequestException("the weights in " + where + " have no tensor " + name);
        }
        int[] actual = tensor.shape();
        if (!Arrays.equals(actual, shape)) {
            throw new InvalidRequestException("tensor " + name + " in " + where + " has the shape "
                    + Arrays.toString(actual) + ", but config.json implies " + Arrays.toString(shape));
        }
        unused.remove(name);
        if (!elsewhere) {
            needed.add(actual(name));
        }
        return tensor;
    }

    /**
     * How this layer is quantized, or null if it is not: what config.json says of it by name, else what the shapes of
     * its tensors imply, because the entry for all layers is wrong in some folders (mlx-lm's
     * {@code infer_quant_config}). Null, too, where the weights are to be expanded: the layer's weight is then a plain
     * one.
     *
     * @param in columns of the matrix before packing
     */
    public Format format(String layer, int in) {
        MlxArray scales = find(layer + ".scales");
        MlxArray packed = find(layer + ".weight");
        if (scales == null || packed == null) {
            return null;
        }
        if (quantization == null) {
            throw new InvalidRequestException(
                    "the weights in " + where + " have " + layer + ".scales, but config.json has no quantization");
        }
        Format named = quantization.named(layer);
        Format format = named != null ? named : quantization.implied(layer, in, packed, scales);
        if (in % format.groupSize() != 0 || (long) in * format.bits() % 32 != 0) {
            throw new InvalidRequestException(layer + " has " + in + " columns, which " + format
                    + " does not divide: see quantization in config.json");
        }
        if (expanding) {
            expand(layer, format, in, scales.shape());
            return null;
        }
        return format;
    }

    /** Puts the matrix in single precision in the place of what it is packed in. */
    private void expand(String layer, Format format, int in, int[] shape) {
        boolean affine = format.mode().equals("affine");
        shape[shape.length - 1] = in * format.bits() / 32;
        MlxArray packed = packed(layer + ".weight", DType.UINT32, shape);
        shape[shape.length - 1] = in / format.groupSize();
        MlxArray scales = affine ? get(layer + ".scales", shape) : packed(layer + ".scales", DType.UINT8, shape);
        MlxArray biases = affine ? get(layer + ".biases", shape) : null;
        MlxArray matrix = Quantized.dequantize(packed, scales, biases, format, DType.FLOAT32);
        matrix.withParts(dequantizing(format, packed.share(), scales.share(), affine ? biases.share() : null));
        tensors.put(actual(layer + ".weight"), matrix.detach()).close();
        tensors.remove(actual(layer + ".scales")).close();
        if (affine) {
            tensors.remove(actual(layer + ".biases")).close();
        }
    }

    /** Dequantizes parts of a matrix: the groups that a range of columns is in. */
    private static PartReader dequantizing(Format format, MlxArray packed, MlxArray scales, MlxArray biases) {
        return bounds -> {
            int last = bounds.length - 1;
            int first = bounds[last][0] / format.groupSize();
            int end = Math.ceilDiv(bounds[last][1], format.groupSize());
            int words = format.groupSize() * format.bits() / 32;
            int[][] own = bounds.clone();
            own[last] = new int[] {first * words, end * words};
            MlxArray part = bounds[last].length > 2 ? null : packed.readPart(own);
            if (part == null) {
                return null;
            }
            own[last] = new int[] {first, end};
            MlxArray ofScales = Partwise.part(scales, own);
            MlxArray ofBiases = biases == null ? null : Partwise.part(biases, own);
            MlxArray matrix = Quantized.dequantize(part, ofScales, ofBiases, format, DType.FLOAT32);
            int skipped = first * format.groupSize();
            return Indexing.contiguous(
                    Indexing.slice(matrix, last, bounds[last][0] - skipped, bounds[last][1] - skipped));
        };
    }

    /** What the adapter changes in a linear layer, the stacked ones of experts, or an embedding; null for nothing. */
    public Adapter.Change change(String layer) {
        return adapter == null ? null : adapter.change(layer);
    }

    /**
     * Tensors one behind the other along their first dimension, which take the place of what they are made of.
     *
     * @param shapes of each
     * @throws InvalidRequestException as {@link #get}
     */
    public MlxArray joined(List<String> names, List<int[]> shapes) {
        MlxArray[] parts = new MlxArray[names.size()];
        for (int i = 0; i < parts.length; i++) {
            parts[i] = get(names.get(i), shapes.get(i));
        }
        MlxArray joined = Indexing.concatenate(0, parts);
        names.forEach(name -> tensors.remove(name).close());
        String name = String.join("+", names);
        tensors.put(name, joined.detach());
        if (!elsewhere) {
            needed.add(name);
        }
        return joined;
    }

    /** Takes ownership of an array that was computed from the tensors when the model was built. */
    public MlxArray adopt(MlxArray array) {
        (elsewhere ? unread : derived).add(array.detach());
        return array;
    }

    /** Bytes of all tensors that are read. */
    public long bytes() {
        return read().mapToLong(MlxArray::bytes).sum();
    }

    private Stream<MlxArray> read() {
        return tensors.entrySet().stream()
                .filter(e -> shard.stage() == null || needed.contains(e.getKey()))
                .map(Map.Entry::getValue);
    }

    /** The element types that occur. */
    public Set<DType> types() {
        return tensors.values().stream().map(MlxArray::dtype).collect(Collectors.toSet());
    }

    /** Keeps what counts these tensors in {@link MlxMemory#weightBytes} until they are freed. */
    void holds(MlxMemory.WeightClaim counted) {
        claim = counted;
        claim.settle(Stream.of(all()).mapToLong(MlxArray::bytes).sum());
    }

    /** All arrays that are computed with here, for one evaluation after the model was built. */
    MlxArray[] all() {
        return Stream.concat(read(), derived.stream()).toArray(MlxArray[]::new);
    }

    /**
     * Says that the model is complete.
     *
     * @throws InvalidRequestException if there are tensors that nobody asked for, or the adapter does not fit
     */
    void checkAllUsed() {
        tensors.values().forEach(tensor -> tensor.withParts(null));
        if (adapter != null) {
            adapter.checkComplete();
        }
        if (!unused.isEmpty()) {
            List<String> some = unused.stream().limit(8).toList();
            throw new InvalidRequestException("the weights in " + where + " have " + unused.size()
                    + " tensors that the architecture does not use: " + String.join(", ", some)
                    + (unused.size() > some.size() ? ", ..." : ""));
        }
    }

    @Override
    public void close() {
        tensors.values().forEach(MlxArray::close);
        derived.forEach(MlxArray::close);
        unread.forEach(MlxArray::close);
        tensors.clear();
        derived.clear();
        unread.clear();
        if (claim != null) {
            claim.close();
        }
    }
}
