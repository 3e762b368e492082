// Included once per variant, with NAME(x) as its prefix, VARIANT as its name, LANES as the number
// of doubles in a vector and UNIT as the number of vectors whose dependent operations overlap best.
//
// A loop takes a span at a time: one block of 16 values, or UNIT vectors where these are more. Sums
// are taken block by block in halves (value j + value j + 8, then j + 4, j + 2, j + 1), which is the
// same for every LANES. Loops over the vectors of a span are unrolled, or their values would not
// stay in registers.

#define INLINE static inline __attribute__((always_inline))
#define BLOCK FPNAS_PRIV_SEARCH_BLOCK
#define SPAN (UNIT * LANES > BLOCK ? UNIT * LANES : BLOCK)
#define WIDTH (SPAN / LANES)    // of a span, in vectors
#define VECTORS (BLOCK / LANES) // of a block
#define EACH(q, count) _Pragma("clang loop unroll(full)") for (int q = 0; q < (count); q++)

typedef double NAME(reals) __attribute__((vector_size(8 * LANES)));
typedef int64_t NAME(integers) __attribute__((vector_size(8 * LANES)));
#define V NAME(reals)
#define I NAME(integers)

INLINE V NAME(load)(const double *x) {
    V value;
    memcpy(&value, x, sizeof value);
    return value;
}

INLINE void NAME(store)(double *y, V value) { memcpy(y, &value, sizeof value); }

INLINE V NAME(all)(double x) { return x - (V){0}; }

// b where a is no number.
INLINE V NAME(larger)(V a, V b) {
    I mask = a > b;
    return (V)((mask & (I)a) | (~mask & (I)b));
}

// The sum of one block's values, in halves.
INLINE double NAME(total)(const V x[VECTORS]) {
    V sum[VECTORS];
    EACH(q, VECTORS) sum[q] = x[q];
    _Pragma("clang loop unroll(full)") for (int half = VECTORS / 2; half > 0; half /= 2) {
        EACH(q, half) sum[q] += sum[q + half];
    }
#if LANES == 8
    reals4 four = __builtin_shufflevector(sum[0], sum[0], 0, 1, 2, 3)
        + __builtin_shufflevector(sum[0], sum[0], 4, 5, 6, 7);
#elif LANES == 4
    reals4 four = sum[0];
#endif
#if LANES >= 4
    reals2 two = __builtin_shufflevector(four, four, 0, 1) + __builtin_shufflevector(four, four, 2, 3);
#else
    reals2 two = sum[0];
#endif
    return two[0] + two[1];
}

#include "exp.h"
#include "softmax.h"
#include "descent.h"
#include "philox.h"
#include "draw.h"
#include "budget.h"

static double NAME(sum)(const double *x, size_t count) {
    V sums[VECTORS];
    size_t i = 0;
    EACH(q, VECTORS) sums[q] = NAME(all)(0);
    for (; i + BLOCK <= count; i += BLOCK) {
        EACH(q, VECTORS) sums[q] += NAME(load)(x + i + LANES * q);
    }
    double sum = NAME(total)(sums);
    for (; i < count; i++) sum += x[i];
    return sum;
}

static const fpnas_priv_search_kernels NAME(table) = {
    VARIANT,      NAME(normalise), NAME(descend),       NAME(sample),
    NAME(draw),   NAME(uniforms),  NAME(exponential),   NAME(sum),
    NAME(expect), NAME(arrive),    NAME(expect_steps),  NAME(arrive_steps),
};

#undef V
#undef I
#undef INLINE
#undef BLOCK
#undef SPAN
#undef WIDTH
#undef VECTORS
#undef EACH
