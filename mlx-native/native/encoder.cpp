/*
 * What text encoders (BERT) compute besides products, for MLX's CPU backend, in single precision: attention of texts that lie
 * in a row, norms of sums, and gelu. Nodes of MLX's graph as its own are. MLX puts each together from up to twenty operations
 * that run one after the other on one thread; these read and write their numbers once, on the threads of blas.c.
 */
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "mlx/backend/cpu/encoder.h"
#include "mlx/c/error.h"
#include "mlx/c/private/mlx.h"
#include "mlx/primitives.h"

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };

extern "C" void langchain4j_mlx_share(void (*run)(const void *what, int piece, int pieces), const void *what, int pieces);
extern "C" void scipy_cblas_sgemm(
    int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a, int lda, const float *b,
    int ldb, float beta, float *c, int ldc);

namespace {

namespace mx = mlx::core;

/* QUERIES: so many positions are looked at together, for their scores to stay in a cache. */
enum { QUERIES = 128, PIECES_MAX = 64 };

/* Numbers that are worth a piece, and multiplications that are. */
constexpr double PIECE_NUMBERS = 1 << 14, PIECE_PRODUCTS = 1 << 18;

struct kernels {
    void (*layer_norm)(
        const float *x, const float *added, const float *weight, const float *bias, float eps, int n, float *out);
    void (*activations[2])(const float *x, long n, float *out);
    float (*exps_of)(float *x, int n);
};

#define KERNELS_FILE "encoder_kernels.h"
#include "instruction_sets.h"

/* Calls f(from, to) for parts of a range, on several threads where the work is worth it. */
template <class F> void share(long size, double work, double worth, const F &f) {
    struct range {
        long size;
        const F *f;
    } all{size, &f};
    const int pieces = (int)std::max(1.0, std::min({(double)size, work / worth, (double)PIECES_MAX}));
    langchain4j_mlx_share(
        [](const void *what, int piece, int pieces) {
            const range &all = *(const range *)what;
            (*all.f)(all.size * piece / pieces, all.size * (piece + 1) / pieces);
        },
        &all, pieces);
}

/* Gives what computes an output from inputs, all of which have their memory then. */
using plan = std::function<std::function<void()>(const std::vector<mx::array> &inputs, mx::array &out)>;

class Encoding : public mx::UnaryPrimitive {
  public:
    Encoding(mx::Stream stream, const char *label, plan planned) : UnaryPrimitive(stream), label(label), planned(planned) {}

    void eval_cpu(const std::vector<mx::array> &inputs, mx::array &out) override {
        out.set_data(mx::allocator::malloc(out.nbytes()));
        auto &encoder = mx::cpu::get_command_encoder(stream());
        for (const mx::array &in : inputs) encoder.set_input_array(in);
        encoder.set_output_array(out);
        encoder.dispatch(planned(inputs, out));
    }

    void eval_gpu(const std::vector<mx::array> &, mx::array &) override { throw std::runtime_error("only on the CPU"); }

    const char *name() const override { return label; }

  private:
    const char *label;
    plan planned;
};

template <class F> int made(mlx_array *res, const char *label, mx::Stream s, mx::Shape shape, std::vector<mx::array> in, F f) {
    mlx_array_set_(*res, mx::array(std::move(shape), mx::float32, std::make_shared<Encoding>(s, label, f), std::move(in)));
    return 0;
}

/* Its numbers without gaps. */
mx::array packed(const mlx_array a, mx::Stream s) {
    const mx::array &x = mlx_array_get_(a);
    if (x.dtype() != mx::float32) throw std::invalid_argument("numbers must be of single precision");
    return mx::contiguous(x, false, s);
}

/* A text of a row of texts: its first token and how many it has. */
struct text {
    long first;
    int length;
};

struct attention {
    std::vector<text> texts;
    int heads, dim;
    float scale;
    const float *qkv; /* [tokens, 3 * heads * dim]: queries of all heads, keys, values */
    float *out;       /* [tokens, heads * dim] */

    void head(const text &t, int head, std::vector<float> &room) const {
        const int hidden = heads * dim, row = 3 * hidden;
        const float *q = qkv + t.first * row + head * dim, *k = q + hidden, *v = k + hidden;
        const int most = std::min<int>(t.length, QUERIES);
        room.resize((size_t)most * t.length);
        for (int from = 0; from < t.length; from += QUERIES) {
            const int rows = std::min<int>(QUERIES, t.length - from);
            float totals[QUERIES], *to = out + (t.first + from) * hidden + head * dim;
            scipy_cblas_sgemm(
                ROW_MAJOR, NO_TRANS, TRANS, rows, t.length, dim, scale, q + (long)from * row, row, k, row, 0, room.data(),
                t.length);
            for (int i = 0; i < rows; i++) totals[i] = K.exps_of(room.data() + (long)i * t.length, t.length);
            scipy_cblas_sgemm(
                ROW_MAJOR, NO_TRANS, NO_TRANS, rows, dim, t.length, 1, room.data(), t.length, v, row, 0, to, hidden);
            for (int i = 0; i < rows; i++) {
                const float factor = 1 / totals[i];
                for (int j = 0; j < dim; j++) to[(long)i * hidden + j] *= factor;
            }
        }
    }

    void compute() const {
        double work = 0;
        for (const text &t : texts) work += 2.0 * t.length * t.length * heads * dim;
        share((long)texts.size() * heads, work, PIECE_PRODUCTS, [this](long begin, long end) {
            std::vector<float> room;
            for (long i = begin; i < end; i++) head(texts[i / heads], (int)(i % heads), room);
        });
    }
};

/* The status of what may throw. */
template <class F> int checked(const F &f) {
    try {
        return f();
    } catch (std::exception &e) {
        mlx_error(e.what());
        return 1;
    }
}

} // namespace

#define EXPORTED extern "C" __attribute__((visibility("default"))) int
/* (y - mean(y)) / deviation(y) * weight + bias over the last dimension, for y = x + added, or x where nothing is added. */
EXPORTED langchain4j_mlx_add_layer_norm(
    mlx_array *res, const mlx_array x, const mlx_array added, const mlx_array weight, const mlx_array bias, float eps,
    const mlx_stream s) {
    return checked([&] {
        const mx::Stream stream = mlx_stream_get_(s);
        std::vector<mx::array> inputs = {packed(x, stream), packed(weight, stream), packed(bias, stream)};
        if (added.ctx) inputs.push_back(packed(added, stream));
        const mx::Shape shape = inputs[0].shape(), each = inputs[1].shape();
        if (shape.empty() || each != mx::Shape{shape.back()} || inputs[2].shape() != each ||
            (added.ctx && inputs[3].shape() != shape)) {
            throw std::invalid_argument("there must be a weight and a bias for each number of a row");
        }
        return made(res, "AddLayerNorm", stream, shape, inputs, [eps](auto &inputs, auto &out) {
            const int n = out.shape(-1);
            const long rows = (long)out.size() / std::max(1, n);
            const float *x = inputs[0].template data<float>(), *w = inputs[1].template data<float>();
            const float *b = inputs[2].template data<float>();
            const float *added = inputs.size() > 3 ? inputs[3].template data<float>() : nullptr;
            return [=, to = out.template data<float>()] {
                share(rows, (double)rows * n, PIECE_NUMBERS, [&](long begin, long end) {
                    for (long i = begin * n; i < end * n; i += n) {
                        K.layer_norm(x + i, added ? added + i : nullptr, w, b, eps, n, to + i);
                    }
                });
            };
        });
    });
}

/* gelu of each number, exact or, if by_tanh, by a hyperbolic tangent. */
EXPORTED langchain4j_mlx_gelu(mlx_array *res, const mlx_array x, bool by_tanh, const mlx_stream s) {
    return checked([&] {
        const mx::Stream stream = mlx_stream_get_(s);
        const mx::array in = packed(x, stream);
        return made(res, "Gelu", stream, in.shape(), {in}, [by_tanh](auto &inputs, auto &out) {
            return [by_tanh, n = (long)out.size(), x = inputs[0].template data<float>(), to = out.template data<float>()] {
                share(n, (double)n, PIECE_NUMBERS, [&](long begin, long end) {
                    K.activations[by_tanh](x + begin, end - begin, to + begin);
                });
            };
        });
    });
}

/*
 * softmax(q k' * scale) v within each of texts that lie in a row, for all heads: [..., tokens, 3 * hidden] with queries, keys and
 * values side by side to [..., tokens, hidden].
 */
EXPORTED langchain4j_mlx_texts_attention(
    mlx_array *res, const mlx_array qkv, const int *lengths, int64_t texts, int heads, float scale, const mlx_stream s) {
    return checked([&] {
        const mx::Stream stream = mlx_stream_get_(s);
        const mx::array in = packed(qkv, stream);
        std::vector<text> all;
        long tokens = 0;
        for (int64_t i = 0; i < texts; tokens += lengths[i++]) {
            if (lengths[i] < 1) throw std::invalid_argument("a text must have a token");
            all.push_back({tokens, lengths[i]});
        }
        mx::Shape shape = in.shape();
        if (heads < 1 || shape.empty() || shape.back() < 1 || shape.back() % (3 * heads) != 0 ||
            tokens * shape.back() != (long)in.size()) {
            throw std::invalid_argument("queries, keys and values must be of each head of each token");
        }
        shape.back() /= 3;
        return made(res, "TextsAttention", stream, shape, {in}, [all, heads, scale](auto &inputs, auto &out) {
            return [what = attention{all, heads, out.shape(-1) / heads, scale, inputs[0].template data<float>(),
                                     out.template data<float>()}] { what.compute(); };
        });
    });
}
