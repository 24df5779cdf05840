// The loops of logits.cpp over vectors; see vectors.h.

#include "vectors.h"

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
        sum += total(part);
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
        sum += total(part);
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
