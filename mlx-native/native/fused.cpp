/*
 * Fused operations for MLX's CPU backend, which are nodes of its graph as MLX's own are: rms norm, rotary positions, gated
 * silu, attention, and the products of experts. MLX puts most of them together from up to twenty operations there, on one
 * thread; here each reads its input once, and threads share the work. Of single precision, from dense or strided arrays.
 *
 * What a row of the output is does not depend on the number of threads, nor, but for products of experts, on other rows.
 */
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

#include "mlx/backend/cpu/encoder.h"
#include "mlx/c/error.h"
#include "mlx/c/private/mlx.h"
#include "mlx/primitives.h"

/* Of blas.c: the threads that share products, and a product on one thread. */
extern "C" void langchain4j_mlx_share(void (*run)(const void *, int, int), const void *what, int pieces);
extern "C" void scipy_cblas_sgemm(
    int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb,
    float beta, float *c, int ldc);

/* Of blas.c: a product that threads share, by the routine that fits its number of rows. */
extern "C" void cblas_sgemm(
    int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb,
    float beta, float *c, int ldc);

namespace {

namespace mx = mlx::core;

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };

/* Keys that are scored at a time, queries that see them together, and keys of one piece of work for a single query. */
enum { KEYS = 256, QUERIES = 64, PIECE_KEYS = 2048, PIECES_MAX = 4096 };

/* Numbers that are worth a piece of work on another thread. */
constexpr long PIECE_NUMBERS = 1 << 14;

constexpr float NONE = -std::numeric_limits<float>::infinity();

struct kernels {
    void (*rms_norm)(const float *x, const float *weight, int n, float eps, float *out);
    void (*rotate)(const float *x, const float *cosines, const float *sines, int half, float *out);
    void (*silu_times)(const float *x, const float *y, long n, float *out);
    void (*dots)(const float *x, const float *y, long stride, int rows, int n, float *out);
    void (*add_rows)(const float *weights, const float *y, long stride, int rows, int n, float *out);
    float (*soften)(float *scores, int n, float *max, float *sum);
    void (*scale)(float *x, int n, float factor);
};

#define KERNELS_FILE "fused_kernels.h"
#include "instruction_sets.h"

/* Runs pieces of work, on several threads if that is worth it. */
template <typename Run> void share(int pieces, const Run &run) {
    langchain4j_mlx_share(
        [](const void *what, int piece, int of) { (*static_cast<const Run *>(what))(piece, of); }, &run, pieces);
}

int pieces_for(long numbers, long rows) {
    return (int)std::max(1L, std::min({numbers / PIECE_NUMBERS, rows, 64L}));
}

/* The first of the rows of a piece. */
long bound(long rows, int piece, int pieces) { return rows * piece / pieces; }

/* Where the rows of an array are; a row is its last dimension. */
struct rows {
    const float *data;
    int length;
    long count;
    long step; /* between the numbers of a row */
    mx::Shape shape;
    mx::Strides strides;
    bool dense;

    explicit rows(const mx::array &x)
        : data(x.data<float>()), length(x.shape(-1)), count(length == 0 ? 0 : (long)x.size() / length),
          step(length == 1 ? 1 : x.strides(-1)), shape(x.shape()), strides(x.strides()), dense(x.flags().row_contiguous) {}

    const float *at(long row) const {
        if (dense) return data + row * length;
        long offset = 0;
        for (int i = (int)shape.size() - 2; i >= 0; i--) {
            offset += row % shape[i] * strides[i];
            row /= shape[i];
        }
        return data + offset;
    }

    /* A row with its numbers side by side, in the scratch if they are not. */
    const float *row(long index, std::vector<float> &scratch) const {
        const float *from = at(index);
        if (step == 1) return from;
        scratch.resize(length);
        for (int i = 0; i < length; i++) scratch[i] = from[i * step];
        return scratch.data();
    }
};

/* An operation with a float output of one array. */
class Fused : public mx::UnaryPrimitive {
  public:
    using UnaryPrimitive::UnaryPrimitive;
    void eval_gpu(const std::vector<mx::array> &, mx::array &) override { throw std::runtime_error("only on the CPU"); }

  protected:
    mx::cpu::CommandEncoder &begin(const std::vector<mx::array> &inputs, mx::array &out) {
        out.set_data(mx::allocator::malloc(out.nbytes()));
        auto &encoder = mx::cpu::get_command_encoder(stream());
        for (const mx::array &in : inputs) encoder.set_input_array(in);
        encoder.set_output_array(out);
        return encoder;
    }
};

class FusedRmsNorm : public Fused {
  public:
    FusedRmsNorm(mx::Stream stream, float eps) : Fused(stream), eps(eps) {}

    void eval_cpu(const std::vector<mx::array> &inputs, mx::array &out) override {
        auto &encoder = begin(inputs, out);
        encoder.dispatch([x = rows(inputs[0]), w = rows(inputs[1]), eps = eps, to = out.data<float>()]() {
            std::vector<float> weights;
            const float *weight = w.row(0, weights);
            share(pieces_for(x.count * x.length, x.count), [&](int piece, int pieces) {
                std::vector<float> scratch;
                for (long i = bound(x.count, piece, pieces); i < bound(x.count, piece + 1, pieces); i++) {
                    K.rms_norm(x.row(i, scratch), weight, x.length, eps, to + i * x.length);
                }
            });
        });
    }

    const char *name() const override { return "FusedRmsNorm"; }

  private:
    float eps;
};

class FusedRope : public Fused {
  public:
    explicit FusedRope(mx::Stream stream) : Fused(stream) {}

    /* x [batch, heads, length, dim]; tables of [length, dims], or [batch, 1, length, dims]. */
    void eval_cpu(const std::vector<mx::array> &inputs, mx::array &out) override {
        auto &encoder = begin(inputs, out);
        const int dims = inputs[1].shape(-1);
        encoder.dispatch([x = rows(inputs[0]), c = inputs[1].data<float>(), s = inputs[2].data<float>(), dims,
                          turns = (long)inputs[1].size() / dims, to = out.data<float>()]() {
            const long length = x.shape[2], heads = x.shape[1];
            share(pieces_for(x.count * x.length, x.count), [&](int piece, int pieces) {
                std::vector<float> scratch;
                for (long i = bound(x.count, piece, pieces); i < bound(x.count, piece + 1, pieces); i++) {
                    const long turn = i % length + (turns == length ? 0 : i / (length * heads) * length);
                    const float *from = x.row(i, scratch);
                    float *y = to + i * x.length;
                    K.rotate(from, c + turn * dims, s + turn * dims, dims / 2, y);
                    std::copy(from + dims, from + x.length, y + dims);
                }
            });
        });
    }

    const char *name() const override { return "FusedRope"; }
};

class FusedSiluTimes : public Fused {
  public:
    explicit FusedSiluTimes(mx::Stream stream) : Fused(stream) {}

    void eval_cpu(const std::vector<mx::array> &inputs, mx::array &out) override {
        auto &encoder = begin(inputs, out);
        encoder.dispatch([x = rows(inputs[0]), y = rows(inputs[1]), to = out.data<float>()]() {
            share(pieces_for(x.count * x.length, x.dense && y.dense ? 64 : x.count), [&](int piece, int pieces) {
                if (x.dense && y.dense) {
                    const long size = x.count * x.length, from = bound(size, piece, pieces);
                    K.silu_times(x.data + from, y.data + from, bound(size, piece + 1, pieces) - from, to + from);
                    return;
                }
                std::vector<float> scratch, other;
                for (long i = bound(x.count, piece, pieces); i < bound(x.count, piece + 1, pieces); i++) {
                    K.silu_times(x.row(i, scratch), y.row(i, other), x.length, to + i * x.length);
                }
            });
        });
    }

    const char *name() const override { return "FusedSiluTimes"; }
};

/*
 * Products of rows [rows, 1, in] with those of the matrices [experts, in, out] that indices choose. They come in order, so
 * the rows of an expert are one product; MLX multiplies row by row.
 */
class SortedProducts : public Fused {
  public:
    explicit SortedProducts(mx::Stream stream) : Fused(stream) {}

    void eval_cpu(const std::vector<mx::array> &inputs, mx::array &out) override {
        auto &encoder = begin(inputs, out);
        encoder.dispatch([x = rows(inputs[0]), matrices = matrices_of(inputs[1]), chosen = inputs[2].data<uint32_t>(),
                          step = inputs[2].strides(0), to = out.data<float>()]() {
            std::vector<float> copied, copy;
            for (long first = 0, end; first < x.count; first = end) {
                const uint32_t expert = chosen[first * step];
                for (end = first + 1; end < x.count && chosen[end * step] == expert; end++) {}
                const float *from = x.at(first);
                if (!x.dense) {
                    copied.resize((end - first) * x.length);
                    std::vector<float> scratch;
                    for (long i = first; i < end; i++) {
                        std::copy_n(x.row(i, scratch), x.length, &copied[(i - first) * x.length]);
                    }
                    from = copied.data();
                }
                matrices.multiply(from, end - first, expert, copy, to + first * matrices.out);
            }
        });
    }

    const char *name() const override { return "SortedProducts"; }

  private:
    struct matrices_of {
        const float *data;
        int in, out;
        long next, in_step, out_step;

        explicit matrices_of(const mx::array &a)
            : data(a.data<float>()), in(a.shape(1)), out(a.shape(2)), next(a.strides(0)),
              in_step(in == 1 ? 1 : a.strides(1)), out_step(out == 1 ? 1 : a.strides(2)) {}

        /* By rows of outputs or of inputs; a matrix that has neither is copied. */
        void multiply(const float *x, long rows, uint32_t expert, std::vector<float> &copy, float *to) const {
            const float *matrix = data + expert * next;
            if (in_step == 1 && out_step >= in) {
                cblas_sgemm(
                    ROW_MAJOR, NO_TRANS, TRANS, (int)rows, out, in, 1, x, in, matrix, (int)out_step, 0, to, out);
                return;
            }
            long row = in_step;
            if (out_step != 1 || in_step < out) {
                copy.resize((size_t)in * out);
                for (long i = 0; i < in; i++) {
                    for (long j = 0; j < out; j++) copy[i * out + j] = matrix[i * in_step + j * out_step];
                }
                matrix = copy.data();
                row = out;
            }
            cblas_sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, (int)rows, out, in, 1, x, in, matrix, (int)row, 0, to, out);
        }
    };
};

/* Keys or values, [batch, heads, context, dim]: a row a position. */
struct sequence {
    const float *data;
    long batch_step, head_step, row_step, step;
    int batch, heads, context, dim;
    std::vector<float> copy;

    explicit sequence(const mx::array &x)
        : data(x.data<float>()), batch_step(x.strides(0)), head_step(x.strides(1)), row_step(x.strides(2)),
          step(x.shape(3) == 1 ? 1 : x.strides(3)), batch(x.shape(0)), heads(x.shape(1)), context(x.shape(2)),
          dim(x.shape(3)) {}

    /* Rows with their numbers side by side, and room between rows that BLAS takes. */
    void make_dense() {
        if (step == 1 && row_step >= dim) return;
        copy.resize((size_t)batch * heads * context * dim);
        float *to = copy.data();
        for (int b = 0; b < batch; b++) {
            for (int h = 0; h < heads; h++) {
                for (int i = 0; i < context; i++) {
                    for (int j = 0; j < dim; j++) *to++ = data[b * batch_step + h * head_step + i * row_step + j * step];
                }
            }
        }
        data = copy.data();
        step = 1, row_step = dim, head_step = (long)context * dim, batch_step = heads * head_step;
    }

    const float *rows_of(int element, int head) const { return data + element * batch_step + head * head_step; }
};

/* What a query has seen so far: the greatest score, the sum of exponentials, and values by their exponentials. */
struct seen {
    float max = NONE, sum = 0;
};

/*
 * Attention of queries [batch, heads, length, dim] to keys and values, either of one array with the same batch or of an array
 * for each element of the batch. Queries of the heads that share keys are computed together. There may be sinks, a score of
 * each head that has no value.
 */
class FusedAttention : public Fused {
  public:
    FusedAttention(mx::Stream stream, float scale, bool causal, bool sinks)
        : Fused(stream), scale(scale), causal(causal), sinks(sinks) {}

    void eval_cpu(const std::vector<mx::array> &inputs, mx::array &out) override {
        auto &encoder = begin(inputs, out);
        const size_t count = (inputs.size() - 1) / 2;
        std::vector<sequence> keys, values;
        for (size_t i = 0; i < count; i++) {
            keys.emplace_back(inputs[1 + i]);
            values.emplace_back(inputs[1 + count + i]);
        }
        const int kv_heads = inputs[1].shape(1);
        call c{rows(inputs[0]), std::move(keys), std::move(values), kv_heads, inputs[0].shape(1) / kv_heads, scale, causal,
            sinks ? inputs.back().data<float>() : nullptr, sinks ? (long)inputs.back().strides(0) : 0, out.data<float>()};
        encoder.dispatch([c = std::move(c)]() mutable {
            for (sequence &k : c.all_keys) k.make_dense();
            for (sequence &v : c.all_values) v.make_dense();
            c.length() == 1 ? c.decode() : c.prefill();
        });
    }

    const char *name() const override { return "FusedAttention"; }

  private:
    struct call {
        rows queries;
        std::vector<sequence> all_keys, all_values;
        int kv_heads, group;
        float scale;
        bool causal;
        const float *sinks;
        long sink_step;
        float *out;

        int batch() const { return queries.shape[0]; }
        int length() const { return queries.shape[2]; }
        int of(int element) const { return all_keys.size() == 1 ? 0 : element; }
        const sequence &keys(int element) const { return all_keys[of(element)]; }
        const sequence &values(int element) const { return all_values[of(element)]; }
        const float *keys_at(int element, int head) const {
            return keys(element).rows_of(all_keys.size() == 1 ? element : 0, head);
        }
        const float *values_at(int element, int head) const {
            return values(element).rows_of(all_values.size() == 1 ? element : 0, head);
        }

        /* Copies the query of a head at a position, multiplied by the scale. */
        void query(int element, int head, int position, float *to) const {
            std::vector<float> scratch;
            const float *from = queries.row(((long)element * kv_heads * group + head) * length() + position, scratch);
            for (int i = 0; i < queries.length; i++) to[i] = from[i] * scale;
        }

        float *output(int element, int head, int position) const {
            return out + (((long)element * kv_heads * group + head) * length() + position) * all_values[0].dim;
        }

        float sink(int head) const { return sinks == nullptr ? NONE : sinks[head * sink_step]; }

        /* One query a sequence: pieces are runs of keys, whose results are put together afterwards. */
        void decode() const {
            struct piece {
                int element, head, from, to;
            };
            std::vector<piece> all;
            long numbers = 0;
            for (int b = 0; b < batch(); b++) {
                const int context = keys(b).context;
                numbers += (long)context * kv_heads * (keys(b).dim + values(b).dim);
                for (int h = 0; h < kv_heads; h++) {
                    for (int from = 0; from < context; from += PIECE_KEYS) {
                        all.push_back({b, h, from, std::min(context, from + PIECE_KEYS)});
                    }
                }
            }
            const int dim = queries.length, width = all_values[0].dim;
            std::vector<seen> states(all.size() * group);
            std::vector<float> sums(all.size() * group * width);
            share(pieces_for(numbers, (long)all.size()), [&](int number, int pieces) {
                std::vector<float> q(dim), scores(KEYS);
                for (long i = bound(all.size(), number, pieces); i < bound(all.size(), number + 1, pieces); i++) {
                    const piece &p = all[i];
                    const float *k = keys_at(p.element, p.head), *v = values_at(p.element, p.head);
                    const long k_step = keys(p.element).row_step, v_step = values(p.element).row_step;
                    for (int g = 0; g < group; g++) {
                        seen &state = states[i * group + g];
                        float *sum = &sums[(i * group + g) * width];
                        query(p.element, p.head * group + g, 0, q.data());
                        for (int from = p.from; from < p.to; from += KEYS) {
                            const int n = std::min<int>(KEYS, p.to - from);
                            K.dots(q.data(), k + from * k_step, k_step, n, dim, scores.data());
                            const float factor = K.soften(scores.data(), n, &state.max, &state.sum);
                            if (factor != 1) K.scale(sum, width, factor);
                            K.add_rows(scores.data(), v + from * v_step, v_step, n, width, sum);
                        }
                    }
                }
            });
            for (size_t first = 0, next; first < all.size(); first = next) {
                next = first + 1;
                while (next < all.size() && all[next].from > 0) next++;
                for (int g = 0; g < group; g++) {
                    float *to = output(all[first].element, all[first].head * group + g, 0);
                    put_together(first, next, g, width, sink(all[first].head * group + g), states, sums, to);
                }
            }
        }

        void put_together(
            size_t first, size_t next, int g, int width, float sink, const std::vector<seen> &states,
            const std::vector<float> &sums, float *to) const {
            float max = sink, sum = 0;
            for (size_t i = first; i < next; i++) max = std::max(max, states[i * group + g].max);
            std::fill(to, to + width, 0.0f);
            for (size_t i = first; i < next; i++) {
                const seen &state = states[i * group + g];
                const float factor = std::exp(state.max - max);
                sum += state.sum * factor;
                for (int j = 0; j < width; j++) to[j] += sums[(i * group + g) * width + j] * factor;
            }
            if (sinks != nullptr) sum += std::exp(sink - max);
            for (int j = 0; j < width; j++) to[j] /= sum;
        }

        /* Many queries: pieces are blocks of them, which meet the keys a tile at a time. */
        void prefill() const {
            const int blocks = (length() + QUERIES - 1) / QUERIES;
            const int pieces = batch() * kv_heads * blocks;
            share(std::min<int>(pieces, PIECES_MAX), [&](int number, int of) {
                std::vector<float> q, scores, sums;
                std::vector<seen> states;
                for (long i = bound(pieces, number, of); i < bound(pieces, number + 1, of); i++) {
                    /* The last blocks see the most keys: they come first. */
                    const int block = blocks - 1 - (int)(i / (batch() * kv_heads)), head = (int)(i % kv_heads);
                    block_of(
                        (int)(i / kv_heads % batch()), head, block * QUERIES, std::min(length(), (block + 1) * QUERIES), q,
                        scores, sums, states);
                }
            });
        }

        /* What values by their exponentials are multiplied by. */
        float share_of_values(int head, const seen &state) const {
            if (sinks == nullptr) return 1 / state.sum;
            const float max = std::max(state.max, sink(head)), factor = std::exp(state.max - max);
            return factor / (state.sum * factor + std::exp(sink(head) - max));
        }

        void block_of(
            int element, int head, int begin, int end, std::vector<float> &q, std::vector<float> &scores,
            std::vector<float> &sums, std::vector<seen> &states) const {
            const sequence &ks = keys(element), &vs = values(element);
            const int dim = queries.length, width = vs.dim, size = end - begin, count = group * size;
            const int before = causal ? ks.context - length() : 0;
            const int context = causal ? before + end : ks.context;
            const float *k = keys_at(element, head), *v = values_at(element, head);
            q.resize((size_t)count * dim);
            scores.resize((size_t)count * KEYS);
            sums.assign((size_t)count * width, 0);
            states.assign(count, seen());
            for (int row = 0; row < count; row++) {
                query(element, head * group + row / size, begin + row % size, &q[(size_t)row * dim]);
            }
            for (int from = 0; from < context; from += KEYS) {
                const int n = std::min<int>(KEYS, context - from);
                scipy_cblas_sgemm(
                    ROW_MAJOR, NO_TRANS, TRANS, count, n, dim, 1, q.data(), dim, k + from * ks.row_step, (int)ks.row_step, 0,
                    scores.data(), KEYS);
                for (int row = 0; row < count; row++) {
                    const int visible = causal ? std::clamp(before + begin + row % size + 1 - from, 0, n) : n;
                    float *of = &scores[(size_t)row * KEYS];
                    if (visible > 0) {
                        const float factor = K.soften(of, visible, &states[row].max, &states[row].sum);
                        if (factor != 1) K.scale(&sums[(size_t)row * width], width, factor);
                    }
                    std::fill(of + visible, of + n, 0.0f);
                }
                scipy_cblas_sgemm(
                    ROW_MAJOR, NO_TRANS, NO_TRANS, count, width, n, 1, scores.data(), KEYS, v + from * vs.row_step,
                    (int)vs.row_step, 1, sums.data(), width);
            }
            for (int row = 0; row < count; row++) {
                float *to = output(element, head * group + row / size, begin + row % size);
                const float *sum = &sums[(size_t)row * width];
                const float inverse = share_of_values(head * group + row / size, states[row]);
                for (int j = 0; j < width; j++) to[j] = sum[j] * inverse;
            }
        }
    };

    float scale;
    bool causal, sinks;
};

template <typename Make> int guarded(mlx_array *res, const Make &make) {
    try {
        mlx_array_set_(*res, make());
        return 0;
    } catch (std::exception &e) {
        mlx_error(e.what());
        return 1;
    }
}

void check(bool holds, const char *rule) {
    if (!holds) throw std::invalid_argument(rule);
}

bool single(const mx::array &x) { return x.dtype() == mx::float32; }

mx::array attended(
    const mlx_array queries, const std::vector<mx::array> &k, const std::vector<mx::array> &v, const mlx_array sinks,
    float scale, bool causal, const mlx_stream s) {
    const mx::array &q = mlx_array_get_(queries);
    check(single(q) && q.ndim() == 4 && q.size() > 0, "queries must be float32 with four dimensions");
    check(!k.empty() && k.size() == v.size(), "there must be values for keys");
    check(k.size() == 1 || (int)k.size() == q.shape(0), "there must be keys for each element of the batch");
    std::vector<mx::array> inputs{q};
    for (size_t i = 0; i < k.size(); i++) {
        check(single(k[i]) && single(v[i]) && k[i].ndim() == 4 && v[i].ndim() == 4, "keys and values must be float32");
        check(k[i].shape(0) == (k.size() == 1 ? q.shape(0) : 1) && k[i].shape(0) == v[i].shape(0), "batches must fit");
        check(k[i].shape(1) == k[0].shape(1) && k[i].shape(1) == v[i].shape(1), "heads of keys and values must fit");
        check(q.shape(1) % k[i].shape(1) == 0, "heads of keys must divide heads");
        check(k[i].shape(2) == v[i].shape(2) && k[i].shape(2) >= (causal ? q.shape(2) : 1), "contexts must fit");
        check(k[i].shape(3) == q.shape(3) && v[i].shape(3) == v[0].shape(3), "dimensions of heads must fit");
        inputs.push_back(k[i]);
    }
    inputs.insert(inputs.end(), v.begin(), v.end());
    const bool sinking = sinks.ctx != nullptr;
    if (sinking) {
        const mx::array &of_heads = mlx_array_get_(sinks);
        check(single(of_heads) && of_heads.ndim() == 1, "sinks must be float32 with one dimension");
        check(of_heads.shape(0) == q.shape(1), "there must be a sink for each head");
        inputs.push_back(of_heads);
    }
    return mx::array(
        {q.shape(0), q.shape(1), q.shape(2), v[0].shape(3)}, mx::float32,
        std::make_shared<FusedAttention>(mlx_stream_get_(s), scale, causal, sinking), std::move(inputs));
}

} // namespace

#define EXPORTED extern "C" __attribute__((visibility("default")))

/* x / rms(x) * weight over the last dimension. */
EXPORTED int langchain4j_mlx_rms_norm(
    mlx_array *res, const mlx_array x, const mlx_array weight, float eps, const mlx_stream s) {
    return guarded(res, [&] {
        const mx::array &in = mlx_array_get_(x), &w = mlx_array_get_(weight);
        check(single(in) && single(w), "x and weight must be float32");
        check(in.ndim() > 0 && w.ndim() == 1 && w.size() == (size_t)in.shape(-1), "weight must fit the last dimension of x");
        return mx::array(in.shape(), mx::float32, std::make_shared<FusedRmsNorm>(mlx_stream_get_(s), eps), {in, w});
    });
}

/* Turns the first dims of the last dimension of x [batch, heads, length, dim] by tables of cosines and sines. */
EXPORTED int langchain4j_mlx_rope(
    mlx_array *res, const mlx_array x, const mlx_array cosines, const mlx_array sines, const mlx_stream s) {
    return guarded(res, [&] {
        const mx::array &in = mlx_array_get_(x), &c = mlx_array_get_(cosines), &n = mlx_array_get_(sines);
        check(single(in) && single(c) && single(n), "x, cosines and sines must be float32");
        check(in.ndim() == 4 && c.ndim() > 0 && c.shape() == n.shape(), "x must have four dimensions, tables one shape");
        const int dims = c.shape(-1);
        check(dims > 0 && dims % 2 == 0 && dims <= in.shape(3), "as many dimensions as x has can turn, in pairs");
        const long turns = (long)c.size() / dims;
        check(turns == in.shape(2) || turns == (long)in.shape(0) * in.shape(2), "there must be a turn for each position");
        return mx::array(in.shape(), mx::float32, std::make_shared<FusedRope>(mlx_stream_get_(s)), {in, c, n});
    });
}

/* silu(x) * y. */
EXPORTED int langchain4j_mlx_silu_times(mlx_array *res, const mlx_array x, const mlx_array y, const mlx_stream s) {
    return guarded(res, [&] {
        const mx::array &a = mlx_array_get_(x), &b = mlx_array_get_(y);
        check(single(a) && single(b), "x and y must be float32");
        check(a.ndim() > 0 && a.shape() == b.shape(), "x and y must have one shape");
        return mx::array(a.shape(), mx::float32, std::make_shared<FusedSiluTimes>(mlx_stream_get_(s)), {a, b});
    });
}

/* Rows x [rows, 1, in] times those of the matrices [experts, in, out] that so many indices choose, which rise. */
EXPORTED int langchain4j_mlx_sorted_products(
    mlx_array *res, const mlx_array x, const mlx_array matrices, const mlx_array chosen, const mlx_stream s) {
    return guarded(res, [&] {
        const mx::array &in = mlx_array_get_(x), &m = mlx_array_get_(matrices), &c = mlx_array_get_(chosen);
        check(single(in) && single(m) && c.dtype() == mx::uint32, "x and matrices must be float32, indices uint32");
        check(in.ndim() == 3 && in.shape(1) == 1 && m.ndim() == 3 && c.ndim() == 1, "x must have rows, matrices experts");
        check(in.shape(2) == m.shape(1) && in.shape(2) > 0, "matrices must fit the last dimension of x");
        check(c.shape(0) == in.shape(0), "there must be an index for each row");
        return mx::array(
            {in.shape(0), 1, m.shape(2)}, mx::float32, std::make_shared<SortedProducts>(mlx_stream_get_(s)), {in, m, c});
    });
}

/*
 * softmax(q k' * scale) v of q [batch, heads, length, dim] and keys and values of the same batch, where with causal each query
 * sees the keys up to its own position, counted from the end. Sinks [heads] are scores without values; or there are none.
 */
EXPORTED int langchain4j_mlx_attention(
    mlx_array *res, const mlx_array queries, const mlx_array keys, const mlx_array values, const mlx_array sinks, float scale,
    bool causal, const mlx_stream s) {
    return guarded(res, [&] {
        return attended(queries, {mlx_array_get_(keys)}, {mlx_array_get_(values)}, sinks, scale, causal, s);
    });
}

/* The same without causal, of keys and values [1, heads, context, dim] for each element of the batch. */
EXPORTED int langchain4j_mlx_attention_of_each(
    mlx_array *res, const mlx_array queries, const mlx_vector_array keys, const mlx_vector_array values,
    const mlx_array sinks, float scale, const mlx_stream s) {
    return guarded(res, [&] {
        return attended(queries, mlx_vector_array_get_(keys), mlx_vector_array_get_(values), sinks, scale, false, s);
    });
}
