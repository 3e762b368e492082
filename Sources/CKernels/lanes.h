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

// Good to two units in the last place for 1 ≤ x ≤ 2^126; in less time than a division. Exponents are
// turned round and the mantissa's line is met to 5 %, then each step cubes the error. The CPU's own
// estimate would differ between makers.
INLINE vec L(reciprocal)(vec x) {
    vec r = (vec)(0x7EF311C7u - (bits)x);
    vec e = 1.0f - x * r;
    r = r + r * (e + e * e);
    e = 1.0f - x * r;
    return r + r * (e + e * e);
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
