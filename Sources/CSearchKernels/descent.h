// Included by body.h: Adam, and the softmax of what it leaves.
//
// A group's exponentials need its new peak, so they are taken while Adam moves the next group: the
// divider works for the one, the multipliers for the other. Within a group the moments and roots of
// a span are taken while the span before it is divided and moved.

typedef struct {
    double *z, *m, *v, *pull;
    const double *e;
    double limit;
    V factor, beta1, rest1, beta2, rest2, rate, epsilon, low;
    V best[VECTORS], square[VECTORS];
} NAME(descent);

INLINE void NAME(descent_begin)(
    NAME(descent) *a, const fpnas_priv_softmax *t, const fpnas_priv_descent *d, size_t g) {
    ptrdiff_t start = t->offsets[g];
    a->z = t->logits + start;
    a->e = t->exponentials + start;
    a->m = d->first + start;
    a->v = d->second + start;
    a->pull = d->pull + start;
    a->limit = d->limit;
    a->low = NAME(all)(-d->limit);
    a->factor = NAME(all)(d->factors[g]);
    a->beta1 = NAME(all)(d->beta1);
    a->rest1 = NAME(all)(1 - d->beta1);
    a->beta2 = NAME(all)(d->beta2);
    a->rest2 = NAME(all)(1 - d->beta2);
    // m · rate / (√v · spread + ε), both divided by `spread`.
    a->rate = NAME(all)(d->rate / d->spread);
    a->epsilon = NAME(all)(d->epsilon / d->spread);
    EACH(q, VECTORS) {
        a->best[q] = NAME(all)(-INFINITY);
        a->square[q] = NAME(all)(0);
    }
}

// The moments of a span, and the roots of the second.
INLINE void NAME(moments)(NAME(descent) *a, size_t i, V root[WIDTH]) {
    EACH(q, WIDTH) {
        size_t k = i + (size_t)(LANES * q);
        V g = a->factor * NAME(load)(a->e + k) + NAME(load)(a->pull + k);
        V square = g * g;
        V mean = a->beta1 * NAME(load)(a->m + k) + a->rest1 * g;
        V spread = a->beta2 * NAME(load)(a->v + k) + a->rest2 * square;
        NAME(store)(a->m + k, mean);
        NAME(store)(a->v + k, spread);
        NAME(store)(a->pull + k, NAME(all)(0));
        a->square[q % VECTORS] += square;
        root[q] = spread;
    }
    EACH(q, WIDTH) root[q] = __builtin_elementwise_sqrt(root[q]);
}

// Moves a span's logits. What is no number becomes the lower bound; the upper one is seen to at the
// end of the group, whose peak tells whether it was passed.
INLINE void NAME(move)(NAME(descent) *a, size_t i, const V root[WIDTH]) {
    EACH(q, WIDTH) {
        size_t k = i + (size_t)(LANES * q);
        V step = a->rate * NAME(load)(a->m + k) / (root[q] + a->epsilon);
        V moved = NAME(larger)(NAME(load)(a->z + k) - step, a->low);
        NAME(store)(a->z + k, moved);
        a->best[q % VECTORS] = NAME(larger)(moved, a->best[q % VECTORS]);
    }
}

// What is left of a group that is no whole span. What is missing stands still at 0, out of sight of
// the peak. Returns the larger of `peak` and the logits' largest.
INLINE double NAME(descent_end)(NAME(descent) *a, size_t i, size_t left, double peak) {
    double rest[5][SPAN] = {{0}};
    V root[WIDTH];
    NAME(descent) b = *a;
    for (size_t j = 0; j < left; j++) {
        rest[0][j] = a->z[i + j];
        rest[1][j] = a->e[i + j];
        rest[2][j] = a->m[i + j];
        rest[3][j] = a->v[i + j];
        rest[4][j] = a->pull[i + j];
    }
    b.z = rest[0];
    b.e = rest[1];
    b.m = rest[2];
    b.v = rest[3];
    b.pull = rest[4];
    NAME(moments)(&b, 0, root);
    NAME(move)(&b, 0, root);
    EACH(q, VECTORS) a->square[q] = b.square[q];
    for (size_t j = 0; j < left; j++) {
        a->z[i + j] = rest[0][j];
        a->m[i + j] = rest[2][j];
        a->v[i + j] = rest[3][j];
        a->pull[i + j] = 0;
        peak = rest[0][j] > peak ? rest[0][j] : peak;
    }
    return peak;
}

// The group's new peak, with its logits within the upper bound.
INLINE double NAME(descent_peak)(const NAME(descent) *a, size_t count, double peak) {
    double lanes[BLOCK];
    EACH(q, VECTORS) NAME(store)(lanes + LANES * q, a->best[q]);
    for (int k = 0; k < BLOCK; k++) peak = lanes[k] > peak ? lanes[k] : peak;
    if (peak <= a->limit) return peak;
    for (size_t i = 0; i < count; i++) a->z[i] = a->z[i] < a->limit ? a->z[i] : a->limit;
    return a->limit;
}

static double NAME(descend)(const fpnas_priv_softmax *t, const fpnas_priv_descent *d) {
    double squares = 0, peak = -INFINITY;
    size_t behind = 0; // logits of the group before
    for (size_t g = 0; g <= t->group_count; g++) {
        NAME(descent) a;
        NAME(sweep) s;
        V root[WIDTH], next[WIDTH];
        size_t ahead = 0, i = 0, j = 0;
        if (g < t->group_count) {
            ahead = (size_t)(t->offsets[g + 1] - t->offsets[g]);
            NAME(descent_begin)(&a, t, d, g);
        }
        if (g > 0) NAME(sweep_begin)(&s, t, g - 1, peak);
        if (ahead >= SPAN) NAME(moments)(&a, 0, root);
        for (; i + 2 * SPAN <= ahead && i + SPAN <= behind; i += SPAN) {
            NAME(moments)(&a, i + SPAN, next);
            NAME(move)(&a, i, root);
            NAME(sweep_span)(&s, i);
            EACH(q, WIDTH) root[q] = next[q];
        }
        for (j = i; i + SPAN <= ahead; i += SPAN) {
            if (i + 2 * SPAN <= ahead) NAME(moments)(&a, i + SPAN, next);
            NAME(move)(&a, i, root);
            EACH(q, WIDTH) root[q] = next[q];
        }
        for (; j + SPAN <= behind; j += SPAN) NAME(sweep_span)(&s, j);
        if (j < behind) NAME(sweep_end)(&s, j, behind - j);
        if (g > 0) {
            t->peaks[g - 1] = s.peak;
            t->products[g - 1] = NAME(total)(s.product);
        }
        if (g < t->group_count) {
            peak = i < ahead ? NAME(descent_end)(&a, i, ahead - i, -INFINITY) : -INFINITY;
            peak = NAME(descent_peak)(&a, ahead, peak);
            squares += NAME(total)(a.square);
            behind = ahead;
        }
    }
    return squares;
}
