// Included by body.h: choices drawn from the running sums, LANES draws at a time. Places are whole
// numbers below 2^26, as doubles.

typedef int32_t NAME(small) __attribute__((vector_size(4 * LANES)));
#define S NAME(small)

// 1 where a ≤ b, 0 elsewhere.
INLINE V NAME(not_above)(V a, V b) { return (V)((a <= b) & (I)NAME(all)(1)); }

// How many of the group's blocks end at or before each target, less than their number.
INLINE V NAME(find_blocks)(const double *sums, size_t blocks, V target) {
    V found = NAME(all)(0), part[4] = {found, found, found, found};
    if (blocks <= 128) {
        size_t b = 0;
        for (; b + 4 < blocks; b += 4) {
            EACH(q, 4) part[q] += NAME(not_above)(NAME(all)(sums[b + (size_t)q]), target);
        }
        for (; b + 1 < blocks; b++) found += NAME(not_above)(NAME(all)(sums[b]), target);
        return found + ((part[0] + part[1]) + (part[2] + part[3]));
    }
    EACH(j, LANES) {
        size_t first = 0, left = blocks;
        while (left > 1) { // halves without a branch, which no predictor could guess
            size_t half = left / 2;
            first += sums[first + half - 1] > target[j] ? 0 : half;
            left -= half;
        }
        found[j] = (double)first;
    }
    return found;
}

// The first index of the group whose running sum exceeds each target; where rounding leaves none,
// the last choice that can be drawn at all. A choice of probability 0 leaves the sum as it is.
INLINE V NAME(find)(const fpnas_priv_softmax *t, size_t g, V target) {
    const double *e = t->exponentials + t->offsets[g], *sums = t->running + t->block_offsets[g];
    size_t count = (size_t)(t->offsets[g + 1] - t->offsets[g]);
    size_t blocks = (size_t)(t->block_offsets[g + 1] - t->block_offsets[g]);
    size_t last = (blocks - 1) * BLOCK; // where the last block begins
    V begin = NAME(all)(0), passed = NAME(all)(0), sum = NAME(all)(0), size;
    if (blocks == 1) {
        size = NAME(all)((double)count);
        for (size_t i = 0; i < count; i++) {
            sum += NAME(all)(e[i]);
            passed += NAME(not_above)(sum, target);
        }
    } else {
        const double *block[LANES];
        double rest[BLOCK], before[LANES];
        begin = NAME(find_blocks)(sums, blocks, target);
        S places = __builtin_convertvector(begin, S);
        for (size_t i = 0; i < BLOCK; i++) rest[i] = last + i < count ? e[last + i] : 0;
        EACH(j, LANES) {
            size_t place = (size_t)places[j];
            before[j] = place > 0 ? sums[place - 1] : 0;
            block[j] = place + 1 < blocks ? e + place * BLOCK : rest;
        }
        begin *= BLOCK;
        V left = (double)count - begin, whole = NAME(all)(BLOCK);
        size = -NAME(larger)(-left, -whole);
        sum = NAME(load)(before);
        for (size_t i = 0; i < BLOCK; i++) {
            V column;
            EACH(j, LANES) column[j] = block[j][i];
            sum += column;
            passed += NAME(not_above)(sum, target);
        }
    }
    V index = begin + passed;
    if (__builtin_reduce_or(passed >= size)) {
        EACH(j, LANES) {
            if (passed[j] >= size[j]) {
                size_t place = (size_t)(begin[j] + size[j]) - 1;
                while (place > 0 && e[place] == 0) place--;
                index[j] = (double)place;
            }
        }
    }
    return index;
}

// One draw by itself.
static size_t NAME(draw)(const fpnas_priv_softmax *t, size_t g, double u) {
    V target = NAME(all)(u * t->running[t->block_offsets[g + 1] - 1]);
    return (size_t)NAME(find)(t, g, target)[0];
}

// A group's draws as choices of its variables: digits in mixed radix, the last variable's first.
INLINE void NAME(draw_group)(
    const fpnas_priv_softmax *t, const fpnas_priv_digits *d, size_t g, const double *u, size_t count,
    int32_t *rows) {
    size_t first = (size_t)d->starts[g], last = (size_t)d->starts[g + 1] - 1;
    double all = t->running[t->block_offsets[g + 1] - 1];
    for (size_t k = 0; k < count; k += LANES) {
        int32_t digits[LANES];
        size_t some = count - k < LANES ? count - k : LANES;
        int32_t *row = rows + k * d->width;
        V rest = NAME(find)(t, g, NAME(load)(u + k) * all);
        for (size_t v = last; v > first; v--) {
            // The half keeps a quotient away from whole numbers, so that rounding down is exact.
            double radix = d->radices[v];
            S quotient = __builtin_convertvector((rest + 0.5) * (1 / radix), S);
            V whole = __builtin_convertvector(quotient, V);
            S digit = __builtin_convertvector(rest - whole * radix, S);
            memcpy(digits, &digit, sizeof digits);
            for (size_t j = 0; j < some; j++) row[j * d->width + v] = digits[j];
            rest = whole;
        }
        S digit = __builtin_convertvector(rest, S);
        memcpy(digits, &digit, sizeof digits);
        for (size_t j = 0; j < some; j++) row[j * d->width + first] = digits[j];
    }
}

// Random numbers are made for some draws at a time, whole vectors of them.
static void NAME(sample)(
    const fpnas_priv_softmax *t, const fpnas_priv_digits *d, const fpnas_priv_stream *stream,
    uint64_t step, size_t count, int32_t *rows) {
    double u[64] = {0};
    for (size_t first = 0; first < count; first += 64) {
        size_t some = count - first < 64 ? count - first : 64;
        for (size_t g = 0; g < t->group_count; g++) {
            NAME(uniforms)(stream, step, (uint32_t)g, (uint32_t)first, some, u);
            NAME(draw_group)(t, d, g, u, some, rows + first * d->width);
        }
    }
}

#undef S
