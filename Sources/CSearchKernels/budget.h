// Included by body.h: the inner loops of the dynamic programme over layers and costs spent.

#define CHUNK FPNAS_PRIV_BUDGET_CHUNK

// The moves from `count` on that lead nowhere from a chunk, nor from any later one, are left out.
INLINE size_t NAME(within)(const fpnas_priv_move *moves, size_t count, ptrdiff_t start) {
    while (count > 0 && moves[count - 1].last < start) count--;
    return count;
}

static double NAME(expect)(
    const fpnas_priv_move *moves, const double *weights, size_t count, const int32_t *chunks,
    size_t chunk_count, const uint16_t *masks, double *values, double *logs) {
    double peak = 0;
    for (size_t k = 0; k < chunk_count; k++) {
        const ptrdiff_t start = chunks[k];
        const unsigned mask = masks[start / CHUNK];
        double *const y = values + start, *const z = logs + start;
        V value[CHUNK / LANES], log[CHUNK / LANES];
        EACH(q, CHUNK / LANES) value[q] = log[q] = NAME(all)(0);
        count = NAME(within)(moves, count, start);
        for (size_t t = 0; t < count; t++) {
            const fpnas_priv_move move = moves[t];
            if (start < move.first || start > move.last) continue;
            const double *const v = y + move.shift, *const w = z + move.shift;
            const V p = NAME(all)(weights[2 * t]), g = NAME(all)(weights[2 * t + 1]);
            EACH(q, CHUNK / LANES) {
                const V next = NAME(load)(v + LANES * q);
                value[q] += p * next;
                log[q] += p * NAME(load)(w + LANES * q) + g * next;
            }
        }
        EACH(q, CHUNK / LANES) {
            NAME(store)(y + LANES * q, value[q]);
            NAME(store)(z + LANES * q, log[q]);
        }
        for (int j = 0; j < CHUNK; j++) {
            if (!(mask >> j & 1)) y[j] = z[j] = 0;
            peak = y[j] > peak ? y[j] : peak;
        }
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

static double NAME(expect_listed)(
    const int32_t *targets, const double *weights, size_t count, size_t nodes, double *values,
    double *logs, size_t first) {
    double *const y = values + first, *const z = logs + first, peak = 0;
    for (size_t i = 0; i < nodes; i++) y[i] = z[i] = 0;
    for (size_t t = 0; t < count; t++, targets += nodes) {
        const double p = weights[2 * t], g = weights[2 * t + 1];
        if (!(p > 0)) continue;
        for (size_t i = 0; i < nodes; i++) {
            const double next = values[targets[i]];
            y[i] += p * next;
            z[i] += p * logs[targets[i]] + g * next;
        }
    }
    for (size_t i = 0; i < nodes; i++) peak = y[i] > peak ? y[i] : peak;
    return peak;
}

static void NAME(arrive_listed)(
    const int32_t *targets, const double *weights, size_t count, size_t nodes,
    const double *values, double *arrivals, size_t first, double *follows) {
    const double *const y = arrivals + first;
    for (size_t t = 0; t < count; t++, targets += nodes) {
        const double p = weights[2 * t];
        double sum = 0;
        if (!(p > 0)) continue;
        for (size_t i = 0; i < nodes; i++) {
            sum += y[i] * values[targets[i]];
            arrivals[targets[i]] += p * y[i];
        }
        follows[t] = sum;
    }
}

#undef CHUNK
