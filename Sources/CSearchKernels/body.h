// Included once per variant, with NAME(x) as its prefix, VARIANT as its name, LANES as the number
// of doubles in a vector, and REGISTER as the constraint of a vector register.
//
// A span is what one pass of a loop takes: eight vectors, one, two or four blocks. Sums are taken
// block by block in halves (value j + value j + 8, then j + 4, j + 2, j + 1), which is the same
// for every LANES.

#define INLINE static inline __attribute__((always_inline))
#define BLOCK FPNAS_PRIV_SEARCH_BLOCK
#define SPAN (8 * LANES)
#define VECTORS (BLOCK / LANES)

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

INLINE V NAME(select)(I mask, V a, V b) { return (V)((mask & (I)a) | (~mask & (I)b)); }

INLINE V NAME(larger)(V a, V b) { return NAME(select)(a > b, a, b); }

// In this order a value that is no number becomes the bound.
INLINE V NAME(clamp)(V x, V limit) {
    V low = -limit;
    x = NAME(select)(x >= low, x, low);
    return NAME(select)(x <= limit, x, limit);
}

// The sum of one block's values, in halves.
INLINE double NAME(total)(const V x[VECTORS]) {
    V sum[VECTORS];
    double lanes[LANES];
    for (int q = 0; q < VECTORS; q++) sum[q] = x[q];
    for (int half = VECTORS / 2; half > 0; half /= 2) {
        for (int q = 0; q < half; q++) sum[q] += sum[q + half];
    }
    NAME(store)(lanes, sum[0]);
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int j = 0; j < half; j++) lanes[j] += lanes[j + half];
    }
    return lanes[0];
}

// Elementary.exp in Support, operation for operation, on a span of x ≤ 16.
//
// The eight chains of dependent operations are to overlap. The compiler would put one after the
// other; the empty assembly after a stage needs all of them at once.
#define EACH for (int q = 0; q < 8; q++)
#define TOGETHER(x) \
    __asm__("" : "+" REGISTER(x[0]), "+" REGISTER(x[1]), "+" REGISTER(x[2]), "+" REGISTER(x[3]), \
                 "+" REGISTER(x[4]), "+" REGISTER(x[5]), "+" REGISTER(x[6]), "+" REGISTER(x[7]))
INLINE void NAME(exp)(const V x[8], V y[8]) {
    const V magic = NAME(all)(0x1.8p52); // adding it rounds to an integer, ties to even
    V shifted[8], n[8], high[8], low[8], r[8], p[8];
    // Everything below −745.14 rounds to 0.
    EACH high[q] = NAME(larger)(x[q], NAME(all)(-746));
    EACH shifted[q] = high[q] * 1.4426950408889634 + magic;
    TOGETHER(shifted);
    EACH n[q] = shifted[q] - magic;
    EACH high[q] = high[q] - n[q] * 0x1.62e42fefa38p-1;
    TOGETHER(high);
    EACH low[q] = n[q] * 0x1.ef35793c7673p-45;
    EACH r[q] = high[q] - low[q];
    TOGETHER(r);
    EACH p[q] = r[q] * (1.0 / 6227020800) + 1.0 / 479001600;
    TOGETHER(p);
#define TERM(c) \
    EACH p[q] = p[q] * r[q] + (c); \
    TOGETHER(p)
    TERM(1.0 / 39916800);
    TERM(1.0 / 3628800);
    TERM(1.0 / 362880);
    TERM(1.0 / 40320);
    TERM(1.0 / 5040);
    TERM(1.0 / 720);
    TERM(1.0 / 120);
    TERM(1.0 / 24);
    TERM(1.0 / 6);
    TERM(0.5);
#undef TERM
    EACH p[q] = r[q] * r[q] * p[q] + ((high[q] - r[q]) - low[q]);
    EACH p[q] = 1 + (r[q] + p[q]);
    // 2^n in two steps: the first is exact, the second rounds a subnormal once. The low bits of
    // `shifted` are n.
    EACH y[q] = p[q] * (V)(((I)shifted[q] << 52) + ((int64_t)(1023 + 1000) << 52)) * 0x1p-1000;
}
#undef TOGETHER
#undef EACH

// ---- Softmax ------------------------------------------------------------------------------------

// A span of exponentials: writes them, adds to the products, puts the sums of its blocks out.
INLINE void NAME(exp_span)(
    const double *z, double peak, double *e, V product[VECTORS], double sums[SPAN / BLOCK]) {
    V x[8], y[8];
    for (int q = 0; q < 8; q++) x[q] = NAME(load)(z + LANES * q) - peak;
    NAME(exp)(x, y);
    for (int q = 0; q < 8; q++) NAME(store)(e + LANES * q, y[q]);
    for (int b = 0; b < SPAN / BLOCK; b++) {
        for (int q = 0; q < VECTORS; q++) product[q] += x[b * VECTORS + q] * y[b * VECTORS + q];
        sums[b] = NAME(total)(y + b * VECTORS);
    }
}

INLINE double NAME(peak)(const double *z, size_t count) {
    V best[4];
    double lanes[4 * LANES], peak = -INFINITY;
    size_t i = 0;
    for (int q = 0; q < 4; q++) best[q] = NAME(all)(-INFINITY);
    for (; i + 4 * LANES <= count; i += 4 * LANES) {
        for (int q = 0; q < 4; q++) {
            best[q] = NAME(larger)(NAME(load)(z + i + LANES * q), best[q]);
        }
    }
    for (int q = 0; q < 4; q++) NAME(store)(lanes + LANES * q, best[q]);
    for (int j = 0; j < 4 * LANES; j++) peak = lanes[j] > peak ? lanes[j] : peak;
    for (; i < count; i++) peak = z[i] > peak ? z[i] : peak;
    return peak;
}

// The exponentials of one group and all that is summed up of them.
INLINE void NAME(softmax)(const fpnas_priv_softmax *s, size_t g, double peak) {
    size_t start = (size_t)s->offsets[g], count = (size_t)s->offsets[g + 1] - start, i = 0;
    const double *z = s->logits + start;
    double *e = s->exponentials + start, *running = s->running + s->block_offsets[g];
    double sum = 0, sums[SPAN / BLOCK];
    V product[VECTORS];
    for (int q = 0; q < VECTORS; q++) product[q] = NAME(all)(0);
    for (; i + SPAN <= count; i += SPAN) {
        NAME(exp_span)(z + i, peak, e + i, product, sums);
        for (int b = 0; b < SPAN / BLOCK; b++) *running++ = sum += sums[b];
    }
    if (i < count) {
        // What is missing of the last span has the exponential 0.
        size_t left = count - i;
        double rest[SPAN], out[SPAN];
        for (size_t j = 0; j < SPAN; j++) rest[j] = j < left ? z[i + j] : peak - 1000;
        NAME(exp_span)(rest, peak, out, product, sums);
        for (size_t j = 0; j < left; j++) e[i + j] = out[j];
        for (size_t b = 0; b * BLOCK < left; b++) *running++ = sum += sums[b];
    }
    s->peaks[g] = peak;
    s->products[g] = NAME(total)(product);
}

static void NAME(normalise)(const fpnas_priv_softmax *s) {
    for (size_t g = 0; g < s->group_count; g++) {
        size_t start = (size_t)s->offsets[g], count = (size_t)s->offsets[g + 1] - start;
        NAME(softmax)(s, g, NAME(peak)(s->logits + start, count));
    }
}

// ---- Adam ---------------------------------------------------------------------------------------

// Adam on one vector of logits; returns them.
INLINE V NAME(adam)(
    const fpnas_priv_descent *d, double factor, double *z, const double *e, double *m, double *v,
    double *pull, V *square) {
    V g = factor * NAME(load)(e) + NAME(load)(pull);
    V mean = d->beta1 * NAME(load)(m) + (1 - d->beta1) * g;
    V spread = d->beta2 * NAME(load)(v) + (1 - d->beta2) * g * g;
    V step = d->rate * mean / (__builtin_elementwise_sqrt(spread) * d->spread + d->epsilon);
    V moved = NAME(clamp)(NAME(load)(z) - step, NAME(all)(d->limit));
    NAME(store)(z, moved);
    NAME(store)(m, mean);
    NAME(store)(v, spread);
    NAME(store)(pull, NAME(all)(0));
    *square += g * g;
    return moved;
}

// Adam on one group; returns the group's new peak and adds to the squares.
INLINE double NAME(descend_group)(
    const fpnas_priv_softmax *s, const fpnas_priv_descent *d, size_t g, double *squares) {
    size_t start = (size_t)s->offsets[g], count = (size_t)s->offsets[g + 1] - start;
    double *z = s->logits + start, *e = s->exponentials + start;
    double *m = d->first + start, *v = d->second + start, *pull = d->pull + start;
    double factor = d->factors[g], lanes[BLOCK], peak = -INFINITY;
    V best[VECTORS], square[VECTORS];
    size_t i = 0;
    for (int q = 0; q < VECTORS; q++) {
        best[q] = NAME(all)(-INFINITY);
        square[q] = NAME(all)(0);
    }
    for (; i + BLOCK <= count; i += BLOCK) {
        for (int q = 0; q < VECTORS; q++) {
            size_t k = i + (size_t)(LANES * q);
            V moved = NAME(adam)(d, factor, z + k, e + k, m + k, v + k, pull + k, square + q);
            best[q] = NAME(larger)(moved, best[q]);
        }
    }
    if (i < count) {
        // What is missing of the last block stands still at 0, out of sight of the peak.
        size_t left = count - i;
        double rest[5][BLOCK] = {{0}};
        for (size_t j = 0; j < left; j++) {
            rest[0][j] = z[i + j];
            rest[1][j] = e[i + j];
            rest[2][j] = m[i + j];
            rest[3][j] = v[i + j];
            rest[4][j] = pull[i + j];
        }
        for (int q = 0; q < VECTORS && (size_t)(LANES * q) < left; q++) {
            int k = LANES * q;
            NAME(adam)(d, factor, rest[0] + k, rest[1] + k, rest[2] + k, rest[3] + k, rest[4] + k,
                       square + q);
        }
        for (size_t j = 0; j < left; j++) {
            z[i + j] = rest[0][j];
            m[i + j] = rest[2][j];
            v[i + j] = rest[3][j];
            pull[i + j] = 0;
            peak = z[i + j] > peak ? z[i + j] : peak;
        }
    }
    for (int q = 0; q < VECTORS; q++) NAME(store)(lanes + LANES * q, best[q]);
    for (int j = 0; j < BLOCK; j++) peak = lanes[j] > peak ? lanes[j] : peak;
    *squares += NAME(total)(square);
    return peak;
}

static double NAME(descend)(const fpnas_priv_softmax *s, const fpnas_priv_descent *d) {
    double squares = 0;
    for (size_t g = 0; g < s->group_count; g++) {
        double peak = NAME(descend_group)(s, d, g, &squares);
        NAME(softmax)(s, g, peak);
    }
    return squares;
}

// ---- Elementwise --------------------------------------------------------------------------------

static void NAME(exponential)(const double *x, size_t count, double *y) {
    for (size_t i = 0; i < count; i += SPAN) {
        double in[SPAN] = {0}, out[SPAN], sums[SPAN / BLOCK];
        V product[VECTORS];
        for (int q = 0; q < VECTORS; q++) product[q] = NAME(all)(0);
        for (size_t j = 0; j < SPAN && i + j < count; j++) in[j] = x[i + j];
        NAME(exp_span)(in, 0, out, product, sums);
        for (size_t j = 0; j < SPAN && i + j < count; j++) y[i + j] = out[j];
    }
}

static double NAME(sum)(const double *x, size_t count) {
    V sums[VECTORS];
    size_t i = 0;
    for (int q = 0; q < VECTORS; q++) sums[q] = NAME(all)(0);
    for (; i + BLOCK <= count; i += BLOCK) {
        for (int q = 0; q < VECTORS; q++) sums[q] += NAME(load)(x + i + LANES * q);
    }
    double sum = NAME(total)(sums);
    for (; i < count; i++) sum += x[i];
    return sum;
}

#include "philox.h"

static const fpnas_priv_search_kernels NAME(table) = {
    VARIANT, NAME(normalise), NAME(descend), NAME(uniforms), NAME(exponential), NAME(sum),
};

#undef V
#undef I
#undef INLINE
#undef BLOCK
#undef SPAN
#undef VECTORS
