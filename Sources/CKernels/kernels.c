#define _GNU_SOURCE
#include "ckernels.h"

// Vectors are passed only between functions that are always inlined, so there is no ABI to differ.
#pragma clang diagnostic ignored "-Wpsabi"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// WIDEST is the number of lanes of the widest vectors; TILE_ROWS and PANEL, one or two of these, are
// the rows and columns of the result that a matrix product holds in registers; tiles of TILE_UNIT rows
// go through cache together.
#define VARIANT "baseline"
#define NAME(x) baseline_##x
#define WIDEST 8
#define TILE_ROWS 4
#define TILE_UNIT 4
#define PANEL 8
#include "body.h"
#undef NAME
#undef VARIANT
#undef WIDEST
#undef TILE_ROWS
#undef TILE_UNIT
#undef PANEL

#if defined(__x86_64__)
// The same order of sums in both, so that they give the same bits.
#define TILE_UNIT 6

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define VARIANT "avx2"
#define NAME(x) avx2_##x
#define WIDEST 8
#define TILE_ROWS 6
#define PANEL 16
#include "body.h"
#undef NAME
#undef VARIANT
#undef WIDEST
#undef TILE_ROWS
#undef PANEL
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx2,fma,avx512f,avx512dq,avx512vl"))), apply_to = function)
#define VARIANT "avx512"
#define NAME(x) avx512_##x
#define WIDEST 16
#define TILE_ROWS 12
#define PANEL 32
#include "body.h"
#undef NAME
#undef VARIANT
#undef WIDEST
#undef TILE_ROWS
#undef PANEL
#pragma clang attribute pop
#endif

static int has(const fpnas_priv_kernels *kernels) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    int has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (kernels == &avx2_table) return has_avx2;
    if (kernels == &avx512_table)
        return has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
            && __builtin_cpu_supports("avx512vl");
#endif
    return kernels == &baseline_table;
}

const fpnas_priv_kernels *fpnas_priv_kernels_named(const char *name) {
    // Fastest first.
    static const fpnas_priv_kernels *const all[] = {
#if defined(__x86_64__)
        &avx512_table, &avx2_table,
#endif
        &baseline_table,
    };
    if (!name) name = getenv("FPNAS_KERNELS");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (has(all[i]) && (!name || !*name || strcmp(name, all[i]->name) == 0)) return all[i];
    return NULL;
}
