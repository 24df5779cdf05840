package dev.langchain4j.mlx;

import dev.langchain4j.mlx.ffi.Handles;
import dev.langchain4j.mlx.ffi.MlxC;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * A handle of an MLX array: immutable, computed when evaluated. Belongs to the scope in which it was made until it is
 * {@linkplain #detach detached}, then to whoever called that, who closes it. Usable on its own {@link MlxThread} only.
 */
public final class MlxArray implements AutoCloseable {
    private static final int DETACHED = -1;

    final OwnerThread thread;
    long handle;
    private int index;
    /** Makes parts of what is not computed yet; null if nobody can. */
    private PartReader parts;

    MlxArray(OwnerThread thread, long handle, int index) {
        this.thread = thread;
        this.handle = handle;
        this.index = index;
        Handles.opened();
    }

    // ---- making --------------------------------------------------------------------------------------------------

    /** An array of these numbers; the shape's product must be their count. */
    public static MlxArray of(float[] values, int... shape) {
        return copyOf(MemorySegment.ofArray(values), values.length, DType.FLOAT32, shape);
    }

    /** An array of these 32-bit integers; the shape's product must be their count. */
    public static MlxArray of(int[] values, int... shape) {
        return copyOf(MemorySegment.ofArray(values), values.length, DType.INT32, shape);
    }

    /** An array from raw bytes in native order; the shape's product times the element size must be their count. */
    public static MlxArray of(byte[] bytes, DType type, int... shape) {
        return copyOf(MemorySegment.ofArray(bytes), bytes.length / type.bytes(), type, shape);
    }

    /**
     * An array from the raw bytes between position and limit, in native order; they are copied once if the buffer is
     * direct. The shape's product times the element size must be their count.
     */
    public static MlxArray of(ByteBuffer bytes, DType type, int... shape) {
        if (bytes.remaining() % type.bytes() != 0) {
            throw new IllegalArgumentException(
                    "bytes (%d) must be whole elements of %s".formatted(bytes.remaining(), type));
        }
        return copyOf(MemorySegment.ofBuffer(bytes), bytes.remaining() / type.bytes(), type, shape);
    }

    /**
     * A scalar of this type, so that arithmetic with it does not change the other side's type.
     *
     * @throws IllegalArgumentException if the type is none of FLOAT16, BFLOAT16, FLOAT32, INT32, UINT32 and BOOL
     */
    public static MlxArray scalar(double value, DType type) {
        float single = (float) value;
        return switch (type) {
            case FLOAT16 -> copyOf(MemorySegment.ofArray(new short[] {Float.floatToFloat16(single)}), 1, type);
            case BFLOAT16 -> copyOf(MemorySegment.ofArray(new short[] {toBfloat16(single)}), 1, type);
            case FLOAT32 -> copyOf(MemorySegment.ofArray(new float[] {single}), 1, type);
            case INT32, UINT32 -> copyOf(MemorySegment.ofArray(new int[] {(int) (long) value}), 1, type);
            case BOOL -> copyOf(MemorySegment.ofArray(new byte[] {(byte) (value == 0 ? 0 : 1)}), 1, type);
            default ->
                throw new IllegalArgumentException(
                        "type (" + type + ") must be FLOAT16, BFLOAT16, FLOAT32, INT32, UINT32 or BOOL");
        };
    }

    private static MlxArray copyOf(MemorySegment values, long count, DType type, int... shape) {
        long size = 1;
        for (int dimension : shape) {
            size = Math.multiplyExact(size, dimension);
        }
        if (size != count) {
            throw new IllegalArgumentException(
                    "shape (" + Arrays.toString(shape) + ") must have as many elements as were given (" + count + ")");
        }
        OwnerThread thread = OwnerThread.current();
        try (Arena arena = Arena.ofConfined()) {
            boolean usable = values.isNative() && values.byteSize() > 0;
            MemorySegment copy = usable
                    ? values
                    : arena.allocate(Math.max(8, values.byteSize()), 16).copyFrom(values);
            long made = MlxC.mlx_array_new_data(copy.address(), thread.ints(0, shape), shape.length, type.id());
            thread.check(made == 0 ? 1 : 0, "array");
            return thread.adopt(made);
        }
    }

    /** Rounds to nearest even, as MLX does. */
    private static short toBfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        return Float.isNaN(value) ? (short) 0x7fc0 : (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
    }

    // ---- owning --------------------------------------------------------------------------------------------------

    /** Moves this array out of its scope: from now on the caller owns it and closes it. Returns this. */
    public MlxArray detach() {
        thread.use(this);
        if (index != DETACHED) {
            thread.forget(index);
            index = DETACHED;
        }
        return this;
    }

    /** Whether it was freed, by its scope or by {@link #close}. */
    public boolean isFreed() {
        return handle == 0;
    }

    /** A second handle of the same array, which belongs to the innermost open scope. Copies no data. */
    public MlxArray share() {
        OwnerThread t = OwnerThread.current();
        return t.result(MlxC.mlx_array_set(t.out(), t.use(this)), "share", this).withParts(parts);
    }

    /** Frees the handle now. Idempotent. */
    @Override
    public void close() {
        if (handle == 0) {
            return;
        }
        OwnerThread.current().use(this);
        if (index != DETACHED) {
            thread.forget(index);
        }
        free();
    }

    /** Gives the handle itself to the thread, which keeps it for its own use. */
    long surrender() {
        detach();
        long kept = handle;
        handle = 0;
        Handles.closed();
        return kept;
    }

    void free() {
        long freed = handle;
        handle = 0;
        Handles.closed();
        MlxC.mlx_array_free(freed);
    }

    IllegalStateException unusable(OwnerThread caller) {
        return handle == 0
                ? new IllegalStateException("this array was freed: its Scope was closed, or close() was called")
                : new IllegalStateException("this array belongs to thread \"" + thread.getName()
                        + "\" and was used on thread \"" + caller.getName() + "\"");
    }

    // ---- parts of what is not computed --------------------------------------------------------------------------

    /** Lets this make parts of this array, which must be equal to those of the whole; null for nobody. Returns this. */
    public MlxArray withParts(PartReader reader) {
        parts = reader;
        return this;
    }

    /**
     * What this array has at these indices, made without the rest: of a tensor in a file, only these bytes are read.
     *
     * @param bounds as {@link PartReader#read} takes them
     * @return an array of the current scope; null if nobody can make it, or the whole array costs less
     */
    public MlxArray readPart(int[]... bounds) {
        return parts == null ? null : parts.read(bounds);
    }

    // ---- asking --------------------------------------------------------------------------------------------------

    /** The length of each dimension. */
    public int[] shape() {
        int[] shape = new int[ndim()];
        for (int i = 0; i < shape.length; i++) {
            shape[i] = MlxC.mlx_array_dim(handle, i);
        }
        return shape;
    }

    /**
     * The length of one dimension; negative counts from the last.
     *
     * @throws IllegalArgumentException if there is no such dimension
     */
    public int dim(int dimension) {
        int count = ndim();
        if (dimension < -count || dimension >= count) {
            throw new IllegalArgumentException("dimension (" + dimension + ") must be within " + count + " dimensions");
        }
        return MlxC.mlx_array_dim(handle, dimension < 0 ? dimension + count : dimension);
    }

    /** Number of dimensions. */
    public int ndim() {
        return Math.toIntExact(MlxC.mlx_array_ndim(thread.use(this)));
    }

    /** Number of elements. */
    public long size() {
        return MlxC.mlx_array_size(thread.use(this));
    }

    /** Bytes of the elements. */
    public long bytes() {
        return MlxC.mlx_array_nbytes(thread.use(this));
    }

    /** The element type. */
    public DType dtype() {
        return DType.of(MlxC.mlx_array_dtype(thread.use(this)));
    }

    // ---- reading -------------------------------------------------------------------------------------------------

    /** Computes this array and waits for it. */
    public MlxArray eval() {
        OwnerThread t = OwnerThread.current();
        Shutdown.check(t);
        t.check(MlxC.mlx_array_eval(t.use(this)), "eval", this);
        return this;
    }

    /**
     * The only element, as an integer; computes it first. Booleans are 0 and 1.
     *
     * @throws IllegalStateException if the elements are no 32-bit integers or booleans
     * @throws MlxException if there is not exactly one
     */
    public int item() {
        OwnerThread t = OwnerThread.current();
        DType type = dtype();
        switch (type) {
            case UINT32 -> t.check(MlxC.mlx_array_item_uint32(t.out(), t.use(this)), "item", this);
            case INT32 -> t.check(MlxC.mlx_array_item_int32(t.out(), t.use(this)), "item", this);
            case BOOL -> {
                t.check(MlxC.mlx_array_item_bool(t.out(), t.use(this)), "item", this);
                return t.outBoolean() ? 1 : 0;
            }
            default -> throw new IllegalStateException("item() reads 32-bit integers and booleans, this is " + type);
        }
        return t.outInt();
    }

    /** All elements in row order as singles; computes and converts first. */
    public float[] toFloats() {
        try (Scope scope = Scope.open()) {
            MlxArray plain =
                    Indexing.contiguous(Ops.astype(this, DType.FLOAT32)).eval();
            return plain.data(MlxC.mlx_array_data_float32(plain.handle)).toArray(ValueLayout.JAVA_FLOAT);
        }
    }

    /** All elements in row order as 32-bit integers; computes and converts first. */
    public int[] toInts() {
        try (Scope scope = Scope.open()) {
            MlxArray plain = Indexing.contiguous(Ops.astype(this, DType.INT32)).eval();
            return plain.data(MlxC.mlx_array_data_int32(plain.handle)).toArray(ValueLayout.JAVA_INT);
        }
    }

    /** Puts the raw bytes of all elements in row order into a buffer, in native order; computes first. */
    public void copyTo(ByteBuffer target) {
        try (Scope scope = Scope.open()) {
            MlxArray plain = Indexing.contiguous(this).eval();
            if (plain.size() > 0) {
                // The pointer is the same whatever type is asked for.
                target.put(plain.data(MlxC.mlx_array_data_int32(plain.handle)).asByteBuffer());
            }
        }
    }

    /**
     * Copies the elements of {@code part} over those of this array from {@code start} on along an axis, in its own
     * memory: all arrays that share it see them. Computes both first. Only on the CPU, whose operation for this copies
     * element by element.
     *
     * @param part as long as this array along all other axes
     * @return whether it was done; not on a GPU, between types, or where the elements of one do not lie in row order
     * @throws IllegalArgumentException if the shapes do not fit
     */
    public boolean overwrite(MlxArray part, int axis, int start) {
        int[] shape = shape();
        int[] other = part.shape();
        int length = other[axis];
        if (start < 0 || length > shape[axis] - start) {
            throw new IllegalArgumentException(
                    "[%d, %d) of axis %d must be within %s".formatted(start, start + length, axis, describe()));
        }
        long outer = 1;
        long inner = dtype().bytes();
        for (int i = 0; i < shape.length; i++) {
            if (i != axis && shape[i] != other[i]) {
                throw new IllegalArgumentException("%s does not fit into %s".formatted(part.describe(), describe()));
            }
            outer *= i < axis ? shape[i] : 1;
            inner *= i > axis ? shape[i] : 1;
        }
        if (thread.cpuFast == null || dtype() != part.dtype() || !isInRowOrder() || !part.isInRowOrder()) {
            return false;
        }
        if (part.size() > 0) {
            MemorySegment from = part.data(MlxC.mlx_array_data_int32(part.handle));
            MemorySegment to = data(MlxC.mlx_array_data_int32(handle));
            for (long i = 0; i < outer; i++) {
                MemorySegment.copy(from, i * length * inner, to, (i * shape[axis] + start) * inner, length * inner);
            }
        }
        return true;
    }

    /**
     * The memory of {@code [start, end)} along an axis, to be filled from elsewhere, by any thread: one part for each
     * index of the axes before it. All arrays that share it see what is written, so nothing may be computed from them
     * meanwhile; it is gone when they are. Computes first.
     *
     * @return null if the elements do not lie in row order
     * @throws IllegalArgumentException if the range does not fit
     */
    public List<ByteBuffer> memory(int axis, int start, int end) {
        int[] shape = shape();
        if (start < 0 || end <= start || end > shape[axis]) {
            throw new IllegalArgumentException(
                    "[%d, %d) of axis %d must be within %s".formatted(start, end, axis, describe()));
        }
        if (!isInRowOrder()) {
            return null;
        }
        long inner = dtype().bytes();
        for (int i = axis + 1; i < shape.length; i++) {
            inner *= shape[i];
        }
        MemorySegment all = data(MlxC.mlx_array_data_int32(handle));
        List<ByteBuffer> parts = new ArrayList<>();
        for (long at = 0; at < all.byteSize(); at += shape[axis] * inner) {
            parts.add(all.asSlice(at + start * inner, (end - start) * inner)
                    .asByteBuffer()
                    .order(ByteOrder.nativeOrder()));
        }
        return parts;
    }

    /** The memory of an array that was made to be filled from elsewhere, all elements in row order; computes first. */
    MemorySegment memory() {
        if (!isInRowOrder()) {
            throw new IllegalStateException("not in row order: " + describe());
        }
        return data(MlxC.mlx_array_data_int32(handle));
    }

    /** Whether all elements lie one behind the other; computes first. */
    private boolean isInRowOrder() {
        eval();
        thread.check(MlxC._mlx_array_is_row_contiguous(thread.out(), handle), "is_row_contiguous");
        return thread.outBoolean();
    }

    private MemorySegment data(long address) {
        if (address == 0) {
            throw new MlxException("no data behind " + describe());
        }
        return MemorySegment.ofAddress(address).reinterpret(bytes());
    }

    String describe() {
        return handle == 0 ? "freed" : dtype().name().toLowerCase(Locale.ROOT) + Arrays.toString(shape());
    }

    @Override
    public String toString() {
        return handle == 0 || Thread.currentThread() != thread ? "MlxArray" : describe();
    }
}
