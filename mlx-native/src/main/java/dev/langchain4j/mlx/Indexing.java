package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.MlxC;
import dev.langchain4j.mlx.ffi.UnwrittenC;
import java.util.Arrays;

/** Making, reshaping, slicing and gathering. Negative axes count from the last. Lazy, as {@link Ops}. */
public final class Indexing {
    private Indexing() {}

    /** Zeros. */
    public static MlxArray zeros(DType type, int... shape) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_zeros(t.out(), t.ints(0, shape), shape.length, type.id(), t.stream), "zeros", null);
    }

    /**
     * Elements that are all written before they are read: on the CPU whatever lies in their memory, which costs nothing
     * before that; elsewhere zeros.
     *
     * @throws IllegalArgumentException if the shape has a negative length, or more bytes than can be counted
     */
    public static MlxArray unwritten(DType type, int... shape) {
        long bytes = type.bytes();
        for (int length : shape) {
            if (length < 0 || length > 0 && bytes > Long.MAX_VALUE / length) {
                throw new IllegalArgumentException("no array of " + type + " has the shape " + Arrays.toString(shape));
            }
            bytes *= length;
        }
        OwnerThread t = OwnerThread.current();
        return t.cpuFast == null
                ? zeros(type, shape)
                : t.result(UnwrittenC.array(t.out(), t.ints(0, shape), shape.length, type.id()), "unwritten", null);
    }

    /** Ones. */
    public static MlxArray ones(DType type, int... shape) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_ones(t.out(), t.ints(0, shape), shape.length, type.id(), t.stream), "ones", null);
    }

    /** The numbers from start, below stop, in steps of one. */
    public static MlxArray arange(double start, double stop, DType type) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_arange(t.out(), start, stop, 1, type.id(), t.stream), "arange", null);
    }

    /** Zeros of the same shape and type. */
    public static MlxArray zerosLike(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_zeros_like(t.out(), t.use(a), t.stream), "zeros_like", a);
    }

    /** The value everywhere. */
    public static MlxArray full(MlxArray value, DType type, int... shape) {
        OwnerThread t = OwnerThread.current();
        return t.result(
                MlxC.mlx_full(t.out(), t.ints(0, shape), shape.length, t.use(value), type.id(), t.stream),
                "full",
                value);
    }

    /** The same elements in another shape; -1 stands for what is left. */
    public static MlxArray reshape(MlxArray a, int... shape) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_reshape(t.out(), t.use(a), t.ints(0, shape), shape.length, t.stream), "reshape", a);
    }

    /** Repeats dimensions of length one without copying. */
    public static MlxArray broadcastTo(MlxArray a, int... shape) {
        OwnerThread t = OwnerThread.current();
        return t.result(
                MlxC.mlx_broadcast_to(t.out(), t.use(a), t.ints(0, shape), shape.length, t.stream), "broadcast_to", a);
    }

    /** Reorders the dimensions. */
    public static MlxArray transpose(MlxArray a, int... axes) {
        OwnerThread t = OwnerThread.current();
        return t.result(
                MlxC.mlx_transpose_axes(t.out(), t.use(a), t.ints(0, axes), axes.length, t.stream),
                "transpose_axes",
                a);
    }

    /** Exchanges two dimensions. */
    public static MlxArray swapAxes(MlxArray a, int axis1, int axis2) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_swapaxes(t.out(), t.use(a), axis1, axis2, t.stream), "swapaxes", a);
    }

    /** Moves a dimension. */
    public static MlxArray moveAxis(MlxArray a, int source, int destination) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_moveaxis(t.out(), t.use(a), source, destination, t.stream), "moveaxis", a);
    }

    /** Puts in a dimension of length one. */
    public static MlxArray expandDims(MlxArray a, int axis) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_expand_dims(t.out(), t.use(a), axis, t.stream), "expand_dims", a);
    }

    /** Takes out a dimension of length one. */
    public static MlxArray squeeze(MlxArray a, int axis) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_squeeze_axis(t.out(), t.use(a), axis, t.stream), "squeeze_axis", a);
    }

    /** Joins the dimensions from start to end, both included. */
    public static MlxArray flatten(MlxArray a, int startAxis, int endAxis) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_flatten(t.out(), t.use(a), startAxis, endAxis, t.stream), "flatten", a);
    }

    /** Splits one dimension into several. */
    public static MlxArray unflatten(MlxArray a, int axis, int... shape) {
        OwnerThread t = OwnerThread.current();
        return t.result(
                MlxC.mlx_unflatten(t.out(), t.use(a), axis, t.ints(0, shape), shape.length, t.stream), "unflatten", a);
    }

    /** The same in row order in memory; nothing is done where it is so. */
    public static MlxArray contiguous(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_contiguous(t.out(), t.use(a), false, t.stream), "contiguous", a);
    }

    /** The same elements in a buffer of its own. */
    public static MlxArray copy(MlxArray a) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_copy(t.out(), t.use(a), t.stream), "copy", a);
    }

    /** The elements of [start, stop), one pair a dimension. A view: it holds the whole buffer. */
    public static MlxArray slice(MlxArray a, int[] start, int[] stop) {
        OwnerThread t = OwnerThread.current();
        return t.result(
                MlxC.mlx_slice(
                        t.out(),
                        t.use(a),
                        t.ints(0, start),
                        start.length,
                        t.ints(1, stop),
                        stop.length,
                        t.ints(2, t.steps(start.length)),
                        start.length,
                        t.stream),
                "slice",
                a);
    }

    /** a with [start, stop) replaced; in place where nobody else holds a. */
    public static MlxArray sliceUpdate(MlxArray a, MlxArray update, int[] start, int[] stop) {
        OwnerThread t = OwnerThread.current();
        return t.result(
                MlxC.mlx_slice_update(
                        t.out(),
                        t.use(a),
                        t.use(update),
                        t.ints(0, start),
                        start.length,
                        t.ints(1, stop),
                        stop.length,
                        t.ints(2, t.steps(start.length)),
                        start.length,
                        t.stream),
                "slice_update",
                a,
                update);
    }

    /** The elements of an axis at these indices. */
    public static MlxArray take(MlxArray a, MlxArray indices, int axis) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_take_axis(t.out(), t.use(a), t.use(indices), axis, t.stream), "take_axis", a, indices);
    }

    /** For each position the element of an axis at that index. */
    public static MlxArray takeAlong(MlxArray a, MlxArray indices, int axis) {
        OwnerThread t = OwnerThread.current();
        return t.result(
                MlxC.mlx_take_along_axis(t.out(), t.use(a), t.use(indices), axis, t.stream),
                "take_along_axis",
                a,
                indices);
    }

    /** a with the elements of an axis at these indices replaced. */
    public static MlxArray putAlong(MlxArray a, MlxArray indices, MlxArray values, int axis) {
        OwnerThread t = OwnerThread.current();
        return t.result(
                MlxC.mlx_put_along_axis(t.out(), t.use(a), t.use(indices), t.use(values), axis, t.stream),
                "put_along_axis",
                a,
                indices,
                values);
    }

    /** a with the values added at these indices of an axis. */
    public static MlxArray scatterAddAlong(MlxArray a, MlxArray indices, MlxArray values, int axis) {
        OwnerThread t = OwnerThread.current();
        return t.result(
                MlxC.mlx_scatter_add_axis(t.out(), t.use(a), t.use(indices), t.use(values), axis, t.stream),
                "scatter_add_axis",
                a,
                indices,
                values);
    }

    /** Each element of an axis several times. */
    public static MlxArray repeat(MlxArray a, int repeats, int axis) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_repeat_axis(t.out(), t.use(a), repeats, axis, t.stream), "repeat_axis", a);
    }

    /** The whole several times along each dimension. */
    public static MlxArray tile(MlxArray a, int... repeats) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_tile(t.out(), t.use(a), t.ints(0, repeats), repeats.length, t.stream), "tile", a);
    }

    /** The lower triangle, zero above diagonal k. */
    public static MlxArray tril(MlxArray a, int k) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_tril(t.out(), t.use(a), k, t.stream), "tril", a);
    }

    /** The upper triangle, zero below diagonal k. */
    public static MlxArray triu(MlxArray a, int k) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_triu(t.out(), t.use(a), k, t.stream), "triu", a);
    }

    /** The same bytes as elements of another type. */
    public static MlxArray view(MlxArray a, DType type) {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_view(t.out(), t.use(a), type.id(), t.stream), "view", a);
    }

    /** Adds elements of that value around an axis. */
    public static MlxArray pad(MlxArray a, int axis, int before, int after, MlxArray value) {
        OwnerThread t = OwnerThread.current();
        return t.result(
                MlxC.mlx_pad(
                        t.out(),
                        t.use(a),
                        t.ints(0, axis),
                        1,
                        t.ints(1, before),
                        1,
                        t.ints(2, after),
                        1,
                        t.use(value),
                        OwnerThread.constant("constant"),
                        t.stream),
                "pad",
                a,
                value);
    }

    /** One range of one axis; the other axes whole. A view: it holds the whole buffer. */
    public static MlxArray slice(MlxArray a, int axis, int start, int stop) {
        int[] from = new int[a.ndim()];
        int[] to = a.shape();
        int at = axis < 0 ? axis + from.length : axis;
        from[at] = start;
        to[at] = stop;
        return slice(a, from, to);
    }

    /** Arrays one after the other along an axis. */
    public static MlxArray concatenate(int axis, MlxArray... arrays) {
        OwnerThread t = OwnerThread.current();
        long vector = t.vector(arrays);
        try {
            t.check(MlxC.mlx_concatenate_axis(t.out(), vector, axis, t.stream), "concatenate", arrays);
            return t.adopt(t.outLong());
        } finally {
            MlxC.mlx_vector_array_free(vector);
        }
    }

    /** Arrays of one shape beside each other along a new axis. */
    public static MlxArray stack(int axis, MlxArray... arrays) {
        OwnerThread t = OwnerThread.current();
        long vector = t.vector(arrays);
        try {
            t.check(MlxC.mlx_stack_axis(t.out(), vector, axis, t.stream), "stack", arrays);
            return t.adopt(t.outLong());
        } finally {
            MlxC.mlx_vector_array_free(vector);
        }
    }

    /** Equal parts of an axis. */
    public static MlxArray[] split(MlxArray a, int parts, int axis) {
        OwnerThread t = OwnerThread.current();
        t.check(MlxC.mlx_split(t.out(), t.use(a), parts, axis, t.stream), "split", a);
        return t.unpack(t.outLong());
    }

    /** Parts of an axis, cut at these indices. */
    public static MlxArray[] splitAt(MlxArray a, int axis, int... indices) {
        OwnerThread t = OwnerThread.current();
        t.check(
                MlxC.mlx_split_sections(t.out(), t.use(a), t.ints(0, indices), indices.length, axis, t.stream),
                "split",
                a);
        return t.unpack(t.outLong());
    }
}
