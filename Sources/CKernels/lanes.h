// What is written once for any number of lanes; body.h includes this with LANES set, of a variant's
// most lanes and of eight. L(x) is the name of x for so many.

#define LANED_(x, lanes) NAME(x##lanes)
#define LANED(x, lanes) LANED_(x, lanes)
#define L(x) LANED(x, LANES)

typedef float L(v) __attribute__((ext_vector_type(LANES)));
typedef uint32_t L(b) __attribute__((ext_vector_type(LANES)));
typedef float L(u) __attribute__((ext_vector_type(LANES), aligned(4)));
#define vec L(v)
#define bits L(b)

INLINE vec L(load)(const float *p) { return *(const L(u) *)p; }
INLINE void L(store)(float *p, vec value) { *(L(u) *)p = value; }
#define load L(load)
#define store L(store)

// Good to two units in the last place for 1 ≤ x ≤ 2^126.
INLINE vec L(reciprocal)(vec x) {
#if !ESTIMATES
    return 1.0f / x;
#else
    // An estimate of twelve bits and a step of Newton's: a third of a division's time.
#if LANES == 8
    vec r = __builtin_ia32_rcpps256(x);
#else
    // That of eight lanes twice: there is a better one, but this gives the same bits.
    NAME(v8) low = __builtin_ia32_rcpps256(x.lo), high = __builtin_ia32_rcpps256(x.hi);
    vec r = __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#endif
    return r + r * (1.0f - x * r);
#endif
}

#include "activation.h"
#include "columns.h"

#undef LANED_
#undef LANED
#undef L
#undef vec
#undef bits
#undef load
#undef store
