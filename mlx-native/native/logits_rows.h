// What logits.cpp does with a row: the greatest of its blocks, what may be drawn, and the draw. Included by it alone, in its
// namespace.

/* How a row is drawn; Logits.java writes it. */
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
