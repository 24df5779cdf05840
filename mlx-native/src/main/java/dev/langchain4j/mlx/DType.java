package dev.langchain4j.mlx;

import java.util.Locale;

/** Element types, in the order of {@code mlx_dtype}. */
public enum DType {
    /** One byte, 0 or 1. */
    BOOL(1),
    /** Unsigned, 8 bits. */
    UINT8(1),
    /** Unsigned, 16 bits. */
    UINT16(2),
    /** Unsigned, 32 bits. */
    UINT32(4),
    /** Unsigned, 64 bits. */
    UINT64(8),
    /** Signed, 8 bits. */
    INT8(1),
    /** Signed, 16 bits. */
    INT16(2),
    /** Signed, 32 bits. */
    INT32(4),
    /** Signed, 64 bits. */
    INT64(8),
    /** IEEE half. */
    FLOAT16(2),
    /** IEEE single. */
    FLOAT32(4),
    /** IEEE double; CPU only. */
    FLOAT64(8),
    /** The upper half of a single. */
    BFLOAT16(2),
    /** Two singles. */
    COMPLEX64(8);

    private static final DType[] VALUES = values();

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of one element. */
    public int bytes() {
        return bytes;
    }

    /** Whether elements are real floating-point numbers. */
    public boolean isFloating() {
        return this == FLOAT16 || this == FLOAT32 || this == FLOAT64 || this == BFLOAT16;
    }

    /**
     * The type that a {@code torch_dtype} or {@code dtype} entry of config.json names, such as {@code "bfloat16"}.
     *
     * @throws IllegalArgumentException if it names none
     */
    public static DType of(String name) {
        try {
            return valueOf(name.replace("torch.", "").toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "dtype (" + name + ") must be one of float32, float16, bfloat16, ...", e);
        }
    }

    int id() {
        return ordinal();
    }

    static DType of(int id) {
        return VALUES[id];
    }
}
