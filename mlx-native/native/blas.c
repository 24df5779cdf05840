/*
 * cblas_sgemm for libmlx, linked into the libraries that build.sh puts in place of the reference BLAS. It cuts a product
 * into pieces, which threads of its own take one after the other. Pieces of few rows have a kernel here, as in decode;
 * all others are left to OpenBLAS, on one thread each.
 *
 * OpenBLAS's own threads share out a product in advance and wait for each other within it, spinning: where another
 * process takes a core, all of them wait for the one that lost it. Here a thread without a core holds up one piece.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };

/* OpenBLAS packs the whole second matrix before it multiplies, which is most of the time when the first one has few rows, as
 * in decode. Products of so many rows with a transposed matrix, such as weights, have a kernel of their own, below; others
 * of a row or two go to the matrix-vector routine of OpenBLAS, a row at a time. */
enum { FEW_ROWS_MAX_PLAIN = 8, FEW_ROWS_MAX_AVX2 = 16, FEW_ROWS_MAX_AVX512 = 32, VECTOR_ROWS_MAX = 2 };

enum { THREADS_MAX = 256, PIECES_A_THREAD = 2, PIECE_MULTIPLE = 16, SPIN_NANOS = 1000000, LOST_NANOS = 50000 };

/* Each piece packs the other matrix anew, which is little work beside so many columns or rows. */
enum { PIECE_LENGTH = 256 };

/* Multiplications that are worth a piece: of a product, and of one with a vector, which reads all that it multiplies. */
static const double PIECE_WORK = 1 << 20;
static const double VECTOR_PIECE_WORK = 1 << 16;

extern void scipy_cblas_sgemm(
    int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a, int lda, const float *b,
    int ldb, float beta, float *c, int ldc);

extern void scipy_cblas_sgemv(
    int order, int trans, int m, int n, float alpha, const float *a, int lda, const float *x, int incx, float beta,
    float *y, int incy);

extern int scipy_openblas_get_num_threads(void);
extern void scipy_openblas_set_num_threads(int threads);

/* c = alpha * op(a) * op(b) + beta * c, all row-major; cut by the columns of c, or by its rows. */
struct product {
    int trans_a, trans_b, m, n, k, lda, ldb, ldc;
    float alpha, beta;
    const float *a, *b;
    float *c;
    int by_rows;
};

/*
 * The ticket is a round, the number of its pieces, and the next piece. Who draws a piece that there is has the product to
 * himself, as far as changes go: the next round begins when all pieces of this one are computed.
 */
enum { NEXT_BITS = 16, PIECES_BITS = 16 };
static atomic_uint_fast64_t ticket;
static void (*current_run)(const void *what, int piece, int pieces);
static const void *current_what;
static atomic_int open_pieces;
static atomic_int threads_wanted = -1; /* with the caller; 0: those of OpenBLAS; -1 before the first product */
static atomic_int sleeping;
static atomic_int caller_cpu; /* where the caller of this round ran when it began */
static int started; /* threads besides callers */
static pthread_mutex_t busy = PTHREAD_MUTEX_INITIALIZER; /* of the caller whose product is computed */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t begun = PTHREAD_COND_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;

static int pieces_of(uint64_t t) { return (int)(t >> NEXT_BITS & ((1 << PIECES_BITS) - 1)); }
static int next_of(uint64_t t) { return (int)(t & ((1 << NEXT_BITS) - 1)); }
static uint64_t round_of(uint64_t t) { return t >> (NEXT_BITS + PIECES_BITS); }

static int64_t nanos(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/*
 * Lets a moment pass, on this processor if nobody else wants it. Returns whether to go on with that: not for longer than a
 * thread takes to sleep and wake, and not where others want the processor, who then have it sooner.
 */
static int spins(int64_t begin, int64_t *last) {
    for (int i = 0; i < 16; i++) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("yield");
#endif
    }
    sched_yield();
    int64_t now = nanos();
    int lost = now - *last > LOST_NANOS;
    *last = now;
    return !lost && now - begin < SPIN_NANOS;
}

/*
 * Few rows: each number of c is the product of a row of a and a row of b, summed in the same order however many rows a has,
 * so that a row's result does not depend on the others. Some rows of b meet up to four rows of a at a time, with a vector
 * of sums for each pair. Halves of these vectors are then added until each of them is one lane. One of the blocks that share
 * rows of b asks for the next ones ahead: the processor does not expect them.
 */

/* The lanes of two vectors that are first halves of groups of 2 * step, and, with ADD = step, second halves. */
#define HALF(i, step, add, lanes) (((((i) & ~((step) - 1)) << 1 | ((i) & ((step) - 1))) + (add)) & (2 * (lanes) - 1))
#define HALVES_4(i, s, a, n) HALF(i, s, a, n), HALF(i + 1, s, a, n), HALF(i + 2, s, a, n), HALF(i + 3, s, a, n)
#define HALVES_8(i, s, a, n) HALVES_4(i, s, a, n), HALVES_4(i + 4, s, a, n)
#define HALVES_16(i, s, a, n) HALVES_8(i, s, a, n), HALVES_8(i + 8, s, a, n)
#define ADD_HALVES(x, y, step, LANES)                                                                                  \
    (__builtin_shufflevector(x, y, HALVES_##LANES(0, step, 0, LANES))                                                  \
        + __builtin_shufflevector(x, y, HALVES_##LANES(0, step, step, LANES)))

#define FEW_ROWS(NAME, TARGET, LANES, COLUMNS)                                                                         \
    typedef float NAME##_lanes __attribute__((vector_size(LANES * sizeof(float))));                                    \
    typedef float NAME##_vector __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));            \
    TARGET static inline __attribute__((always_inline)) NAME##_lanes NAME##_add_halves(                                \
        NAME##_lanes x, NAME##_lanes y, int step) {                                                                    \
        return step == 8 ? ADD_HALVES(x, y, 8, LANES)                                                                  \
            : step == 4  ? ADD_HALVES(x, y, 4, LANES)                                                                  \
            : step == 2  ? ADD_HALVES(x, y, 2, LANES)                                                                  \
                         : ADD_HALVES(x, y, 1, LANES);                                                                 \
    }                                                                                                                  \
    TARGET static inline __attribute__((always_inline)) void NAME##_block(                                             \
        const struct product *p, int row, int rows, int column, int columns, int next) {                               \
        enum { SUMS = (4 * COLUMNS + LANES - 1) / LANES * LANES };                                                     \
        const float *x[4], *y[4];                                                                                      \
        NAME##_lanes lanes[SUMS];                                                                                      \
        float sums[SUMS];                                                                                              \
        _Pragma("GCC unroll 16")                                                                                       \
        for (int j = 0; j < SUMS; j++) lanes[j] = (NAME##_lanes){0};                                                   \
        _Pragma("GCC unroll 4")                                                                                        \
        for (int r = 0; r < rows; r++) x[r] = p->a + (long)(row + r) * p->lda;                                         \
        _Pragma("GCC unroll 4")                                                                                        \
        for (int c = 0; c < columns; c++) y[c] = p->b + (long)(column + c) * p->ldb;                                   \
        int i = 0;                                                                                                     \
        for (; i + LANES <= p->k; i += LANES) {                                                                        \
            NAME##_lanes w[4];                                                                                         \
            _Pragma("GCC unroll 4")                                                                                    \
            for (int c = 0; c < columns; c++) w[c] = *(const NAME##_vector *)(y[c] + i);                               \
            _Pragma("GCC unroll 4")                                                                                    \
            for (int c = 0; next && c < columns; c++) __builtin_prefetch(y[c] + (long)columns * p->ldb + i);           \
            _Pragma("GCC unroll 4")                                                                                    \
            for (int r = 0; r < rows; r++) {                                                                           \
                NAME##_lanes v = *(const NAME##_vector *)(x[r] + i);                                                   \
                _Pragma("GCC unroll 4")                                                                                \
                for (int c = 0; c < columns; c++) lanes[r * columns + c] += v * w[c];                                  \
            }                                                                                                          \
        }                                                                                                              \
        _Pragma("GCC unroll 4")                                                                                        \
        for (int first = 0; first < rows * columns; first += LANES) {                                                  \
            _Pragma("GCC unroll 4")                                                                                    \
            for (int step = LANES / 2; step > 0; step /= 2) {                                                          \
                _Pragma("GCC unroll 8")                                                                                \
                for (int j = 0; j < step; j++) {                                                                       \
                    lanes[first + j] =                                                                                 \
                        NAME##_add_halves(lanes[first + 2 * j], lanes[first + 2 * j + 1], step);                       \
                }                                                                                                      \
            }                                                                                                          \
            *(NAME##_vector *)(sums + first) = lanes[first];                                                           \
        }                                                                                                              \
        _Pragma("GCC unroll 4")                                                                                        \
        for (int r = 0; r < rows; r++) {                                                                               \
            _Pragma("GCC unroll 4")                                                                                    \
            for (int c = 0; c < columns; c++) {                                                                        \
                float *out = p->c + (long)(row + r) * p->ldc + column + c;                                             \
                float sum = sums[r * columns + c];                                                                     \
                for (int j = i; j < p->k; j++) sum += x[r][j] * y[c][j];                                               \
                sum *= p->alpha;                                                                                       \
                *out = p->beta == 0 ? sum : sum + p->beta * *out;                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    TARGET static inline __attribute__((always_inline)) void NAME##_columns(                                           \
        const struct product *p, int column, int columns) {                                                            \
        int row = 0;                                                                                                   \
        if (p->m >= 4) NAME##_block(p, 0, 4, column, columns, p->m < 8), row = 4;                                      \
        if (p->m >= 8) NAME##_block(p, 4, 4, column, columns, 1), row = 8;                                             \
        for (; row + 4 <= p->m; row += 4) NAME##_block(p, row, 4, column, columns, 0);                                 \
        if (row + 3 == p->m) NAME##_block(p, row, 3, column, columns, 0);                                              \
        if (row + 2 == p->m) NAME##_block(p, row, 2, column, columns, 0);                                              \
        if (row + 1 == p->m) NAME##_block(p, row, 1, column, columns, 0);                                              \
    }                                                                                                                  \
    TARGET static void NAME(const struct product *p) {                                                                 \
        int column = 0;                                                                                                \
        for (; p->m == 1 && column + 4 <= p->n; column += 4) NAME##_block(p, 0, 1, column, 4, 1);                      \
        for (; column + COLUMNS <= p->n; column += COLUMNS) NAME##_columns(p, column, COLUMNS);                        \
        for (; column < p->n; column++) NAME##_columns(p, column, 1);                                                  \
    }

FEW_ROWS(few_rows_4, , 4, 2)
#if defined(__x86_64__)
FEW_ROWS(few_rows_8, __attribute__((target("avx2,fma"))), 8, 3)
FEW_ROWS(few_rows_16, __attribute__((target("avx512f"))), 16, 4)
#endif

enum lanes { LANES_4 = 4, LANES_8 = 8, LANES_16 = 16 };

static enum lanes lanes(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) {
        return LANES_16;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return LANES_8;
    }
#endif
    return LANES_4;
}

static void few_rows(const struct product *p) {
    switch (lanes()) {
#if defined(__x86_64__)
    case LANES_16:
        few_rows_16(p);
        break;
    case LANES_8:
        few_rows_8(p);
        break;
#endif
    default:
        few_rows_4(p);
    }
}

/* Up to as many rows as it was measured to be faster with. */
static int has_few_rows(const struct product *p) {
    enum lanes own = lanes();
    int most = own == LANES_16 ? FEW_ROWS_MAX_AVX512 : own == LANES_8 ? FEW_ROWS_MAX_AVX2 : FEW_ROWS_MAX_PLAIN;
    return p->m <= most && p->n > 1 && p->trans_a == NO_TRANS && p->trans_b == TRANS;
}

/* Whether the product is computed without packing. */
static int is_vector(const struct product *p) { return p->n == 1 || p->m <= VECTOR_ROWS_MAX || has_few_rows(p); }

/* y = alpha * op(a) * x + beta * y, where op(a) has so many rows and columns. */
static void vector_product(
    int trans, int rows, int columns, float alpha, const float *a, int lda, const float *x, int incx, float beta,
    float *y, int incy) {
    if (trans == NO_TRANS) {
        scipy_cblas_sgemv(ROW_MAJOR, NO_TRANS, rows, columns, alpha, a, lda, x, incx, beta, y, incy);
    } else {
        scipy_cblas_sgemv(ROW_MAJOR, TRANS, columns, rows, alpha, a, lda, x, incx, beta, y, incy);
    }
}

/* A whole product, on this thread. */
static void compute(const struct product *p) {
    if (has_few_rows(p)) {
        few_rows(p);
    } else if (p->n == 1) {
        vector_product(
            p->trans_a, p->m, p->k, p->alpha, p->a, p->lda, p->b, p->trans_b == NO_TRANS ? p->ldb : 1, p->beta, p->c,
            p->ldc);
    } else if (p->m <= VECTOR_ROWS_MAX) {
        int trans = p->trans_b == NO_TRANS ? TRANS : NO_TRANS;
        for (int row = 0; row < p->m; row++) {
            const float *x = p->trans_a == NO_TRANS ? p->a + (long)row * p->lda : p->a + row;
            vector_product(
                trans, p->n, p->k, p->alpha, p->b, p->ldb, x, p->trans_a == NO_TRANS ? 1 : p->lda, p->beta,
                p->c + (long)row * p->ldc, 1);
        }
    } else {
        scipy_cblas_sgemm(
            ROW_MAJOR, p->trans_a, p->trans_b, p->m, p->n, p->k, p->alpha, p->a, p->lda, p->b, p->ldb, p->beta, p->c,
            p->ldc);
    }
}

static int bound(int size, int piece, int pieces) {
    if (piece == pieces) {
        return size;
    }
    return (int)((long)size * piece / pieces / PIECE_MULTIPLE * PIECE_MULTIPLE);
}

static void compute_piece(const void *what, int piece, int pieces) {
    const struct product *whole = what;
    struct product p = *whole;
    int size = p.by_rows ? p.m : p.n;
    int begin = bound(size, piece, pieces);
    int length = bound(size, piece + 1, pieces) - begin;
    if (length == 0) {
        return;
    }
    /* The routine is chosen for the whole, so that a piece is computed as the whole would be. */
    int few = has_few_rows(whole), gemm = !is_vector(whole);
    if (p.by_rows) {
        p.m = length;
        p.a += p.trans_a == NO_TRANS ? (long)begin * p.lda : begin;
        p.c += (long)begin * p.ldc;
    } else {
        p.n = length;
        p.b += p.trans_b == NO_TRANS ? begin : (long)begin * p.ldb;
        p.c += begin;
    }
    if (few) {
        few_rows(&p);
    } else if (gemm) {
        scipy_cblas_sgemm(
            ROW_MAJOR, p.trans_a, p.trans_b, p.m, p.n, p.k, p.alpha, p.a, p.lda, p.b, p.ldb, p.beta, p.c, p.ldc);
    } else {
        compute(&p);
    }
}

/* Computes pieces until there are no more. */
static void work(void) {
    while (1) {
        uint64_t drawn = atomic_fetch_add(&ticket, 1);
        if (next_of(drawn) >= pieces_of(drawn)) {
            return;
        }
        current_run(current_what, next_of(drawn), pieces_of(drawn));
        if (atomic_fetch_sub(&open_pieces, 1) == 1) {
            pthread_mutex_lock(&mutex);
            pthread_cond_broadcast(&ended);
            pthread_mutex_unlock(&mutex);
        }
    }
}

/*
 * Linux wakes a thread on the processor of the one that woke it, or leaves it on its last one, and takes milliseconds to
 * move it to an idle one: longer than a product lasts. Moves the calling thread to any other of its processors, where it
 * may be moved on.
 */
static void leave_cpu(int cpu) {
    cpu_set_t allowed, others;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        return;
    }
    others = allowed;
    CPU_CLR(cpu, &others);
    if (CPU_COUNT(&others) > 0 && sched_setaffinity(0, sizeof others, &others) == 0) {
        sched_setaffinity(0, sizeof allowed, &allowed);
    }
}

static void *worker(void *number) {
    uint64_t seen = 0;
    while (1) {
        int64_t begin = nanos(), last = begin;
        while (round_of(atomic_load(&ticket)) == seen && spins(begin, &last)) {
        }
        if (round_of(atomic_load(&ticket)) == seen) {
            pthread_mutex_lock(&mutex);
            atomic_fetch_add(&sleeping, 1);
            while (round_of(atomic_load(&ticket)) == seen) {
                pthread_cond_wait(&begun, &mutex);
            }
            atomic_fetch_sub(&sleeping, 1);
            pthread_mutex_unlock(&mutex);
        }
        seen = round_of(atomic_load(&ticket));
        if ((intptr_t)number < atomic_load(&threads_wanted)) {
            int cpu = atomic_load(&caller_cpu);
            if (cpu >= 0 && sched_getcpu() == cpu) {
                leave_cpu(cpu);
            }
            work();
        }
    }
    return NULL;
}

/* Starts the threads that are missing. The JVM's signals are not theirs. */
static void start_threads(int wanted) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (started < wanted - 1) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, worker, (void *)(intptr_t)(started + 1)) != 0) {
            break;
        }
        pthread_detach(thread);
        started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* How many threads compute a product, the caller's included: 0 leaves it to OpenBLAS's own, less to its number of them. */
void langchain4j_mlx_set_cpu_threads(int threads) {
    static int own;
    pthread_mutex_lock(&mutex);
    if (own == 0) {
        own = scipy_openblas_get_num_threads();
    }
    scipy_openblas_set_num_threads(threads == 0 ? own : 1);
    int wanted = threads < 0 ? own : threads;
    atomic_store(&threads_wanted, wanted > THREADS_MAX ? THREADS_MAX : wanted);
    pthread_mutex_unlock(&mutex);
}

static int cpu_threads(void) {
    if (atomic_load(&threads_wanted) < 0) {
        langchain4j_mlx_set_cpu_threads(-1);
    }
    return atomic_load(&threads_wanted);
}

static int least(int a, int b) { return a < b ? a : b; }

static int pieces_for(const struct product *p, int threads) {
    int vector = is_vector(p);
    double worth = (double)p->m * p->n * p->k / (vector ? VECTOR_PIECE_WORK : PIECE_WORK);
    int size = p->by_rows ? p->m : p->n;
    int pieces = least(size / (vector ? PIECE_MULTIPLE : PIECE_LENGTH), threads * PIECES_A_THREAD);
    if (pieces < threads) {
        pieces = least(size / PIECE_MULTIPLE, threads);
    }
    return worth < pieces ? (int)worth : pieces;
}

/*
 * Computes pieces of work, which may be computed in any order and at the same time: on this thread if there is but one, or if
 * another caller's work is shared, which needs no more threads than its own.
 */
void langchain4j_mlx_share(void (*run)(const void *what, int piece, int pieces), const void *what, int pieces) {
    int threads = cpu_threads();
    if (threads < 2 || pieces < 2 || pthread_mutex_trylock(&busy) != 0) {
        for (int piece = 0; piece < pieces; piece++) {
            run(what, piece, pieces);
        }
        return;
    }
    start_threads(threads);
    atomic_store(&caller_cpu, sched_getcpu());
    current_run = run;
    current_what = what;
    atomic_store(&open_pieces, pieces);
    uint64_t round = round_of(atomic_load(&ticket)) + 1;
    atomic_store(&ticket, round << (NEXT_BITS + PIECES_BITS) | (uint64_t)pieces << NEXT_BITS);
    if (atomic_load(&sleeping) > 0) {
        pthread_mutex_lock(&mutex);
        pthread_cond_broadcast(&begun);
        pthread_mutex_unlock(&mutex);
    }
    work();
    int64_t begin = nanos(), last = begin;
    while (atomic_load(&open_pieces) > 0 && spins(begin, &last)) {
    }
    if (atomic_load(&open_pieces) > 0) {
        pthread_mutex_lock(&mutex);
        while (atomic_load(&open_pieces) > 0) {
            pthread_cond_wait(&ended, &mutex);
        }
        pthread_mutex_unlock(&mutex);
    }
    pthread_mutex_unlock(&busy);
}

void cblas_sgemm(
    int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a, int lda, const float *b,
    int ldb, float beta, float *c, int ldc) {
    if (order != ROW_MAJOR || m < 1 || n < 1 || k < 1) {
        scipy_cblas_sgemm(order, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
        return;
    }
    struct product p = {trans_a, trans_b, m, n, k, lda, ldb, ldc, alpha, beta, a, b, c, 0};
    p.by_rows = n == 1 || (!is_vector(&p) && m > n);
    int pieces = pieces_for(&p, cpu_threads());
    if (pieces < 2) {
        compute(&p);
    } else {
        langchain4j_mlx_share(compute_piece, &p, pieces);
    }
}
