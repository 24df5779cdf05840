// The loops of encoder.cpp over vectors; see vectors.h.

#include "vectors.h"

/* (y - mean(y)) / deviation(y) * weight + bias for y = x + added. */
TARGET static void layer_norm(
    const float *x, const float *added, const float *weight, const float *bias, float eps, int n, float *out) {
    floats all = {};
    int i = 0;
    float sum = 0;
    for (; i + LANES <= n; i += LANES) {
        floats v = *(const stored *)(x + i);
        if (added) v += *(const stored *)(added + i);
        *(stored *)(out + i) = v;
        all += v;
    }
    for (; i < n; i++) sum += out[i] = added ? x[i] + added[i] : x[i];
    float mean = (sum + total(all)) / n;
    floats squares = {};
    float square = 0;
    for (i = 0; i + LANES <= n; i += LANES) {
        floats v = *(const stored *)(out + i) - mean;
        squares += v * v;
    }
    for (; i < n; i++) square += (out[i] - mean) * (out[i] - mean);
    float factor = 1 / std::sqrt((square + total(squares)) / n + eps);
    for (i = 0; i + LANES <= n; i += LANES) {
        floats v = (*(const stored *)(out + i) - mean) * factor * *(const stored *)(weight + i);
        *(stored *)(out + i) = v + *(const stored *)(bias + i);
    }
    for (; i < n; i++) out[i] = (out[i] - mean) * factor * weight[i] + bias[i];
}

/*
 * max(x, 0) - |x| Q(|x|), where Q is the share of a normal distribution above a number: Abramowitz and Stegun 7.1.26, right to
 * 1e-7, as MLX's erf.
 */
INLINE floats gelu_of(floats x) {
    floats size = x > 0 ? x : -x;
    floats r = 1.0f / (size * 0.231641888f + 1.0f);
    floats q = r * 0.5307027145f - 0.7265760135f;
    q = q * r + 0.7107068705f;
    q = q * r - 0.142248368f;
    q = q * r + 0.127414796f;
    q *= r * exp_of(x * x * -0.5f);
    return (x > 0 ? x : all_of(0)) - size * q;
}

/* The same by a hyperbolic tangent. */
INLINE floats gelu_tanh_of(floats x) {
    floats inner = (x * x * 0.044715f + 1.0f) * 1.59576912f;
    floats twice = x * inner;
    floats e = exp_of(twice > 0 ? -twice : twice);
    return x / (1.0f + e) * (twice > 0 ? all_of(1) : e);
}

#define EACH(NAME, FUNCTION)                                                                                           \
    TARGET static void NAME(const float *x, long n, float *out) {                                                      \
        long i = 0;                                                                                                    \
        for (; i + LANES <= n; i += LANES) *(stored *)(out + i) = FUNCTION(*(const stored *)(x + i));                  \
        if (i < n) {                                                                                                   \
            floats rest = {};                                                                                          \
            for (long j = i; j < n; j++) rest[j - i] = x[j];                                                           \
            rest = FUNCTION(rest);                                                                                     \
            for (long j = i; j < n; j++) out[j] = rest[j - i];                                                         \
        }                                                                                                              \
    }
EACH(gelu, gelu_of)
EACH(gelu_tanh, gelu_tanh_of)
#undef EACH

/* Numbers to exp(x - max(x)) in place; returns their sum. */
TARGET static float exps_of(float *x, int n) {
    floats most = all_of(-INFINITY);
    int i = 0;
    for (; i + LANES <= n; i += LANES) {
        floats v = *(const stored *)(x + i);
        most = v > most ? v : most;
    }
    float max = -INFINITY;
    for (int j = 0; j < LANES; j++) max = most[j] > max ? most[j] : max;
    for (; i < n; i++) max = x[i] > max ? x[i] : max;
    floats sums = {};
    for (i = 0; i + LANES <= n; i += LANES) {
        floats e = exp_of(*(const stored *)(x + i) - max);
        *(stored *)(x + i) = e;
        sums += e;
    }
    float sum = total(sums);
    if (i < n) {
        floats rest = {};
        for (int j = i; j < n; j++) rest[j - i] = x[j] - max;
        rest = exp_of(rest);
        for (int j = i; j < n; j++) sum += x[j] = rest[j - i];
    }
    return sum;
}

static const struct kernels KERNELS = {layer_norm, {gelu, gelu_tanh}, exps_of};

#undef INLINE
