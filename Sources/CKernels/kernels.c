#define _GNU_SOURCE
#include "ckernels.h"

// Vectors are passed only between functions that are always inlined, so there is no ABI to differ.
#pragma clang diagnostic ignored "-Wpsabi"

#include <stdlib.h>
#include <string.h>

// Rows and columns of the result that a matrix product holds in registers.
#define VARIANT "baseline"
#define NAME(x) baseline_##x
#define TILE_ROWS 4
#define PANEL 8
#include "body.h"
#undef NAME
#undef VARIANT
#undef TILE_ROWS
#undef PANEL

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define VARIANT "avx2"
#define NAME(x) avx2_##x
#define TILE_ROWS 6
#define PANEL 16
#include "body.h"
#undef NAME
#undef VARIANT
#undef TILE_ROWS
#undef PANEL
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
    return strcmp(name, "baseline") == 0 ? &baseline_table : NULL;
}
