// The loops of a file, KERNELS_FILE, for each instruction set that the machine may have, and K: those for the best one that it
// has. A file gives a `struct kernels` and defines KERNELS; see vectors.h for TARGET and LANES.

namespace plain {
#define TARGET
#define LANES 4
#include KERNELS_FILE
#undef TARGET
#undef LANES
} // namespace plain

#if defined(__x86_64__)
namespace avx2 {
#define TARGET __attribute__((target("avx2,fma")))
#define LANES 8
#include KERNELS_FILE
#undef TARGET
#undef LANES
} // namespace avx2

namespace avx512 {
#define TARGET __attribute__((target("avx512f,avx512dq")))
#define LANES 16
#include KERNELS_FILE
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
