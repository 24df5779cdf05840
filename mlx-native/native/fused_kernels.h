// The loops of fused.cpp over vectors; see vectors.h.

#include "vectors.h"

/* x / rms(x) * weight. */
TARGET static void rms_norm(const float *x, const float *weight, int n, float eps, float *out) {
    floats squares = {};
    int whole = n / LANES * LANES;
    for (int i = 0; i < whole; i += LANES) {
        floats v = *(const stored *)(x + i);
        squares += v * v;
    }
    float sum = total(squares);
    for (int i = whole; i < n; i++) sum += x[i] * x[i];
    const float factor = 1 / std::sqrt(sum / n + eps);
    for (int i = 0; i < whole; i += LANES) {
        *(stored *)(out + i) = *(const stored *)(x + i) * factor * *(const stored *)(weight + i);
    }
    for (int i = whole; i < n; i++) out[i] = x[i] * factor * weight[i];
}

/* The first half of x against the second one; the sines of the first half are negated. */
TARGET static void rotate(const float *x, const float *cosines, const float *sines, int half, float *out) {
    for (int side = 0; side < 2; side++) {
        const float *own = x + side * half, *other = x + (1 - side) * half;
        const float *c = cosines + side * half, *s = sines + side * half;
        float *to = out + side * half;
        int whole = half / LANES * LANES;
        for (int i = 0; i < whole; i += LANES) {
            *(stored *)(to + i) = *(const stored *)(own + i) * *(const stored *)(c + i)
                + *(const stored *)(other + i) * *(const stored *)(s + i);
        }
        for (int i = whole; i < half; i++) to[i] = own[i] * c[i] + other[i] * s[i];
    }
}

/* x / (1 + exp(-x)) * y. */
INLINE floats silu_times_of(floats x, floats y) {
    floats e = exp_of(x < 0 ? x : -x);
    floats r = 1.0f / (1.0f + e);
    return x * (x < 0 ? e * r : r) * y;
}

TARGET static void silu_times(const float *x, const float *y, long n, float *out) {
    long whole = n / LANES * LANES;
    for (long i = 0; i < whole; i += LANES) {
        *(stored *)(out + i) = silu_times_of(*(const stored *)(x + i), *(const stored *)(y + i));
    }
    if (whole < n) {
        floats a = {}, b = {};
        for (long i = whole; i < n; i++) a[i - whole] = x[i], b[i - whole] = y[i];
        a = silu_times_of(a, b);
        for (long i = whole; i < n; i++) out[i] = a[i - whole];
    }
}

/* Products of x with so many rows of y. */
TARGET static void dots(const float *x, const float *y, long stride, int rows, int n, float *out) {
    int whole = n / LANES * LANES, row = 0;
    for (; row + 4 <= rows; row += 4) {
        const float *y0 = y + row * stride, *y1 = y0 + stride, *y2 = y1 + stride, *y3 = y2 + stride;
        floats s0 = {}, s1 = {}, s2 = {}, s3 = {};
        for (int i = 0; i < whole; i += LANES) {
            floats v = *(const stored *)(x + i);
            s0 += v * *(const stored *)(y0 + i);
            s1 += v * *(const stored *)(y1 + i);
            s2 += v * *(const stored *)(y2 + i);
            s3 += v * *(const stored *)(y3 + i);
        }
        float t0 = total(s0), t1 = total(s1), t2 = total(s2), t3 = total(s3);
        for (int i = whole; i < n; i++) t0 += x[i] * y0[i], t1 += x[i] * y1[i], t2 += x[i] * y2[i], t3 += x[i] * y3[i];
        out[row] = t0, out[row + 1] = t1, out[row + 2] = t2, out[row + 3] = t3;
    }
    for (; row < rows; row++) {
        const float *y0 = y + row * stride;
        floats s = {};
        for (int i = 0; i < whole; i += LANES) s += *(const stored *)(x + i) * *(const stored *)(y0 + i);
        float t = total(s);
        for (int i = whole; i < n; i++) t += x[i] * y0[i];
        out[row] = t;
    }
}

/* out += the sum of so many rows of y, each times its weight. */
TARGET static void add_rows(const float *weights, const float *y, long stride, int rows, int n, float *out) {
    int i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        floats s0 = {}, s1 = {}, s2 = {}, s3 = {};
        for (int row = 0; row < rows; row++) {
            const float *from = y + row * stride + i, w = weights[row];
            s0 += w * *(const stored *)from;
            s1 += w * *(const stored *)(from + LANES);
            s2 += w * *(const stored *)(from + 2 * LANES);
            s3 += w * *(const stored *)(from + 3 * LANES);
        }
        *(stored *)(out + i) += s0;
        *(stored *)(out + i + LANES) += s1;
        *(stored *)(out + i + 2 * LANES) += s2;
        *(stored *)(out + i + 3 * LANES) += s3;
    }
    for (; i + LANES <= n; i += LANES) {
        floats s = {};
        for (int row = 0; row < rows; row++) s += weights[row] * *(const stored *)(y + row * stride + i);
        *(stored *)(out + i) += s;
    }
    for (; i < n; i++) {
        float s = 0;
        for (int row = 0; row < rows; row++) s += weights[row] * y[row * stride + i];
        out[i] += s;
    }
}

/*
 * A step of a softmax that sees its scores piece by piece: turns so many scores into exponentials of their distance to the
 * greatest so far, and returns what the sums before are to be multiplied by.
 */
TARGET static float soften(float *scores, int n, float *max, float *sum) {
    int whole = n / LANES * LANES;
    float most = *max;
    floats high = all_of(-INFINITY);
    for (int i = 0; i < whole; i += LANES) {
        floats v = *(const stored *)(scores + i);
        high = v > high ? v : high;
    }
    for (int i = 0; i < LANES; i++) most = high[i] > most ? high[i] : most;
    for (int i = whole; i < n; i++) most = scores[i] > most ? scores[i] : most;
    floats part = {};
    for (int i = 0; i < whole; i += LANES) {
        floats e = exp_of(*(const stored *)(scores + i) - most);
        *(stored *)(scores + i) = e;
        part += e;
    }
    if (whole < n) {
        floats rest = all_of(-INFINITY);
        for (int i = whole; i < n; i++) rest[i - whole] = scores[i] - most;
        rest = exp_of(rest);
        for (int i = whole; i < n; i++) {
            scores[i] = rest[i - whole];
            part[i - whole] += scores[i];
        }
    }
    const float factor = *max == -INFINITY ? 0 : exp_of(all_of(*max - most))[0];
    *max = most;
    *sum = *sum * factor + total(part);
    return factor;
}

TARGET static void scale(float *x, int n, float factor) {
    int whole = n / LANES * LANES;
    for (int i = 0; i < whole; i += LANES) *(stored *)(x + i) = *(const stored *)(x + i) * factor;
    for (int i = whole; i < n; i++) x[i] *= factor;
}

static const struct kernels KERNELS = {rms_norm, rotate, silu_times, dots, add_rows, soften, scale};

#undef INLINE
