// Included by body.h: the exponentials of a group and all that is summed up of them.

typedef struct {
    const double *z;
    double *e, *running;
    double peak, sum;
    V shift; // the peak
    V product[VECTORS];
} NAME(sweep);

INLINE void NAME(sweep_begin)(NAME(sweep) *s, const fpnas_priv_softmax *t, size_t g, double peak) {
    s->z = t->logits + t->offsets[g];
    s->e = t->exponentials + t->offsets[g];
    s->running = t->running + t->block_offsets[g];
    s->peak = peak;
    s->sum = 0;
    s->shift = NAME(all)(peak);
    EACH(q, VECTORS) s->product[q] = NAME(all)(0);
}

INLINE void NAME(sweep_span)(NAME(sweep) *s, size_t i) {
    V x[WIDTH], y[WIDTH];
    EACH(q, WIDTH) x[q] = NAME(load)(s->z + i + LANES * q) - s->shift;
    EACH(u, WIDTH / UNIT) NAME(exp)(x + UNIT * u, y + UNIT * u);
    EACH(q, WIDTH) {
        NAME(store)(s->e + i + LANES * q, y[q]);
        s->product[q % VECTORS] += x[q] * y[q];
    }
    EACH(b, SPAN / BLOCK) *s->running++ = s->sum += NAME(total)(y + b * VECTORS);
}

// What is left of a group that is no whole span; what is missing has the exponential 0.
INLINE void NAME(sweep_end)(NAME(sweep) *s, size_t i, size_t left) {
    double in[SPAN], out[SPAN], running[SPAN / BLOCK];
    NAME(sweep) rest = *s;
    for (size_t j = 0; j < SPAN; j++) in[j] = j < left ? s->z[i + j] : s->peak - 1000;
    rest.z = in;
    rest.e = out;
    rest.running = running;
    NAME(sweep_span)(&rest, 0);
    for (size_t j = 0; j < left; j++) s->e[i + j] = out[j];
    for (size_t b = 0; b * BLOCK < left; b++) s->running[b] = running[b];
    EACH(q, VECTORS) s->product[q] = rest.product[q];
}

INLINE double NAME(peak)(const double *z, size_t count) {
    V best[4];
    double lanes[4 * LANES], peak = -INFINITY;
    size_t i = 0;
    EACH(q, 4) best[q] = NAME(all)(-INFINITY);
    for (; i + 4 * LANES <= count; i += 4 * LANES) {
        EACH(q, 4) best[q] = NAME(larger)(NAME(load)(z + i + LANES * q), best[q]);
    }
    EACH(q, 4) NAME(store)(lanes + LANES * q, best[q]);
    for (int j = 0; j < 4 * LANES; j++) peak = lanes[j] > peak ? lanes[j] : peak;
    for (; i < count; i++) peak = z[i] > peak ? z[i] : peak;
    return peak;
}

static void NAME(normalise)(const fpnas_priv_softmax *t) {
    for (size_t g = 0; g < t->group_count; g++) {
        size_t start = (size_t)t->offsets[g], count = (size_t)t->offsets[g + 1] - start, i = 0;
        NAME(sweep) s;
        NAME(sweep_begin)(&s, t, g, NAME(peak)(t->logits + start, count));
        for (; i + SPAN <= count; i += SPAN) NAME(sweep_span)(&s, i);
        if (i < count) NAME(sweep_end)(&s, i, count - i);
        t->peaks[g] = s.peak;
        t->products[g] = NAME(total)(s.product);
    }
}
