// Matrix products of pointwise convolutions, included by body.h once per CPU variant.
//
// Rows are pixels. A tile of rows goes through everything that is to happen to it while it is in
// cache: normalisation and activation of the input, the product, and the sums the next
// normalisation needs. Weights are packed into panels of PANEL columns once a call, so that a
// panel streams through the first-level cache. Sums run over rows in order.

// c[r][0..<width] (+)= Σ_k a(r, k) · b[k][0..<width]. a(r, k) is a[r · a_row + k · a_step].
INLINE void NAME(tile)(
    const float *a, size_t a_row, size_t a_step, size_t inner, const float *b, size_t b_line,
    int adds, float *c, size_t c_line, size_t rows, size_t vectors) {
    v8 s[TILE_ROWS][PANEL / 8];
    UNROLL for (size_t r = 0; r < rows; r++)
        UNROLL for (size_t v = 0; v < vectors; v++)
            s[r][v] = adds ? load(c + r * c_line + 8 * v) : (v8)0.0f;
    for (size_t k = 0; k < inner; k++, a += a_step, b += b_line) {
        v8 right[PANEL / 8];
        UNROLL for (size_t v = 0; v < vectors; v++) right[v] = load(b + 8 * v);
        UNROLL for (size_t r = 0; r < rows; r++) {
            v8 left = (v8)a[r * a_row];
            UNROLL for (size_t v = 0; v < vectors; v++) s[r][v] += left * right[v];
        }
    }
    UNROLL for (size_t r = 0; r < rows; r++)
        UNROLL for (size_t v = 0; v < vectors; v++) store(c + r * c_line + 8 * v, s[r][v]);
}

INLINE void NAME(tile_column)(
    const float *a, size_t a_row, size_t a_step, size_t rows, size_t inner, const float *b,
    size_t b_line, int adds, float *c, size_t c_line, size_t vectors) {
#define CALL(count) NAME(tile)( \
    a, a_row, a_step, inner, b, b_line, adds, c, c_line, count, vectors)
    for (; rows >= TILE_ROWS; rows -= TILE_ROWS, a += TILE_ROWS * a_row, c += TILE_ROWS * c_line)
        CALL(TILE_ROWS);
    switch (rows) {
    case 5: CALL(5); break;
    case 4: CALL(4); break;
    case 3: CALL(3); break;
    case 2: CALL(2); break;
    case 1: CALL(1); break;
    }
#undef CALL
}

// One panel of the result, `width` columns of it (8 or PANEL), for all rows.
static void NAME(panel_rows)(
    const float *a, size_t a_row, size_t a_step, size_t rows, size_t inner, const float *b,
    size_t b_line, int adds, float *c, size_t c_line, size_t width) {
    if (width == PANEL)
        NAME(tile_column)(a, a_row, a_step, rows, inner, b, b_line, adds, c, c_line, PANEL / 8);
    else
        NAME(tile_column)(a, a_row, a_step, rows, inner, b, b_line, adds, c, c_line, 1);
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
    for (size_t first = 0; first < columns; first += PANEL) {
        size_t held = columns - first < PANEL ? columns - first : PANEL;
        size_t width = held > 8 ? PANEL : 8, j = 0;
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

// A tile's rows lie apart by a length that is no power of two, which would crowd the cache's sets.
#define TILE_LINE(c) (((c) + 15) / 16 * 16 + 8)

// As many rows as keep `floats` of each within the second-level cache, in whole register tiles.
static size_t NAME(tile_height)(size_t floats) {
    size_t rows = 24576 / (floats + 1);
    rows = rows < 48 ? 48 : rows > 192 ? 192 : rows;
    return rows / TILE_ROWS * TILE_ROWS;
}

// act(z), and act'(z) where asked for; swish shares the sigmoid.
INLINE void NAME(both8)(v8 z, int activation, int slopes, v8 *y, v8 *slope) {
    if (slopes && activation == FPNAS_SWISH) {
        v8 rest, s = NAME(swish8)(z, &rest);
        *y = z * s;
        *slope = s + *y * rest;
        return;
    }
    *y = NAME(act8)(z, activation);
    if (slopes) *slope = NAME(slope8)(z, activation);
}

INLINE void NAME(load_rows_of)(
    const fpnas_priv_source *in, size_t first, size_t rows, size_t pixels, int activation,
    int gates, int slopes, float *value, float *slope) {
    size_t c = in->line, line = TILE_LINE(c);
    const float *x = in->x + first * c;
    for (size_t r = 0; r < rows; r++, x += c, value += line, slope += slopes ? line : 0) {
        const float *gate = gates ? in->gate + (first + r) / pixels * c : NULL;
        for (size_t j = 0; j < c; j += 8) {
            v8 z = load(x + j), y, d;
            if (in->scale) z = z * load(in->scale + j) + load(in->shift + j);
            NAME(both8)(z, activation, slopes, &y, &d);
            if (slopes) store(slope + j, d);
            store(value + j, gates ? y * load(gate + j) : y);
        }
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

// Adds rows to (shift, sum, square); the first rows of all give the shift.
INLINE void NAME(add_moments)(
    const float *x, size_t line, size_t rows, size_t vectors, int is_first, float *out, size_t c) {
    for (size_t v = 0; v < vectors; v++, x += 8, out += 8) {
        if (is_first) {
            store(out, load(x));
            store(out + c, (v8)0.0f);
            store(out + 2 * c, (v8)0.0f);
        }
        const float *p = x;
        v8 shift = load(out), s0 = 0, s1 = 0, q0 = 0, q1 = 0;
        size_t r = 0;
        for (; r + 2 <= rows; r += 2, p += 2 * line) {
            v8 d0 = load(p) - shift, d1 = load(p + line) - shift;
            s0 += d0; s1 += d1;
            q0 += d0 * d0; q1 += d1 * d1;
        }
        if (r < rows) {
            v8 d = load(p) - shift;
            s0 += d;
            q0 += d * d;
        }
        store(out + c, load(out + c) + (s0 + s1));
        store(out + 2 * c, load(out + 2 * c) + (q0 + q1));
    }
}

static void NAME(pointwise)(
    const fpnas_priv_source *in, size_t rows, size_t pixels, size_t inputs, const float *packed,
    size_t c, float *y, float *moments, float *scratch) {
    size_t height = NAME(tile_height)(TILE_LINE(in->line));
    for (size_t first = 0; first < rows; first += height) {
        size_t held = rows - first < height ? rows - first : height, line;
        const float *a = NAME(load_rows)(in, first, held, pixels, scratch, NULL, &line);
        const float *b = packed;
        for (size_t j = 0; j < c; j += PANEL) {
            size_t width = c - j < PANEL ? 8 : PANEL;
            float *target = y + first * c + j;
            NAME(panel_rows)(a, line, 1, held, inputs, b, width, 0, target, c, width);
            if (moments)
                NAME(add_moments)(target, c, held, width / 8, first == 0, moments + j, c);
            b += inputs * width;
        }
    }
}

// dz *= slope, and adds to the sums of dz and dz · (x − mean).
INLINE void NAME(add_slopes)(
    float *dz, size_t line, const float *slope, size_t slope_line, const float *x,
    const float *mean, size_t rows, size_t vectors, float *sums, size_t c) {
    for (size_t v = 0; v < vectors; v++) {
        v8 m = load(mean + 8 * v), sum = 0, product = 0;
        float *target = dz + 8 * v;
        const float *s = slope + 8 * v, *source = x + 8 * v;
        for (size_t r = 0; r < rows; r++, target += line, s += slope_line, source += line) {
            v8 gradient = load(target) * load(s);
            store(target, gradient);
            sum += gradient;
            product += gradient * (load(source) - m);
        }
        store(sums + 8 * v, load(sums + 8 * v) + sum);
        store(sums + c + 8 * v, load(sums + c + 8 * v) + product);
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
        for (size_t q = 0; q < channels; q += 8)
            store(target + q, load(d + q) * load(out->p + j + q)
                                  + ((load(x + q) - load(out->mean + j + q)) * load(out->q + j + q)
                                     + load(out->r + j + q)));
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
    size_t height = NAME(tile_height)(TILE_LINE(c) * (slopes ? 2 : 1) + TILE_LINE(n));
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
        for (size_t j = 0; j < n; j += PANEL)
            NAME(panel_rows)(
                a, 1, a_line, inputs, held, d + j, d_line, first > 0, dw + j, n,
                n - j < PANEL ? 8 : PANEL);
        if (!packed) continue;
        const float *b = packed;
        for (size_t j = 0; j < c; j += PANEL) {
            size_t width = c - j < PANEL ? 8 : PANEL;
            float *target = dx + first * c + j;
            NAME(panel_rows)(
                d, d_line, 1, held, outputs, b, width, mode == FPNAS_ADD, target, c, width);
            if (slopes)
                NAME(add_slopes)(
                    target, c, slope + j, a_line, in->x + first * c + j, in->mean + j, held,
                    width / 8, sums + j, c);
            b += outputs * width;
        }
    }
}
