// Depthwise convolutions with what comes before and after them, included by body.h once per CPU
// variant.
//
// An image is cut into bands of rows and groups of channels small enough that a band's activated
// input, its slopes and its gradient stay in cache, between zeros where a window leaves the image.
// A strided convolution's input gradient is gathered: the pixels of one remainder modulo the
// stride meet the same taps.

INLINE void NAME(taps_row_of)(
    const float *x, ptrdiff_t row_step, ptrdiff_t column_step, size_t ny, size_t nx,
    const float *w, size_t w_row, size_t w_column, size_t step, int adds, float *y, size_t y_step,
    size_t pixels, size_t channels) {
#define CALL(f, count, vectors) f( \
    x + i * step + j, row_step, column_step, ny, nx, w + j, w_row, w_column, step, adds, \
    y + i * y_step + j, y_step, count, vectors)
#define ALL(f, vectors) do { \
    size_t i = 0; \
    for (; i + 4 <= pixels; i += 4) CALL(f, 4, vectors); \
    for (; i < pixels; i++) CALL(f, 1, vectors); \
} while (0)
    size_t j = 0;
    for (; j + 2 * WIDEST <= channels; j += 2 * WIDEST) ALL(WIDE(taps), 2);
    for (; j + WIDEST <= channels; j += WIDEST) ALL(WIDE(taps), 1);
    if (j < channels) ALL(NAME(taps8), 1);
#undef ALL
#undef CALL
}

INLINE void NAME(window_row_of)(
    const float *x, ptrdiff_t row_step, size_t step, int backward, size_t ny, size_t nx,
    const float *w, size_t w_row, size_t w_column, int adds, float *y, size_t y_step,
    size_t pixels, size_t channels) {
#define CALL(f, count) f( \
    x + i * step + j, row_step, step, backward, ny, nx, w + j, w_row, w_column, adds, \
    y + i * y_step + j, y_step, count)
#define ALL(f) do { \
    size_t i = 0; \
    for (; i + 4 <= pixels; i += 4) CALL(f, 4); \
    for (; i + 2 <= pixels; i += 2) CALL(f, 2); \
    for (; i < pixels; i++) CALL(f, 1); \
} while (0)
    size_t j = 0;
    for (; j + WIDEST <= channels; j += WIDEST) ALL(WIDE(window_taps));
    if (j < channels) ALL(NAME(window_taps8));
#undef ALL
#undef CALL
}

// A row of outputs, `step` floats of input apart.
static void NAME(taps_row)(
    const float *x, ptrdiff_t row_step, ptrdiff_t column_step, size_t ny, size_t nx,
    const float *w, size_t w_row, size_t w_column, size_t step, int adds, float *y, size_t y_step,
    size_t pixels, size_t channels) {
#define GENERAL(n) NAME(taps_row_of)( \
    x, row_step, column_step, ny, n, w, w_row, w_column, step, adds, y, y_step, pixels, channels)
#define WINDOW(n, backward) NAME(window_row_of)( \
    x, row_step, step, backward, ny, n, w, w_row, w_column, adds, y, y_step, pixels, channels)
#define CALL(n) case n: \
    if (column_step > 0) WINDOW(n, 0); \
    else WINDOW(n, 1); \
    return
    if (column_step == (ptrdiff_t)step || column_step == -(ptrdiff_t)step) {
        switch (nx) {
        CALL(1);
        CALL(2);
        CALL(3);
        CALL(4);
        CALL(5);
        CALL(7);
        }
    }
    switch (nx) {
    case 3: GENERAL(3); break;
    case 5: GENERAL(5); break;
    case 7: GENERAL(7); break;
    default: GENERAL(nx);
    }
#undef CALL
#undef WINDOW
#undef GENERAL
}

// Zeros for some vectors: so few that a call of memset, for which the compiler would take a loop whose
// value it knows, is the longer.
INLINE void NAME(clear)(float *x, size_t count) {
    uint32_t bits = 0;
    float zero;
    __asm__("" : "+r"(bits));
    memcpy(&zero, &bits, sizeof zero);
    for (size_t i = 0; i < count; i += 8) store(x + i, (v8)zero);
}

// Rows [top, top + rows) of an image's channels, act(scale · x + shift), with `left` columns of
// zeros before and as many after as fill `width`.
INLINE void NAME(fill_of)(
    const fpnas_priv_source *in, const float *image, size_t j, size_t channels, ptrdiff_t top,
    size_t rows, size_t height, size_t in_width, size_t left, size_t width, int activation,
    int scales, int slopes, float *value, float *slope) {
    size_t line = width * channels;
    for (size_t r = 0; r < rows; r++, top++, value += line, slope += slopes ? line : 0) {
        if (top < 0 || (size_t)top >= height) {
            memset(value, 0, line * sizeof(float));
            continue;
        }
        NAME(clear)(value, left * channels);
        size_t end = left + in_width;
        NAME(clear)(value + end * channels, (width - end) * channels);
        const float *x = image + (size_t)top * in_width * in->line + j;
        for (size_t i = left; i < end; i++, x += in->line)
            EACH_VECTOR(
                q, channels, read,
                (in, x + q, j + q, scales, activation, NULL, slopes, value + i * channels + q,
                 slope + i * channels + q));
    }
}

static void NAME(fill)(
    const fpnas_priv_source *in, const float *image, size_t j, size_t channels, ptrdiff_t top,
    size_t rows, size_t height, size_t in_width, size_t left, size_t width, float *value,
    float *slope) {
#define CALL(act) \
    if (slope) NAME(fill_of)(in, image, j, channels, top, rows, height, in_width, left, width, \
                             act, 1, 1, value, slope); \
    else NAME(fill_of)(in, image, j, channels, top, rows, height, in_width, left, width, act, 1, \
                       0, value, value)
    if (in->scale) {
        FOR_ACTIVATION(in->activation, CALL)
    } else {
        NAME(fill_of)(in, image, j, channels, top, rows, height, in_width, left, width,
                      FPNAS_LINEAR, 0, 0, value, value);
    }
#undef CALL
}

static void NAME(depthwise_forward)(
    const fpnas_priv_source *in, const fpnas_priv_depthwise *s, size_t images, const float *w,
    size_t ld, float *y, float *moments, float *scratch) {
    size_t c = in->line;
    fpnas_priv_band band = fpnas_priv_depthwise_band(s, c, 1);
    for (size_t image = 0; image < images; image++, y += s->out_height * s->out_width * c) {
        const float *x = in->x + image * s->height * s->width * c;
        for (size_t j = 0; j < c; j += band.channels) {
            size_t channels = c - j < band.channels ? c - j : band.channels;
            size_t line = band.width * channels;
            for (size_t first = 0; first < s->out_height; first += band.rows) {
                size_t rows = s->out_height - first < band.rows ? s->out_height - first : band.rows;
                NAME(fill)(
                    in, x, j, channels, (ptrdiff_t)(first * s->stride) - (ptrdiff_t)s->padding,
                    (rows - 1) * s->stride + s->k, s->height, s->width, s->padding, band.width,
                    scratch, NULL);
                float *target = y + first * s->out_width * c + j;
                for (size_t r = 0; r < rows; r++)
                    NAME(taps_row)(
                        scratch + r * s->stride * line, (ptrdiff_t)line, (ptrdiff_t)channels, s->k,
                        s->k, w + j, s->k * ld, ld, s->stride * channels, 0,
                        target + r * s->out_width * c, c, s->out_width, channels);
                if (moments)
                    EACH_VECTOR(
                        v, channels, add_moments,
                        (target + v, c, rows * s->out_width, image == 0 && first == 0,
                         moments + j + v, c));
            }
        }
    }
}

// The gradient rows [top, top + rows) of an image's channels between zeros.
static void NAME(fill_gradient)(
    const fpnas_priv_gradient *out, size_t image, size_t j, size_t channels, ptrdiff_t top,
    size_t rows, const fpnas_priv_depthwise *s, size_t left, size_t width, float *target) {
    size_t line = width * channels, c = out->line;
    for (size_t r = 0; r < rows; r++, top++, target += line) {
        if (top < 0 || (size_t)top >= s->out_height) {
            memset(target, 0, line * sizeof(float));
            continue;
        }
        NAME(clear)(target, left * channels);
        size_t end = left + s->out_width;
        NAME(clear)(target + end * channels, (width - end) * channels);
        size_t at = (image * s->out_height + (size_t)top) * s->out_width * c + j;
        NAME(norm_rows)(out, at, j, s->out_width, channels, target + left * channels, channels);
    }
}

// The gradient of input row iy; `d` is the last gradient row that it meets, whose first column is
// that of the first window.
static void NAME(input_row)(
    const fpnas_priv_depthwise *s, size_t iy, const float *d, size_t d_line, size_t channels,
    const float *w, size_t ld, int adds, float *dx, size_t c) {
    size_t k = s->k, stride = s->stride, ky = (iy + s->padding) % stride;
    for (size_t px = 0; px < stride && px < s->width; px++) {
        size_t kx = (px + s->padding) % stride;
        NAME(taps_row)(
            d + (px + s->padding) / stride * channels, -(ptrdiff_t)d_line, -(ptrdiff_t)channels,
            ky < k ? (k - ky - 1) / stride + 1 : 0, kx < k ? (k - kx - 1) / stride + 1 : 0,
            w + (ky * k + kx) * ld, stride * k * ld, stride * ld, channels, adds, dx + px * c,
            stride * c, (s->width - px - 1) / stride + 1, channels);
    }
}

static void NAME(depthwise_gradient)(
    const fpnas_priv_gradient *out, const fpnas_priv_source *in, const fpnas_priv_depthwise *s,
    size_t images, const float *w, size_t ld, float *dx, fpnas_priv_mode mode, float *sums,
    float *dw, float *scratch) {
    size_t c = in->line, k = s->k, stride = s->stride;
    int slopes = dx && mode == FPNAS_THROUGH_ACTIVATION;
    fpnas_priv_band band = fpnas_priv_depthwise_band(s, c, slopes ? 3 : 2);
    // Rows and columns of the gradient before the first that an input pixel meets.
    size_t before = (k - 1 - s->padding) / stride;
    memset(dw, 0, k * k * c * sizeof(float));
    if (slopes) memset(sums, 0, 2 * c * sizeof(float));
    for (size_t image = 0; image < images; image++) {
        const float *x = in->x + image * s->height * s->width * c;
        float *dx_image = dx ? dx + image * s->height * s->width * c : NULL;
        for (size_t j = 0; j < c; j += band.channels) {
            size_t channels = c - j < band.channels ? c - j : band.channels;
            size_t line = band.width * channels, d_line = band.gradient_width * channels;
            float *value = scratch, *slope = value + band.in_rows * line;
            float *gradient = slope + (slopes ? band.in_rows * line : 0);
            for (size_t first = 0; first < s->out_height; first += band.rows) {
                size_t rows = s->out_height - first < band.rows ? s->out_height - first : band.rows;
                size_t top = first * stride, end = first + rows < s->out_height
                                                       ? (first + rows) * stride : s->height;
                size_t in_rows = (rows - 1) * stride + k;
                if (in_rows < end - top + s->padding) in_rows = end - top + s->padding;
                NAME(fill)(
                    in, x, j, channels, (ptrdiff_t)top - (ptrdiff_t)s->padding, in_rows, s->height,
                    s->width, s->padding, band.width, value, slopes ? slope : NULL);
                size_t d_rows = (end - 1 - top + s->padding) / stride + 1;
                if (d_rows < rows) d_rows = rows;
                NAME(fill_gradient)(
                    out, image, j, channels, (ptrdiff_t)first - (ptrdiff_t)before, before + d_rows,
                    s, before, band.gradient_width, gradient);
                const float *d = gradient + before * d_line + before * channels;
                EACH_VECTOR(
                    v, channels, all_tap_sums,
                    (value + v, line, d + v, d_line, s, channels, rows, dw + j + v, c));
                if (!dx) continue;
                for (size_t iy = top; iy < end; iy++) {
                    float *target = dx_image + iy * s->width * c + j;
                    NAME(input_row)(
                        s, iy, d + (iy + s->padding) / stride * d_line - first * d_line, d_line,
                        channels, w + j, ld, mode == FPNAS_ADD, target, c);
                    if (slopes)
                        EACH_VECTOR(
                            v, channels, add_slopes,
                            (target + v, c,
                             slope + (iy - top + s->padding) * line + s->padding * channels + v,
                             channels, x + iy * s->width * c + j + v, in->mean + j + v, s->width,
                             sums + j + v, c));
                }
            }
        }
    }
}
