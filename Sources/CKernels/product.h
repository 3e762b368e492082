// Matrix products of pointwise convolutions, included by body.h once per CPU variant.
//
// Rows are pixels. A tile of rows goes through everything that is to happen to it while it is in
// cache: normalisation and activation of the input, the product, and the sums the next
// normalisation needs. Weights are packed into panels of PANEL columns once a call, so that a
// panel streams through the first-level cache. Sums run over rows in order.

_Static_assert(FPNAS_PANEL % PANEL == 0, "packing is cut between panels");

// Columns of the next panel where so many, a multiple of eight, are left.
INLINE size_t NAME(panel_width)(size_t columns) {
    return columns >= PANEL ? PANEL : columns >= WIDEST ? WIDEST : 8;
}

// One panel of the result for all rows.
static void NAME(panel_rows)(
    const float *a, size_t a_row, size_t a_step, size_t rows, size_t inner, const float *b,
    size_t b_line, int adds, float *c, size_t c_line, size_t width) {
#define CALL(f, vectors) f(a, a_row, a_step, rows, inner, b, b_line, adds, c, c_line, vectors)
    if (width == PANEL) CALL(WIDE(tile_column), PANEL / WIDEST);
    else if (width == WIDEST) CALL(WIDE(tile_column), 1);
    else CALL(NAME(tile_column8), 1);
#undef CALL
}

// Eight rows of eight floats, `line` apart, become eight columns.
INLINE void NAME(turn)(const float *w, size_t line, v8 y[8]) {
    v8 x[8], p[8], q[8];
    UNROLL for (size_t i = 0; i < 8; i++) x[i] = load(w + i * line);
    UNROLL for (size_t i = 0; i < 4; i++) {
        p[2 * i] = __builtin_shufflevector(x[2 * i], x[2 * i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        p[2 * i + 1] = __builtin_shufflevector(x[2 * i], x[2 * i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    UNROLL for (size_t i = 0; i < 2; i++) UNROLL for (size_t j = 0; j < 2; j++) {
        v8 a = p[4 * i + j], b = p[4 * i + j + 2];
        q[4 * i + 2 * j] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
        q[4 * i + 2 * j + 1] = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
    }
    UNROLL for (size_t i = 0; i < 4; i++) {
        y[i] = __builtin_shufflevector(q[i], q[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        y[i + 4] = __builtin_shufflevector(q[i], q[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

// Panels of `columns` columns; w's rows are whole vectors, transposed its columns are the panels'.
static void NAME(pack)(
    const float *w, size_t line, size_t inner, size_t columns, int transposed, float *packed) {
    for (size_t first = 0, width; first < columns; first += width) {
        width = NAME(panel_width)((columns - first + 7) / 8 * 8);
        size_t held = columns - first < width ? columns - first : width, j = 0;
        for (; j + 8 <= held; j += 8) {
            if (!transposed) {
                for (size_t k = 0; k < inner; k++)
                    store(packed + k * width + j, load(w + k * line + first + j));
                continue;
            }
            for (size_t k = 0; k < inner; k += 8) {
                v8 turned[8];
                NAME(turn)(w + (first + j) * line + k, line, turned);
                for (size_t i = 0; i < 8 && k + i < inner; i++)
                    store(packed + (k + i) * width + j, turned[i]);
            }
        }
        for (; j < width; j++)
            for (size_t k = 0; k < inner; k++)
                packed[k * width + j] = j >= held ? 0
                    : transposed ? w[(first + j) * line + k] : w[k * line + first + j];
        packed += inner * width;
    }
}

// A tile's rows lie apart by a length that is no power of two, which would crowd the cache's sets;
// wide vectors are to lie in one cache line each.
#define HEIGHT_LINE(c) (((c) + 15) / 16 * 16 + 8)
#if WIDEST == 8
#define TILE_LINE(c) HEIGHT_LINE(c)
#else
#define TILE_LINE(c) ((((c) + 15) / 16 | 1) * 16)
#endif

// As many rows as keep `floats` of each within the second-level cache. Moments are summed by so many,
// so it is the same for variants that are to give the same bits.
static size_t NAME(tile_height)(size_t floats) {
    size_t rows = 24576 / (floats + 1);
    rows = rows < 48 ? 48 : rows > 192 ? 192 : rows;
    return rows / TILE_UNIT * TILE_UNIT;
}

INLINE void NAME(load_rows_of)(
    const fpnas_priv_source *in, size_t first, size_t rows, size_t pixels, int activation,
    int gates, int slopes, float *value, float *slope) {
    size_t c = in->line, line = TILE_LINE(c);
    const float *x = in->x + first * c;
    for (size_t r = 0; r < rows; r++, x += c, value += line, slope += slopes ? line : 0) {
        const float *gate = gates ? in->gate + (first + r) / pixels * c : NULL;
        EACH_VECTOR(
            j, c, read,
            (in, x + j, j, in->scale != NULL, activation, gates ? gate + j : NULL, slopes,
             value + j, slope + j));
    }
}

// Rows of the input as they are read, and act' when `slope` is set; the input itself where nothing
// is done to it.
static const float *NAME(load_rows)(
    const fpnas_priv_source *in, size_t first, size_t rows, size_t pixels, float *value,
    float *slope, size_t *line) {
    *line = in->line;
    if (!in->scale && !in->gate && in->activation == FPNAS_LINEAR && !slope)
        return in->x + first * in->line;
    *line = TILE_LINE(in->line);
#define CALL(act) \
    if (slope) NAME(load_rows_of)(in, first, rows, pixels, act, 0, 1, value, slope); \
    else if (in->gate) NAME(load_rows_of)(in, first, rows, pixels, act, 1, 0, value, value); \
    else NAME(load_rows_of)(in, first, rows, pixels, act, 0, 0, value, value)
    FOR_ACTIVATION(in->activation, CALL)
#undef CALL
    return value;
}

static void NAME(pointwise)(
    const fpnas_priv_source *in, size_t rows, size_t pixels, size_t inputs, const float *packed,
    size_t c, float *y, float *moments, float *scratch) {
    size_t height = NAME(tile_height)(HEIGHT_LINE(in->line));
    for (size_t first = 0; first < rows; first += height) {
        size_t held = rows - first < height ? rows - first : height, line;
        const float *a = NAME(load_rows)(in, first, held, pixels, scratch, NULL, &line);
        const float *b = packed;
        for (size_t j = 0, width; j < c; j += width) {
            width = NAME(panel_width)(c - j);
            float *target = y + first * c + j;
            NAME(panel_rows)(a, line, 1, held, inputs, b, width, 0, target, c, width);
            if (moments)
                EACH_VECTOR(
                    v, width, add_moments, (target + v, c, held, first == 0, moments + j + v, c));
            b += inputs * width;
        }
    }
}

// Pixels of p·dz + q·(x − mean) + r, or of dz, from offset `at` and channel j on.
static void NAME(norm_rows)(
    const fpnas_priv_gradient *out, size_t at, size_t j, size_t pixels, size_t channels,
    float *target, size_t target_line) {
    const float *d = out->dz + at, *x = out->p ? out->x + at : NULL;
    for (size_t i = 0; i < pixels; i++, d += out->line, target += target_line) {
        if (!out->p) {
            memcpy(target, d, channels * sizeof(float));
            continue;
        }
        EACH_VECTOR(q, channels, norm, (out, d + q, x + q, j + q, target + q));
        x += out->line;
    }
}

static void NAME(pointwise_gradient)(
    const fpnas_priv_gradient *out, const fpnas_priv_source *in, size_t rows, size_t pixels,
    size_t inputs, const float *packed, float *dx, fpnas_priv_mode mode, float *sums, float *dw,
    float *scratch) {
    size_t c = in->line, outputs = out->channels, n = out->line;
    int slopes = packed && mode == FPNAS_THROUGH_ACTIVATION;
    float *value = scratch;
    size_t height = NAME(tile_height)(HEIGHT_LINE(c) * (slopes ? 2 : 1) + HEIGHT_LINE(n));
    float *slope = value + height * TILE_LINE(c);
    float *gradient = slope + (slopes ? height * TILE_LINE(c) : 0);
    if (slopes) memset(sums, 0, 2 * c * sizeof(float));
    for (size_t first = 0; first < rows; first += height) {
        size_t held = rows - first < height ? rows - first : height, a_line, d_line = n;
        const float *d = out->dz + first * n;
        if (out->p) {
            d_line = TILE_LINE(n);
            NAME(norm_rows)(out, first * n, 0, held, n, gradient, d_line);
            d = gradient;
        }
        const float *a = NAME(load_rows)(
            in, first, held, pixels, value, slopes ? slope : NULL, &a_line);
        for (size_t j = 0, width; j < n; j += width) {
            width = NAME(panel_width)(n - j);
            NAME(panel_rows)(
                a, 1, a_line, inputs, held, d + j, d_line, first > 0, dw + j, n, width);
        }
        if (!packed) continue;
        const float *b = packed;
        for (size_t j = 0, width; j < c; j += width) {
            width = NAME(panel_width)(c - j);
            float *target = dx + first * c + j;
            NAME(panel_rows)(
                d, d_line, 1, held, outputs, b, width, mode == FPNAS_ADD, target, c, width);
            if (slopes)
                EACH_VECTOR(
                    v, width, add_slopes,
                    (target + v, c, slope + j + v, a_line, in->x + first * c + j + v,
                     in->mean + j + v, held, sums + j + v, c));
            b += outputs * width;
        }
    }
}
