// Vectors of an instruction set, and functions of them. Included once for each, in a namespace of its own: TARGET is the
// attribute of its functions and LANES the numbers of a vector.

typedef float floats __attribute__((vector_size(4 * LANES)));
typedef int32_t ints __attribute__((vector_size(4 * LANES)));
typedef uint32_t words __attribute__((vector_size(4 * LANES)));
typedef uint32_t stored_words __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef float stored __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

#define INLINE TARGET static inline __attribute__((always_inline))

INLINE floats all_of(float x) { return x - (floats){}; }

INLINE words word_lanes() {
    words w;
    for (int i = 0; i < LANES; i++) w[i] = i;
    return w;
}

/* The exponential of what is at most zero, right to 1e-7; from -87 down it is that of -87, the least normal number. */
INLINE floats exp_of(floats x) {
    x = x > -87.0f ? x : all_of(-87.0f);
    floats shifted = x * 1.44269504f + 12582912.0f; /* its last bits are a whole number */
    floats whole = shifted - 12582912.0f;
    floats r = x - whole * 0.693359375f;
    r = r - whole * -2.12194440e-4f;
    floats p = r * (1.0f / 5040) + (1.0f / 720);
    p = p * r + (1.0f / 120);
    p = p * r + (1.0f / 24);
    p = p * r + (1.0f / 6);
    p = p * r + 0.5f;
    p = p * r * r + r + 1.0f;
    ints exponent = ((ints)shifted - 0x4B400000 + 127) << 23;
    return p * (floats)exponent;
}

/* The logarithm of normal positive numbers, right to 1e-7: of a number near one by a series, of the rest by its exponent. */
INLINE floats log_of(floats x) {
    ints bits = (ints)x;
    ints exponent = (bits - 0x3f3504f3) >> 23;
    floats m = (floats)(bits - (exponent << 23));
    floats e = __builtin_convertvector(exponent, floats);
    floats s = (m - 1.0f) / (m + 1.0f);
    floats z = s * s;
    floats p = z * (1.0f / 9) + (1.0f / 7);
    p = p * z + (1.0f / 5);
    p = p * z + (1.0f / 3);
    p = p * z + 1.0f;
    return e * 0.693359375f + (2.0f * s * p + e * -2.12194440e-4f);
}

/* The sum of a vector's numbers. */
INLINE float total(floats v) {
    float sum = 0;
    for (int i = 0; i < LANES; i++) sum += v[i];
    return sum;
}
