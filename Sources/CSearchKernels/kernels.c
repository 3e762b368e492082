#include "csearchkernels.h"

// Vectors are passed only between functions that are always inlined, so there is no ABI to differ.
#pragma clang diagnostic ignored "-Wpsabi"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef double reals2 __attribute__((vector_size(16)));
typedef double reals4 __attribute__((vector_size(32)));

// 2^(j/16), rounded.
static const double exp_powers[16] __attribute__((aligned(64))) = {
    0x1p+0,               0x1.0b5586cf9890fp+0, 0x1.172b83c7d517bp+0, 0x1.2387a6e756238p+0,
    0x1.306fe0a31b715p+0, 0x1.3dea64c123422p+0, 0x1.4bfdad5362a27p+0, 0x1.5ab07dd485429p+0,
    0x1.6a09e667f3bcdp+0, 0x1.7a11473eb0187p+0, 0x1.8ace5422aa0dbp+0, 0x1.9c49182a3f090p+0,
    0x1.ae89f995ad3adp+0, 0x1.c199bdd85529cp+0, 0x1.d5818dcfba487p+0, 0x1.ea4afa2a490dap+0,
};

#define VARIANT "baseline"
#define NAME(x) baseline_##x
#define LANES 2
#define UNIT 4
#include "body.h"
#undef NAME
#undef VARIANT
#undef LANES
#undef UNIT

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#define VARIANT "avx2"
#define NAME(x) avx2_##x
#define LANES 4
#define UNIT 4
#include "body.h"
#undef NAME
#undef VARIANT
#undef LANES
#undef UNIT
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl"))), apply_to = function)
#define VARIANT "avx512"
#define NAME(x) avx512_##x
#define LANES 8
#define UNIT 2
#include "body.h"
#undef NAME
#undef VARIANT
#undef LANES
#undef UNIT
#pragma clang attribute pop
#endif

static int has(const fpnas_priv_search_kernels *kernels) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (kernels == &avx512_table) {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
            && __builtin_cpu_supports("avx512vl");
    }
    if (kernels == &avx2_table) return __builtin_cpu_supports("avx2");
#endif
    return kernels == &baseline_table;
}

const fpnas_priv_search_kernels *fpnas_priv_search_kernels_named(const char *name) {
    // Fastest first.
    static const fpnas_priv_search_kernels *const all[] = {
#if defined(__x86_64__)
        &avx512_table, &avx2_table,
#endif
        &baseline_table,
    };
    if (!name) name = getenv("FPNAS_KERNELS");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (has(all[i]) && (!name || !*name || strcmp(name, all[i]->name) == 0)) return all[i];
    }
    return NULL;
}
