#define _GNU_SOURCE
#include "ckernels.h"

// Vectors are passed only between functions that are always inlined, so there is no ABI to differ.
#pragma clang diagnostic ignored "-Wpsabi"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// TILE_ROWS and PANEL are the rows and columns of the result that a matrix product holds in
// registers; RECIPROCAL is good to two units in the last place for 1 ≤ x ≤ 2^126.
#define VARIANT "baseline"
#define NAME(x) baseline_##x
#define TILE_ROWS 4
#define PANEL 8
#define RECIPROCAL(x) (1.0f / (x))
#include "body.h"
#undef NAME
#undef VARIANT
#undef TILE_ROWS
#undef PANEL
#undef RECIPROCAL

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
// An estimate of twelve bits and a step of Newton's: a third of a division's time.
typedef float v8_reciprocal __attribute__((ext_vector_type(8)));
static inline __attribute__((always_inline)) v8_reciprocal avx2_reciprocal(v8_reciprocal x) {
    v8_reciprocal r = __builtin_ia32_rcpps256(x);
    return r + r * (1.0f - x * r);
}
#define VARIANT "avx2"
#define NAME(x) avx2_##x
#define TILE_ROWS 6
#define PANEL 16
#define RECIPROCAL(x) avx2_reciprocal(x)
#include "body.h"
#undef NAME
#undef VARIANT
#undef TILE_ROWS
#undef PANEL
#undef RECIPROCAL
#pragma clang attribute pop
#endif

static const fpnas_priv_kernels *fastest(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &avx2_table;
#endif
    return &baseline_table;
}

const fpnas_priv_kernels *fpnas_priv_kernels_named(const char *name) {
    const fpnas_priv_kernels *best = fastest();
    if (!name) name = getenv("FPNAS_KERNELS");
    if (!name || !*name || strcmp(name, best->name) == 0) return best;
#if defined(__x86_64__)
    // A name that the search's kernels know: the best there is here for such a CPU.
    if (strcmp(name, "avx512") == 0 && __builtin_cpu_supports("avx512f")) return best;
#endif
    return strcmp(name, "baseline") == 0 ? &baseline_table : NULL;
}
