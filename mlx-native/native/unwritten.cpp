/*
 * An array whose elements nobody has written yet, for MLX's CPU backend: what will be read from a file is not worth being
 * filled with zeros first. Its pages come into being where they are written, by whichever thread that is.
 */
#include <sys/mman.h>

#include <cstdint>
#include <new>

#include "mlx/allocator.h"
#include "mlx/c/error.h"
#include "mlx/c/private/mlx.h"

namespace {

namespace mx = mlx::core;

constexpr uintptr_t HUGE_PAGE = 2 << 20;

/* Asks for huge pages where whole ones fit: a page fault for each 4 KB takes longer than reading a file into them. */
void prefer_huge_pages(void *start, size_t bytes) {
#ifdef MADV_HUGEPAGE
    const uintptr_t from = ((uintptr_t)start + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    const uintptr_t to = ((uintptr_t)start + bytes) / HUGE_PAGE * HUGE_PAGE;
    /* A kernel without them is slower, no more. */
    if (to > from) (void)madvise((void *)from, to - from, MADV_HUGEPAGE);
#endif
}

} // namespace

/* An array of that shape, of whatever lies in its memory. */
extern "C" __attribute__((visibility("default"))) int langchain4j_mlx_unwritten(
    mlx_array *res, const int *shape, size_t dimensions, mlx_dtype type) {
    try {
        const mx::Shape shaped(shape, shape + dimensions);
        const mx::Dtype dtype = mlx_dtype_to_cpp(type);
        size_t bytes = mx::size_of(dtype);
        for (const int length : shaped) bytes *= length;
        mx::allocator::Buffer memory = mx::allocator::malloc(bytes);
        if (memory.ptr() == nullptr) throw std::bad_alloc();
        prefer_huge_pages(memory.raw_ptr(), bytes);
        mlx_array_set_(*res, mx::array(memory, shaped, dtype));
        return 0;
    } catch (std::exception &e) {
        mlx_error(e.what());
        return 1;
    }
}
