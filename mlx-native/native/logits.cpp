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

namespace plain {
#define TARGET
#define LANES 4
#include "logits_kernels.h"
#undef TARGET
#undef LANES
} // namespace plain

#if defined(__x86_64__)
namespace avx2 {
#define TARGET __attribute__((target("avx2,fma")))
#define LANES 8
#include "logits_kernels.h"
#undef TARGET
#undef LANES
} // namespace avx2

namespace avx512 {
#define TARGET __attribute__((target("avx512f,avx512dq")))
#define LANES 16
#include "logits_kernels.h"
#undef TARGET
#undef LANES
} // namespace avx512
#endif

const kernels &best_kernels() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) return avx512::KERNELS;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2::KERNELS;
#endif
    return plain::KERNELS;
}

const kernels &K = best_kernels();

/* How a row is drawn; CpuLogits.java writes it. */
struct draw {
    float inverse_temperature; /* 0: the greatest */
    float top_p; /* 0: all */
    float log_min_p; /* minus infinity: all */
    float xtc_threshold; /* negative: none are excluded */
    int32_t top_k; /* 0: all */
    int32_t unused;
    uint64_t seed;
};

struct candidate {
    float value;
    int id;
};

/* Equal values in the order of their ids. */
bool before(const candidate &a, const candidate &b) { return a.value > b.value || (a.value == b.value && a.id < b.id); }

/* A row with the greatest of its blocks. */
struct row {
    const float *x;
    int ids, whole, blocks; /* whole: blocks that do not end behind the last id */
    std::vector<float> maxima;
    float rest[BLOCK]; /* what is behind them, and minus infinity */
    float max;

    row(int ids) : x(nullptr), ids(ids), whole(ids / BLOCK), blocks((ids + BLOCK - 1) / BLOCK), maxima(blocks) {}

    void read(const float *from) {
        x = from;
        K.maxima(x, whole, maxima.data());
        if (blocks > whole) {
            std::fill(rest, rest + BLOCK, NONE);
            std::copy(x + (long)whole * BLOCK, x + ids, rest);
            K.maxima(rest, 1, &maxima[whole]);
        }
        max = NONE;
        for (float m : maxima) max = m > max ? m : max;
    }

    const float *block(int b) const { return b < whole ? x + (long)b * BLOCK : rest; }

    int greatest() const {
        for (int b = 0; b < blocks; b++) {
            for (int i = 0; maxima[b] == max && i < BLOCK; i++) {
                if (block(b)[i] == max && b * BLOCK + i < ids) return b * BLOCK + i;
            }
        }
        return 0;
    }

    double sum_of_exps() const {
        return K.sum_of_exps(x, whole, max) + (blocks > whole ? K.sum_of_exps(rest, 1, max) : 0);
    }
};

/*
 * The greatest numbers of a row, in order. So many blocks as numbers are wanted have one that is at least the least of these
 * blocks' greatest; all that are wanted are therefore at least that.
 */
void list_greatest(const row &r, int count, std::vector<float> &scratch, std::vector<candidate> &out) {
    float least = NONE;
    if (r.blocks > count) {
        scratch = r.maxima;
        std::nth_element(scratch.begin(), scratch.begin() + count - 1, scratch.end(), std::greater<float>());
        least = scratch[count - 1];
    }
    out.clear();
    for (int b = 0; b < r.blocks; b++) {
        if (!(r.maxima[b] >= least) || r.maxima[b] == NONE) continue;
        const float *x = r.block(b);
        for (int i = 0; i < BLOCK; i++) {
            if (x[i] >= least && x[i] > NONE) out.push_back({x[i], b * BLOCK + i});
        }
    }
    if ((int)out.size() > count) {
        std::nth_element(out.begin(), out.begin() + count, out.end(), before);
        out.resize(count);
    }
    std::sort(out.begin(), out.end(), before);
}

/* What is left of a row: the candidates if they are listed, else all that these bounds let through. */
struct narrowed {
    bool listed;
    float farthest; /* from the greatest */
    float least, most;
    std::vector<candidate> candidates;
    std::vector<float> scratch;
    std::vector<float> weights; /* exp(x - max) of whole blocks */

    bool keeps(float max, float x) const {
        return !(max - x > farthest) & (x >= least) & (x <= most) & (x > NONE);
    }
};

uint32_t key_of(float distance) {
    uint32_t bits;
    std::memcpy(&bits, &distance, sizeof bits);
    return bits & 0x7fffffff;
}

/*
 * How far from the greatest the likeliest ids reach whose mass comes to a limit: the greatest distance with less than the limit
 * nearer than it. The bits of distances are in their order, so that they are found a digit after the other.
 */
float reach(const row &r, double limit, const std::vector<float> &weights) {
    static const int SHIFTS[LEVELS] = {20, 10, 0}, BITS[LEVELS] = {11, 10, 10};
    double nearer = 0;
    uint32_t found = 0;
    std::vector<double> mass(1 << BITS[0]);
    for (int i = 0; i < r.ids; i++) mass[key_of(r.max - r.x[i]) >> SHIFTS[0]] += weights[i];
    std::vector<std::pair<uint32_t, float>> rest;
    for (int level = 0; level < LEVELS; level++) {
        const uint32_t digits = 1u << BITS[level];
        if (level == 1) {
            for (int i = 0; i < r.ids; i++) {
                const uint32_t key = key_of(r.max - r.x[i]);
                if (key >> SHIFTS[0] == found) rest.push_back({key, weights[i]});
            }
        }
        if (level > 0) std::fill(mass.begin(), mass.end(), 0.0);
        for (const auto &[key, weight] : rest) {
            if (key >> (SHIFTS[level] + BITS[level]) == found) mass[key >> SHIFTS[level] & (digits - 1)] += weight;
        }
        uint32_t last = 0;
        for (uint32_t digit = 0; digit < digits && nearer < limit; digit++) {
            if (mass[digit] > 0) {
                last = digit;
                if (nearer + mass[digit] >= limit) break;
                nearer += mass[digit];
            }
        }
        found = found << BITS[level] | last;
    }
    float distance;
    std::memcpy(&distance, &found, sizeof distance);
    return distance;
}

/* The numbers that draws may take, in mlx-lm's order: top_p, min_p, XTC, top_k. */
void narrow(const row &r, const draw &d, narrowed &n) {
    const bool by_mass = d.top_p > 0 && d.top_p < 1;
    const bool by_count = d.top_k > 0 && d.top_k < r.ids;
    const bool excludes = d.xtc_threshold >= 0;
    n.farthest = INFINITY;
    n.least = d.log_min_p > NONE ? r.max + d.log_min_p : NONE;
    n.most = INFINITY;
    n.listed = by_count;
    const int listed = by_count ? d.top_k : by_mass ? LIKELY : 0;
    if (listed > 0 && listed <= LISTED_MAX && !excludes) {
        list_greatest(r, listed, n.scratch, n.candidates);
        const double limit = by_mass ? d.top_p * r.sum_of_exps() : INFINITY;
        double nearer = 0;
        size_t kept = 0;
        for (; kept < n.candidates.size(); kept++) {
            const float value = n.candidates[kept].value;
            const bool tied = kept > 0 && value == n.candidates[kept - 1].value;
            if (!(value >= n.least) || (nearer >= limit && !tied)) break;
            nearer += std::exp((double)value - r.max);
        }
        n.listed = by_count || kept < n.candidates.size();
        if (n.listed) {
            n.candidates.resize(kept);
            return;
        }
    }
    double total = 0;
    if (by_mass || excludes) {
        n.weights.resize((size_t)r.blocks * BLOCK);
        total = K.exps(r.x, r.whole, r.max, n.weights.data());
        if (r.blocks > r.whole) total += K.exps(r.rest, 1, r.max, n.weights.data() + (size_t)r.whole * BLOCK);
    }
    if (by_mass) n.farthest = reach(r, d.top_p * total, n.weights);
    if (excludes) {
        double left = 0;
        for (int i = 0; i < r.ids; i++) left += n.keeps(r.max, r.x[i]) ? n.weights[i] : 0;
        float least_above = INFINITY;
        for (int i = 0; i < r.ids; i++) {
            const float x = r.x[i];
            if (n.weights[i] > d.xtc_threshold * left && x < least_above && n.keeps(r.max, x)) least_above = x;
        }
        n.most = least_above;
    }
    if (by_count) {
        n.candidates.clear();
        for (int i = 0; i < r.ids; i++) {
            if (n.keeps(r.max, r.x[i])) n.candidates.push_back({r.x[i], i});
        }
        if ((int)n.candidates.size() > d.top_k) {
            std::nth_element(n.candidates.begin(), n.candidates.begin() + d.top_k, n.candidates.end(), before);
            n.candidates.resize(d.top_k);
        }
    }
}

/*
 * The greatest sum of a logit by temperature and noise, so that the draw is one of its distribution. Ids wait until there is
 * noise to be made for a block of them; those that no noise can make the winner are left out.
 */
struct race {
    const row &r;
    const draw &d;
    uint32_t ids[BLOCK] = {};
    float values[BLOCK];
    float noise[BLOCK];
    int waiting = 0;
    float best = NONE;
    int winner = -1;

    bool may_win(float value) const { return !(value * d.inverse_temperature + NOISE_MAX < best); }

    void enter(float value, int id) {
        if (!may_win(value)) return;
        ids[waiting] = id;
        values[waiting++] = value;
        if (waiting == BLOCK) run();
    }

    void run() {
        if (waiting == 0) return;
        K.noise(d.seed, r.ids, ids, noise);
        for (int i = 0; i < waiting; i++) {
            const float score = values[i] * d.inverse_temperature + noise[i];
            const int id = ids[i];
            if (score > best || winner < 0 || (score == best && id < winner)) {
                best = score;
                winner = id;
            }
        }
        waiting = 0;
    }

    void enter_block(const narrowed &n, int b) {
        const float most = r.maxima[b];
        if (r.max - most > n.farthest || most < n.least || !may_win(most)) return;
        const float *x = r.block(b);
        for (int i = 0; i < BLOCK; i++) {
            // without a branch, which nobody could predict where half of the ids wait
            ids[waiting] = b * BLOCK + i;
            values[waiting] = x[i];
            waiting += n.keeps(r.max, x[i]) & may_win(x[i]);
            if (waiting == BLOCK) run();
        }
    }
};

int drawn(const row &r, const draw &d, narrowed &n) {
    if (d.inverse_temperature == 0) return r.greatest();
    narrow(r, d, n);
    race all{r, d};
    if (n.listed) {
        for (const candidate &c : n.candidates) all.enter(c.value, c.id);
    } else {
        // the block of the greatest first: what cannot win against it is then left out
        const int first = r.greatest() / BLOCK;
        all.enter_block(n, first);
        all.run();
        for (int b = 0; b < r.blocks; b++) {
            if (b != first) all.enter_block(n, b);
        }
    }
    all.run();
    return std::max(all.winner, 0);
}

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
