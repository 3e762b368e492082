// Pieces of the products and depthwise convolutions, for a vector or two of neighbouring channels;
// lanes.h includes this.

// MARK: Reading and normalising

// What a consumer reads of a vector of channels from j on, and act' where asked for.
INLINE void L(read)(
    const fpnas_priv_source *in, const float *x, size_t j, int scales, int activation,
    const float *gate, int slopes, float *value, float *slope) {
    vec z = load(x), y, d;
    if (scales) z = z * load(in->scale + j) + load(in->shift + j);
    L(both)(z, activation, slopes, &y, &d);
    store(value, gate ? y * load(gate) : y);
    if (slopes) store(slope, d);
}

// p·dz + q·(x − mean) + r.
INLINE void L(norm)(
    const fpnas_priv_gradient *out, const float *dz, const float *x, size_t j, float *target) {
    store(target, load(dz) * load(out->p + j)
                      + ((load(x) - load(out->mean + j)) * load(out->q + j) + load(out->r + j)));
}

// Adds rows to (shift, sum, square); the first rows of all give the shift.
INLINE void L(add_moments)(
    const float *x, size_t line, size_t rows, int is_first, float *out, size_t c) {
    if (is_first) {
        store(out, load(x));
        store(out + c, (vec)0.0f);
        store(out + 2 * c, (vec)0.0f);
    }
    vec shift = load(out), s0 = 0, s1 = 0, q0 = 0, q1 = 0;
    size_t r = 0;
    for (; r + 2 <= rows; r += 2, x += 2 * line) {
        vec d0 = load(x) - shift, d1 = load(x + line) - shift;
        s0 += d0; s1 += d1;
        q0 += d0 * d0; q1 += d1 * d1;
    }
    if (r < rows) {
        vec d = load(x) - shift;
        s0 += d;
        q0 += d * d;
    }
    store(out + c, load(out + c) + (s0 + s1));
    store(out + 2 * c, load(out + 2 * c) + (q0 + q1));
}

// dz *= slope, and adds to the sums of dz and dz · (x − mean).
INLINE void L(add_slopes)(
    float *dz, size_t line, const float *slope, size_t slope_line, const float *x,
    const float *mean, size_t rows, float *sums, size_t c) {
    vec m = load(mean), sum = 0, product = 0;
    for (size_t r = 0; r < rows; r++, dz += line, slope += slope_line, x += line) {
        vec gradient = load(dz) * load(slope);
        store(dz, gradient);
        sum += gradient;
        product += gradient * (load(x) - m);
    }
    store(sums, load(sums) + sum);
    store(sums + c, load(sums + c) + product);
}

// MARK: Products

// c[r] (+)= Σ_k a(r, k) · b[k] for one or two vectors. a(r, k) is a[r · a_row + k · a_step].
INLINE void L(tile)(
    const float *a, size_t a_row, size_t a_step, size_t inner, const float *b, size_t b_line,
    int adds, float *c, size_t c_line, size_t rows, size_t vectors) {
    vec s[TILE_ROWS][2];
    UNROLL for (size_t r = 0; r < rows; r++)
        UNROLL for (size_t v = 0; v < vectors; v++)
            s[r][v] = adds ? load(c + r * c_line + LANES * v) : (vec)0.0f;
    for (size_t k = 0; k < inner; k++, a += a_step, b += b_line) {
        vec right[2];
        UNROLL for (size_t v = 0; v < vectors; v++) right[v] = load(b + LANES * v);
        UNROLL for (size_t r = 0; r < rows; r++) {
            vec left = (vec)a[r * a_row];
            UNROLL for (size_t v = 0; v < vectors; v++) s[r][v] += left * right[v];
        }
    }
    UNROLL for (size_t r = 0; r < rows; r++)
        UNROLL for (size_t v = 0; v < vectors; v++) store(c + r * c_line + LANES * v, s[r][v]);
}

INLINE void L(tile_column)(
    const float *a, size_t a_row, size_t a_step, size_t rows, size_t inner, const float *b,
    size_t b_line, int adds, float *c, size_t c_line, size_t vectors) {
#define CALL(count) L(tile)( \
    a, a_row, a_step, inner, b, b_line, adds, c, c_line, count, vectors)
    for (; rows >= TILE_ROWS; rows -= TILE_ROWS, a += TILE_ROWS * a_row, c += TILE_ROWS * c_line)
        CALL(TILE_ROWS);
    switch (rows) {
#if TILE_ROWS > 6
    case 11: CALL(11); break;
    case 10: CALL(10); break;
    case 9: CALL(9); break;
    case 8: CALL(8); break;
    case 7: CALL(7); break;
    case 6: CALL(6); break;
#endif
#if TILE_ROWS > 4
    case 5: CALL(5); break;
    case 4: CALL(4); break;
#endif
    case 3: CALL(3); break;
    case 2: CALL(2); break;
    case 1: CALL(1); break;
    }
#undef CALL
}

// MARK: Depthwise convolutions

// y[i] (+)= Σ over ny × nx taps for neighbouring outputs; the steps may be negative.
INLINE void L(taps)(
    const float *x, ptrdiff_t row_step, ptrdiff_t column_step, size_t ny, size_t nx,
    const float *w, size_t w_row, size_t w_column, size_t step, int adds, float *y, size_t y_step,
    size_t pixels, size_t vectors) {
    vec s[4][2];
    UNROLL for (size_t i = 0; i < pixels; i++)
        UNROLL for (size_t v = 0; v < vectors; v++)
            s[i][v] = adds ? load(y + i * y_step + LANES * v) : (vec)0.0f;
    for (size_t ty = 0; ty < ny; ty++, x += row_step, w += w_row) {
        const float *source = x, *weight = w;
        for (size_t tx = 0; tx < nx; tx++, source += column_step, weight += w_column)
            UNROLL for (size_t v = 0; v < vectors; v++) {
                vec factor = load(weight + LANES * v);
                UNROLL for (size_t i = 0; i < pixels; i++)
                    s[i][v] += load(source + i * step + LANES * v) * factor;
            }
    }
    UNROLL for (size_t i = 0; i < pixels; i++)
        UNROLL for (size_t v = 0; v < vectors; v++) store(y + i * y_step + LANES * v, s[i][v]);
}

// The same for a vector where the next tap is where the next output begins (`backward`: the one before):
// each column of the input is read once for all of them.
INLINE void L(window_taps)(
    const float *x, ptrdiff_t row_step, size_t step, int backward, size_t ny, size_t nx,
    const float *w, size_t w_row, size_t w_column, int adds, float *y, size_t y_step,
    size_t pixels) {
    vec s[4];
    UNROLL for (size_t i = 0; i < pixels; i++) s[i] = adds ? load(y + i * y_step) : (vec)0.0f;
    if (backward) x -= (nx - 1) * step;
    for (size_t ty = 0; ty < ny; ty++, x += row_step, w += w_row) {
        vec column[10];
        UNROLL for (size_t i = 0; i < pixels + nx - 1; i++) column[i] = load(x + i * step);
        UNROLL for (size_t tx = 0; tx < nx; tx++) {
            vec factor = load(w + tx * w_column);
            UNROLL for (size_t i = 0; i < pixels; i++)
                s[i] += column[i + (backward ? nx - 1 - tx : tx)] * factor;
        }
    }
    UNROLL for (size_t i = 0; i < pixels; i++) store(y + i * y_step, s[i]);
}

// dw[ny × nx taps] += Σ over rows × pixels of x · d.
INLINE void L(tap_sums)(
    const float *x, size_t line, size_t step, size_t row_step, const float *d, size_t d_line,
    size_t channels, size_t rows, size_t pixels, float *dw, size_t dw_row, size_t dw_column,
    size_t ny, size_t nx) {
    vec s[3][7];
    UNROLL for (size_t ty = 0; ty < ny; ty++) UNROLL for (size_t tx = 0; tx < nx; tx++)
        s[ty][tx] = load(dw + ty * dw_row + tx * dw_column);
    for (size_t r = 0; r < rows; r++, x += row_step, d += d_line) {
        const float *source = x, *gradient = d;
        for (size_t i = 0; i < pixels; i++, source += step, gradient += channels) {
            vec g = load(gradient);
            UNROLL for (size_t ty = 0; ty < ny; ty++) UNROLL for (size_t tx = 0; tx < nx; tx++)
                s[ty][tx] += load(source + ty * line + tx * channels) * g;
        }
    }
    UNROLL for (size_t ty = 0; ty < ny; ty++) UNROLL for (size_t tx = 0; tx < nx; tx++)
        store(dw + ty * dw_row + tx * dw_column, s[ty][tx]);
}

// The same for all k × k taps, as many at a time as there are registers.
INLINE void L(all_tap_sums)(
    const float *x, size_t line, const float *d, size_t d_line, const fpnas_priv_depthwise *s,
    size_t channels, size_t rows, float *dw, size_t ld) {
#define CALL(y, ny, x0, nx) L(tap_sums)( \
    x + (y) * line + (x0) * channels, line, s->stride * channels, s->stride * line, d, d_line, \
    channels, rows, s->out_width, dw + ((y) * s->k + (x0)) * ld, s->k * ld, ld, ny, nx)
    if (s->k == 3) {
        CALL(0, 3, 0, 3);
    } else if (s->k == 5) {
        CALL(0, 2, 0, 5);
        CALL(2, 2, 0, 5);
        CALL(4, 1, 0, 5);
    } else if (s->k == 7) {
        for (size_t ty = 0; ty < 7; ty++) CALL(ty, 1, 0, 7);
    } else {
        for (size_t ty = 0; ty < s->k; ty++)
            for (size_t tx = 0; tx < s->k; tx++) CALL(ty, 1, tx, 1);
    }
#undef CALL
}
