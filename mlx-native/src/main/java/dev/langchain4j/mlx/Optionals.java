package dev.langchain4j.mlx;

/**
 * Optional numbers as mlx-c takes them: a struct {@code {value, has_value}} of eight bytes, which both SysV x86-64 and
 * AAPCS64 pass in one integer register, value in the lower half.
 */
final class Optionals {
    static final long NONE = 0;
    private static final long PRESENT = 1L << 32;

    private Optionals() {}

    static long of(int value) {
        return PRESENT | (value & 0xffff_ffffL);
    }

    static long of(float value) {
        return PRESENT | (Float.floatToRawIntBits(value) & 0xffff_ffffL);
    }

    static long of(DType type) {
        return of(type.id());
    }
}
