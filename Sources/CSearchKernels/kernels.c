#include "csearchkernels.h"

// Vectors are passed only between functions that are always inlined, so there is no ABI to differ.
#pragma clang diagnostic ignored "-Wpsabi"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define VARIANT "baseline"
#define NAME(x) baseline_##x
#define LANES 2
#if defined(__x86_64__)
#define REGISTER "x"
#else
#define REGISTER "w"
#endif
#include "body.h"
#undef NAME
#undef VARIANT
#undef LANES
#undef REGISTER

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#define VARIANT "avx2"
#define NAME(x) avx2_##x
#define LANES 4
#define REGISTER "x"
#include "body.h"
#undef NAME
#undef VARIANT
#undef LANES
#undef REGISTER
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl"))), apply_to = function)
#define VARIANT "avx512"
#define NAME(x) avx512_##x
#define LANES 8
#define REGISTER "v"
#include "body.h"
#undef NAME
#undef VARIANT
#undef LANES
#undef REGISTER
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
