/*
 * Operations on rows of logits for MLX's CPU backend, which are nodes of its graph as MLX's own are: drawing a token, the
 * likeliest tokens, and the mask of a grammar. Each reads a row a few times, where a composition of MLX's operations reads it
 * dozens of times and sorts it. What they compute is what Logits.java composes for other devices.
 *
 * A row is looked at in blocks of 64 ids. The greatest of each block come first: they name the few blocks that matter.
 */
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "mlx/backend/cpu/encoder.h"
#include "mlx/c/error.h"
#include "mlx/c/private/mlx.h"
#include "mlx/primitives.h"

namespace {

namespace mx = mlx::core;

/* LIKELY: so many ids have the mass of a top_p in most rows. */
enum { BLOCK = 64, LIKELY = 512, LISTED_MAX = 1024, LEVELS = 3 };

constexpr float NONE = -std::numeric_limits<float>::infinity();

/* No noise is greater than that of the greatest number below one. */
constexpr float NOISE_MAX = 16.7f;

struct kernels {
    void (*maxima)(const float *x, int blocks, float *out);
    double (*sum_of_exps)(const float *x, int blocks, float max);
    double (*exps)(const float *x, int blocks, float max, float *out);
    void (*noise)(uint64_t seed, int row, const uint32_t *ids, float *out);
    void (*masked)(const float *x, const uint32_t *bits, int ids, float *out);
};

#define KERNELS_FILE "logits_kernels.h"
#include "instruction_sets.h"

#include "logits_rows.h"

class Draw : public mx::UnaryPrimitive {
  public:
    Draw(mx::Stream stream, std::vector<draw> draws) : UnaryPrimitive(stream), draws(std::move(draws)) {}

    void eval_cpu(const std::vector<mx::array> &inputs, mx::array &out) override {
        const mx::array &in = inputs[0];
        out.set_data(mx::allocator::malloc(out.nbytes()));
        auto &encoder = mx::cpu::get_command_encoder(stream());
        encoder.set_input_array(in);
        encoder.set_output_array(out);
        encoder.dispatch([draws = draws, ids = in.shape(1), x = in.data<float>(), to = out.data<uint32_t>()]() {
            row r(ids);
            narrowed n;
            for (size_t i = 0; i < draws.size(); i++) {
                r.read(x + (long)i * ids);
                to[i] = drawn(r, draws[i], n);
            }
        });
    }

    void eval_gpu(const std::vector<mx::array> &, mx::array &) override { throw std::runtime_error("only on the CPU"); }

    const char *name() const override { return "Draw"; }

  private:
    std::vector<draw> draws;
};

/* What is drawn from: logarithms of probabilities up to a constant, and minus infinity for what is left out. */
class Narrow : public mx::UnaryPrimitive {
  public:
    Narrow(mx::Stream stream, std::vector<draw> draws) : UnaryPrimitive(stream), draws(std::move(draws)) {}

    void eval_cpu(const std::vector<mx::array> &inputs, mx::array &out) override {
        const mx::array &in = inputs[0];
        out.set_data(mx::allocator::malloc(out.nbytes()));
        auto &encoder = mx::cpu::get_command_encoder(stream());
        encoder.set_input_array(in);
        encoder.set_output_array(out);
        encoder.dispatch([draws = draws, ids = in.shape(1), x = in.data<float>(), to = out.data<float>()]() {
            row r(ids);
            narrowed n;
            for (size_t i = 0; i < draws.size(); i++) {
                r.read(x + (long)i * ids);
                float *y = to + (long)i * ids;
                std::fill(y, y + ids, NONE);
                const float factor = draws[i].inverse_temperature;
                if (factor == 0) {
                    y[r.greatest()] = 0;
                    continue;
                }
                narrow(r, draws[i], n);
                for (const candidate &c : n.candidates) {
                    if (n.listed) y[c.id] = c.value * factor;
                }
                for (int j = 0; !n.listed && j < ids; j++) {
                    if (n.keeps(r.max, r.x[j])) y[j] = r.x[j] * factor;
                }
            }
        });
    }

    void eval_gpu(const std::vector<mx::array> &, mx::array &) override { throw std::runtime_error("only on the CPU"); }

    const char *name() const override { return "Narrow"; }

  private:
    std::vector<draw> draws;
};

/* Values and ids of the greatest, in order, and the logarithm of the sum of all exponentials. */
class Likeliest : public mx::Primitive {
  public:
    Likeliest(mx::Stream stream, int count) : Primitive(stream), count(count) {}

    void eval_cpu(const std::vector<mx::array> &inputs, std::vector<mx::array> &out) override {
        const mx::array &in = inputs[0];
        auto &encoder = mx::cpu::get_command_encoder(stream());
        encoder.set_input_array(in);
        for (mx::array &o : out) {
            o.set_data(mx::allocator::malloc(o.nbytes()));
            encoder.set_output_array(o);
        }
        encoder.dispatch([count = count, rows = in.shape(0), ids = in.shape(1), x = in.data<float>(),
                          values = out[0].data<float>(), places = out[1].data<int32_t>(), sums = out[2].data<float>()]() {
            row r(ids);
            std::vector<float> scratch;
            std::vector<candidate> greatest;
            for (int i = 0; i < rows; i++) {
                r.read(x + (long)i * ids);
                list_greatest(r, count, scratch, greatest);
                greatest.resize(count, {NONE, 0});
                for (int j = 0; j < count; j++) {
                    values[i * count + j] = greatest[j].value;
                    places[i * count + j] = greatest[j].id;
                }
                sums[i] = r.max + std::log(r.sum_of_exps());
            }
        });
    }

    void eval_gpu(const std::vector<mx::array> &, std::vector<mx::array> &) override {
        throw std::runtime_error("only on the CPU");
    }

    const char *name() const override { return "Likeliest"; }

  private:
    int count;
};

/* Logits, and minus infinity where the bit of an id is not set. */
class Mask : public mx::UnaryPrimitive {
  public:
    explicit Mask(mx::Stream stream) : UnaryPrimitive(stream) {}

    void eval_cpu(const std::vector<mx::array> &inputs, mx::array &out) override {
        const mx::array &in = inputs[0], &bits = inputs[1];
        out.set_data(mx::allocator::malloc(out.nbytes()));
        auto &encoder = mx::cpu::get_command_encoder(stream());
        encoder.set_input_array(in);
        encoder.set_input_array(bits);
        encoder.set_output_array(out);
        encoder.dispatch([rows = in.shape(0), ids = in.shape(1), x = in.data<float>(), all = bits.data<uint32_t>(),
                          length = (long)bits.size() / in.shape(0), to = out.data<float>()]() {
            for (int i = 0; i < rows; i++) {
                const float *from = x + (long)i * ids;
                const uint32_t *words = all + i * length;
                float *y = to + (long)i * ids;
                K.masked(from, words, ids, y);
                for (int j = ids / 32 * 32; j < ids; j++) y[j] = words[j / 32] >> j % 32 & 1 ? from[j] : NONE;
            }
        });
    }

    void eval_gpu(const std::vector<mx::array> &, mx::array &) override { throw std::runtime_error("only on the CPU"); }

    const char *name() const override { return "Mask"; }
};

mx::array rows_of(const mx::array &logits, mx::Stream s) {
    if (logits.ndim() != 2 || logits.shape(1) == 0) throw std::invalid_argument("logits must be rows of a vocabulary");
    return mx::contiguous(mx::astype(logits, mx::float32, s), false, s);
}

} // namespace

/* Draws from rows, with a struct draw for each: ids, or with narrowed what they are drawn from. */
extern "C" __attribute__((visibility("default"))) int langchain4j_mlx_draw(
    mlx_array *res, const mlx_array logits, const void *draws, int64_t count, bool narrowed, const mlx_stream s) {
    try {
        const mx::Stream stream = mlx_stream_get_(s);
        const mx::array in = rows_of(mlx_array_get_(logits), stream);
        if (in.shape(0) != count) throw std::invalid_argument("there must be a draw for each row");
        std::vector<draw> all((const draw *)draws, (const draw *)draws + count);
        mx::array out = narrowed
            ? mx::array(in.shape(), mx::float32, std::make_shared<Narrow>(stream, std::move(all)), {in})
            : mx::array({(int)count}, mx::uint32, std::make_shared<Draw>(stream, std::move(all)), {in});
        mlx_array_set_(*res, std::move(out));
        return 0;
    } catch (std::exception &e) {
        mlx_error(e.what());
        return 1;
    }
}

/* The likeliest ids of each row and their logits, [rows, count], and logsumexp of each row, [rows, 1]. */
extern "C" __attribute__((visibility("default"))) int langchain4j_mlx_likeliest(
    mlx_vector_array *res, const mlx_array logits, int count, const mlx_stream s) {
    try {
        const mx::Stream stream = mlx_stream_get_(s);
        const mx::array in = rows_of(mlx_array_get_(logits), stream);
        if (count < 1 || count > in.shape(1)) throw std::invalid_argument("count must be from 1 to the row's length");
        const int rows = in.shape(0);
        mlx_vector_array_set_(
            *res,
            mx::array::make_arrays(
                {{rows, count}, {rows, count}, {rows, 1}}, {mx::float32, mx::int32, mx::float32},
                std::make_shared<Likeliest>(stream, count), {in}));
        return 0;
    } catch (std::exception &e) {
        mlx_error(e.what());
        return 1;
    }
}

/* Rows with minus infinity where the bit of an id is not set: bit i % 32 of word i / 32 of the words of its row. */
extern "C" __attribute__((visibility("default"))) int langchain4j_mlx_mask(
    mlx_array *res, const mlx_array logits, const mlx_array words, const mlx_stream s) {
    try {
        const mx::Stream stream = mlx_stream_get_(s);
        const mx::array in = rows_of(mlx_array_get_(logits), stream);
        const mx::array bits = mx::contiguous(mx::view(mlx_array_get_(words), mx::uint32, stream), false, stream);
        if (in.shape(0) == 0 || (int64_t)bits.size() / in.shape(0) * 32 < in.shape(1)) {
            throw std::invalid_argument("there must be a bit for each id of each row");
        }
        mlx_array_set_(*res, mx::array(in.shape(), mx::float32, std::make_shared<Mask>(stream), {in, bits}));
        return 0;
    } catch (std::exception &e) {
        mlx_error(e.what());
        return 1;
    }
}
