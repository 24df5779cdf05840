// The loops of logits.cpp over vectors. Included once for each instruction set, in a namespace of its own: TARGET is the
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

/* The greatest of each block. */
TARGET static void maxima(const float *x, int blocks, float *out) {
    for (int b = 0; b < blocks; b++) {
        const float *from = x + (long)b * BLOCK;
        floats most = *(const stored *)from;
        for (int i = LANES; i < BLOCK; i += LANES) {
            floats v = *(const stored *)(from + i);
            most = v > most ? v : most;
        }
        float greatest = -INFINITY;
        for (int i = 0; i < LANES; i++) greatest = most[i] > greatest ? most[i] : greatest;
        out[b] = greatest;
    }
}

/* The sum of exp(x - max) over whole blocks. */
TARGET static double sum_of_exps(const float *x, int blocks, float max) {
    double sum = 0;
    for (int b = 0; b < blocks; b++) {
        floats part = {};
        for (int i = 0; i < BLOCK; i += LANES) {
            part += exp_of(*(const stored *)(x + (long)b * BLOCK + i) - max);
        }
        float whole = 0;
        for (int i = 0; i < LANES; i++) whole += part[i];
        sum += whole;
    }
    return sum;
}

/* Each exp(x - max) of whole blocks; returns their sum. */
TARGET static double exps(const float *x, int blocks, float max, float *out) {
    double sum = 0;
    for (int b = 0; b < blocks; b++) {
        floats part = {};
        for (int i = 0; i < BLOCK; i += LANES) {
            floats e = exp_of(*(const stored *)(x + (long)b * BLOCK + i) - max);
            *(stored *)(out + (long)b * BLOCK + i) = e;
            part += e;
        }
        float whole = 0;
        for (int i = 0; i < LANES; i++) whole += part[i];
        sum += whole;
    }
    return sum;
}

#define ROUND(r) x0 += x1, x1 = (x1 << r | x1 >> (32 - r)) ^ x0
#define ROUNDS(r, s, t, u, key_0, key_1, number)                                                                       \
    ROUND(r), ROUND(s), ROUND(t), ROUND(u), x0 += key_0, x1 += key_1 + (uint32_t)number

/*
 * Noise of as many ids as a block has: that of Gumbel's distribution, from the bits that MLX's random_bits gives for a row of so
 * many ids, a counter through Threefry-2x32 with 20 rounds. A call makes two numbers: one of each half of the row, and in the
 * middle of an odd one it has the counter zero beside it.
 */
TARGET static void noise(uint64_t seed, int row, const uint32_t *ids, float *out) {
    const uint32_t half = row / 2, odd = row % 2;
    const uint32_t a = (uint32_t)(seed >> 32), b = (uint32_t)seed, c = a ^ b ^ 0x1BD11BDA;
    for (int i = 0; i < BLOCK; i += LANES) {
        words id = *(const stored_words *)(ids + i);
        words second = (words)(id >= half + odd);
        words x0 = id - (second & (half + odd));
        words x1 = id + (~second & (half + odd));
        if (odd) x1 &= (words)(id != half);
        x0 += a, x1 += b;
        ROUNDS(13, 15, 26, 6, b, c, 1);
        ROUNDS(17, 29, 16, 24, c, a, 2);
        ROUNDS(13, 15, 26, 6, a, b, 3);
        ROUNDS(17, 29, 16, 24, b, c, 4);
        ROUNDS(13, 15, 26, 6, c, a, 5);
        words bits = (second & x1) | (~second & x0);
        /* both halves are exact, their sum is rounded as the conversion of the whole is */
        floats u = __builtin_convertvector((ints)(bits >> 16), floats) * 65536.0f
            + __builtin_convertvector((ints)(bits & 0xffff), floats);
        u *= 1 / 4294967296.0f;
        u = u < 0x1.fffffep-1f ? u : all_of(0x1.fffffep-1f);
        floats none = all_of(-INFINITY);
        *(stored *)(out + i) = bits != 0 ? -log_of(-log_of(u)) : none;
    }
}

/* x where the bit of an id is set, and minus infinity where not: a block of words of 32 ids. */
TARGET static void masked(const float *x, const uint32_t *bits, int ids, float *out) {
    for (int w = 0; w < ids / 32; w++) {
        for (int i = 0; i < 32; i += LANES) {
            words bit = (words){} + 1u << (word_lanes() + (uint32_t)i);
            floats v = *(const stored *)(x + w * 32L + i);
            *(stored *)(out + w * 32L + i) = (bit & bits[w]) != 0u ? v : all_of(-INFINITY);
        }
    }
}

static const struct kernels KERNELS = {maxima, sum_of_exps, exps, noise, masked};

#undef ROUND
#undef ROUNDS
#undef INLINE
