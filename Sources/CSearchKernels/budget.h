// Included by body.h: the inner loops of the dynamic programme over layers and costs spent.

#define CHUNK FPNAS_PRIV_BUDGET_CHUNK
// Chunks whose V and W stay in registers.
#define WIDEST (LANES == 8 ? FPNAS_PRIV_BUDGET_WIDEST : 1)

// The moves from `count` on that lead nowhere from a chunk, nor from any later one, are left out.
INLINE size_t NAME(within)(const fpnas_priv_move *moves, size_t count, ptrdiff_t start) {
    while (count > 0 && moves[count - 1].last < start) count--;
    return count;
}

// The largest V of `width` chunks side by side from a place on.
INLINE double NAME(expect_chunks)(
    const fpnas_priv_move *moves, const double *weights, size_t count, ptrdiff_t start, int width,
    const uint16_t *masks, double *y, double *z) {
    const int vectors = width * CHUNK / LANES;
    V value[WIDEST * CHUNK / LANES], log[WIDEST * CHUNK / LANES];
    double peak = 0;
    EACH(q, vectors) value[q] = log[q] = NAME(all)(0);
    for (size_t t = 0; t < count; t++) {
        const fpnas_priv_move move = moves[t];
        if (start + (width - 1) * CHUNK < move.first || start > move.last) continue;
        const double *const v = y + move.shift, *const w = z + move.shift;
        const V p = NAME(all)(weights[2 * t]), g = NAME(all)(weights[2 * t + 1]);
        EACH(q, vectors) {
            const V next = NAME(load)(v + LANES * q);
            value[q] += p * next;
            log[q] += p * NAME(load)(w + LANES * q) + g * next;
        }
    }
    EACH(q, vectors) {
        NAME(store)(y + LANES * q, value[q]);
        NAME(store)(z + LANES * q, log[q]);
    }
    for (int j = 0; j < width * CHUNK; j++) {
        if (!(masks[j / CHUNK] >> j % CHUNK & 1)) y[j] = z[j] = 0;
        peak = y[j] > peak ? y[j] : peak;
    }
    return peak;
}

static double NAME(expect)(
    const fpnas_priv_move *moves, const double *weights, size_t count, const int32_t *chunks,
    size_t chunk_count, size_t first, const uint16_t *masks, double *values, double *logs) {
    double peak = 0;
    for (size_t k = 0; k < chunk_count;) {
        const ptrdiff_t start = chunks[k];
        const uint16_t *const own = masks + (start - (ptrdiff_t)first) / CHUNK;
        double *const y = values + start, *const z = logs + start;
        count = NAME(within)(moves, count, start);
        // As many side by side as registers hold, a power of two.
        size_t width = 1;
        while (2 * width <= WIDEST && k + 2 * width <= chunk_count
               && chunks[k + 2 * width - 1] - start == (ptrdiff_t)(2 * width - 1) * CHUNK) {
            width *= 2;
        }
        const double most = width == 4 ? NAME(expect_chunks)(moves, weights, count, start, 4, own, y, z)
            : width == 2 ? NAME(expect_chunks)(moves, weights, count, start, 2, own, y, z)
                         : NAME(expect_chunks)(moves, weights, count, start, 1, own, y, z);
        k += width;
        peak = most > peak ? most : peak;
    }
    return peak;
}

static void NAME(arrive)(
    const fpnas_priv_move *moves, const double *weights, size_t count, const int32_t *chunks,
    size_t chunk_count, const double *values, double *arrivals, double *follows) {
    for (size_t k = 0; k < chunk_count; k++) {
        const ptrdiff_t start = chunks[k];
        double *const y = arrivals + start;
        V arrival[CHUNK / LANES];
        double most = 0;
        for (int j = 0; j < CHUNK; j++) most = y[j] > most ? y[j] : most;
        if (!(most > 0)) continue;
        EACH(q, CHUNK / LANES) arrival[q] = NAME(load)(y + LANES * q);
        count = NAME(within)(moves, count, start);
        for (size_t t = 0; t < count; t++) {
            const fpnas_priv_move move = moves[t];
            if (start < move.first || start > move.last) continue;
            const double *const v = values + start + move.shift;
            double *const a = y + move.shift;
            const V p = NAME(all)(weights[2 * t]);
            V product[CHUNK / LANES];
            EACH(q, CHUNK / LANES) {
                product[q] = arrival[q] * NAME(load)(v + LANES * q);
                NAME(store)(a + LANES * q, NAME(load)(a + LANES * q) + p * arrival[q]);
            }
            follows[t] += NAME(total)(product);
        }
    }
}

// (V, W) of each of LANES / 2 steps at places.
INLINE V NAME(join)(const double *values, const int32_t *places) {
    reals2 x[LANES / 2];
    EACH(q, LANES / 2) memcpy(&x[q], values + places[q], sizeof x[q]);
#if LANES == 8
    const reals4 low = __builtin_shufflevector(x[0], x[1], 0, 1, 2, 3);
    const reals4 high = __builtin_shufflevector(x[2], x[3], 0, 1, 2, 3);
    return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);
#elif LANES == 4
    return __builtin_shufflevector(x[0], x[1], 0, 1, 2, 3);
#else
    return x[0];
#endif
}

// V of every step twice.
INLINE V NAME(twice)(V x) {
#if LANES == 8
    return __builtin_shufflevector(x, x, 0, 0, 2, 2, 4, 4, 6, 6);
#elif LANES == 4
    return __builtin_shufflevector(x, x, 0, 0, 2, 2);
#else
    return __builtin_shufflevector(x, x, 0, 0);
#endif
}

static double NAME(expect_steps)(
    const int32_t *leads, const int32_t *targets, const double *weights, size_t count,
    size_t steps, double *values, size_t first) {
    V odd = {0}; // (0, 1) of each step
    for (int j = 1; j < LANES; j += 2) odd[j] = 1;
    double peak = 0;
    for (size_t k = 0; k < steps; k += CHUNK, leads += count) {
        double *const y = values + first + 2 * k;
        V sum[2 * CHUNK / LANES];
        EACH(q, 2 * CHUNK / LANES) sum[q] = NAME(all)(0);
        for (size_t t = 0; t < count; t++) {
            const int32_t lead = leads[t];
            if (lead == 0) continue;
            const V p = NAME(all)(weights[2 * t]), g = odd * weights[2 * t + 1];
            if (lead > 0) {
                const int32_t places[4] = {lead, lead, lead, lead};
                const V x = NAME(join)(values, places), product = p * x + g * NAME(twice)(x);
                EACH(q, 2 * CHUNK / LANES) sum[q] += product;
            } else {
                const int32_t *const places = targets + ~lead;
                EACH(q, 2 * CHUNK / LANES) {
                    const V x = NAME(join)(values, places + LANES / 2 * q);
                    sum[q] += p * x + g * NAME(twice)(x);
                }
            }
        }
        EACH(q, 2 * CHUNK / LANES) NAME(store)(y + LANES * q, sum[q]);
        for (int j = 0; j < CHUNK; j++) peak = y[2 * j] > peak ? y[2 * j] : peak;
    }
    return peak;
}

static void NAME(arrive_steps)(
    const int32_t *leads, const int32_t *targets, const double *weights, size_t count,
    size_t steps, const double *values, double *arrivals, size_t first, double *follows) {
    for (size_t k = 0; k < steps; k += CHUNK, leads += count) {
        const double *const y = arrivals + first + 2 * k;
        double all = 0;
        for (int j = 0; j < CHUNK; j++) all += y[2 * j];
        if (!(all > 0)) continue;
        for (size_t t = 0; t < count; t++) {
            const int32_t lead = leads[t];
            const double p = weights[2 * t];
            if (lead >= 0) {
                follows[t] += all * values[lead];
                arrivals[lead] += p * all;
                continue;
            }
            for (int j = 0; j < CHUNK; j++) {
                const int32_t place = targets[~lead + j];
                follows[t] += y[2 * j] * values[place];
                arrivals[place] += p * y[2 * j];
            }
        }
    }
}

#undef CHUNK
#undef WIDEST
