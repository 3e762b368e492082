// Kernels of the rarer operators; body.h includes this once per CPU variant.

// MARK: Dilated depthwise convolution

static void NAME(dilated)(
    const float *x, size_t line, const float *w, size_t ld, size_t k, int flip, size_t stride,
    size_t dilation, size_t height, size_t width, size_t c, float *y) {
    for (size_t oy = 0; oy < height; oy++)
        for (size_t ox = 0; ox < width; ox++, y += c) {
            const float *source = x + oy * stride * line + ox * stride * c;
            for (size_t j = 0; j < c; j += 8) {
                v8 s = 0;
                for (size_t tap = 0; tap < k * k; tap++) {
                    size_t at = tap / k * dilation * line + tap % k * dilation * c;
                    s += load(source + at + j) * load(w + (flip ? k * k - 1 - tap : tap) * ld + j);
                }
                store(y + j, s);
            }
        }
}

static void NAME(dilated_scatter)(
    const float *dy, size_t dline, const float *w, size_t ld, size_t k, size_t stride,
    size_t dilation, size_t height, size_t width, size_t c, float *dx, size_t line) {
    for (size_t oy = 0; oy < height; oy++)
        for (size_t ox = 0; ox < width; ox++) {
            const float *d = dy + oy * dline + ox * c;
            float *first = dx + oy * stride * line + ox * stride * c;
            for (size_t tap = 0; tap < k * k; tap++) {
                float *target = first + tap / k * dilation * line + tap % k * dilation * c;
                const float *weight = w + tap * ld;
                for (size_t j = 0; j < c; j += 8)
                    store(target + j, load(target + j) + load(d + j) * load(weight + j));
            }
        }
}

static void NAME(dilated_weights)(
    const float *x, size_t line, const float *dy, size_t dline, size_t k, size_t stride,
    size_t dilation, size_t height, size_t width, size_t c, float *dw) {
    for (size_t j = 0; j < c; j += 8)
        for (size_t tap = 0; tap < k * k; tap++) {
            v8 s = 0;
            const float *first = x + tap / k * dilation * line + tap % k * dilation * c + j;
            for (size_t oy = 0; oy < height; oy++) {
                const float *source = first + oy * stride * line;
                const float *d = dy + oy * dline + j;
                for (size_t ox = 0; ox < width; ox++)
                    s += load(source + ox * stride * c) * load(d + ox * c);
            }
            float *target = dw + tap * c + j;
            store(target, load(target) + s);
        }
}

// MARK: Sums

static void NAME(norm_sums)(
    const float *dz, const float *x, const float *mean, size_t rows, size_t c, float *sums) {
    for (size_t j = 0; j < c; j += 8) {
        v8 m = load(mean + j), sum = 0, product = 0;
        for (size_t r = 0; r < rows; r++) {
            v8 gradient = load(dz + r * c + j);
            sum += gradient;
            product += gradient * (load(x + r * c + j) - m);
        }
        store(sums + j, load(sums + j) + sum);
        store(sums + c + j, load(sums + c + j) + product);
    }
}

// MARK: Pools

// The part of a window that lies in the image.
INLINE size_t NAME(window_start)(size_t o, size_t stride, size_t padding) {
    return o * stride > padding ? o * stride - padding : 0;
}

INLINE size_t NAME(window_end)(size_t o, size_t stride, size_t padding, size_t k, size_t size) {
    size_t end = o * stride + k > padding ? o * stride + k - padding : 0;
    return end < size ? end : size;
}

static void NAME(window_pool)(
    const float *x, size_t height, size_t width, int is_maximum, size_t k, size_t stride,
    size_t padding, size_t out_height, size_t out_width, size_t c, float *y) {
    for (size_t oy = 0; oy < out_height; oy++)
        for (size_t ox = 0; ox < out_width; ox++, y += c) {
            size_t y0 = NAME(window_start)(oy, stride, padding);
            size_t y1 = NAME(window_end)(oy, stride, padding, k, height);
            size_t x0 = NAME(window_start)(ox, stride, padding);
            size_t x1 = NAME(window_end)(ox, stride, padding, k, width);
            if (y1 <= y0 || x1 <= x0) {
                memset(y, 0, c * sizeof(float));
                continue;
            }
            float share = 1.0f / (float)((y1 - y0) * (x1 - x0));
            for (size_t j = 0; j < c; j += 8) {
                v8 s = is_maximum ? load(x + (y0 * width + x0) * c + j) : (v8)0.0f;
                for (size_t iy = y0; iy < y1; iy++)
                    for (size_t ix = x0; ix < x1; ix++) {
                        v8 value = load(x + (iy * width + ix) * c + j);
                        if (is_maximum) s = ((value > s) | (value != value)) ? value : s;  // keeps NaN
                        else s += value;
                    }
                store(y + j, is_maximum ? s : s * share);
            }
        }
}

static void NAME(window_pool_gradient)(
    const float *x, const float *dy, size_t height, size_t width, int is_maximum, size_t k,
    size_t stride, size_t padding, size_t out_height, size_t out_width, size_t c, float *dx) {
    for (size_t oy = 0; oy < out_height; oy++)
        for (size_t ox = 0; ox < out_width; ox++, dy += c) {
            size_t y0 = NAME(window_start)(oy, stride, padding);
            size_t y1 = NAME(window_end)(oy, stride, padding, k, height);
            size_t x0 = NAME(window_start)(ox, stride, padding);
            size_t x1 = NAME(window_end)(ox, stride, padding, k, width);
            if (y1 <= y0 || x1 <= x0) continue;
            float share = 1.0f / (float)((y1 - y0) * (x1 - x0));
            for (size_t j = 0; j < c; j += 8) {
                v8 d = load(dy + j);
                if (!is_maximum) {
                    for (size_t iy = y0; iy < y1; iy++)
                        for (size_t ix = x0; ix < x1; ix++) {
                            float *target = dx + (iy * width + ix) * c + j;
                            store(target, load(target) + d * share);
                        }
                    continue;
                }
                for (size_t lane = 0; lane < 8; lane++) {
                    size_t best = (y0 * width + x0) * c + j + lane;
                    for (size_t iy = y0; iy < y1; iy++)
                        for (size_t ix = x0; ix < x1; ix++) {
                            size_t at = (iy * width + ix) * c + j + lane;
                            if (x[at] > x[best]) best = at;
                        }
                    dx[best] += d[lane];
                }
            }
        }
}

// MARK: Optimisers

static void NAME(descend_rms)(
    float *w, float *v, float *s, const float *g, size_t count, float f, float rate,
    float momentum, float decay, float second, float epsilon) {
    for (size_t i = 0; i < count; i++) {
        float gradient = f * g[i] + decay * w[i];
        s[i] = second * s[i] + (1.0f - second) * (gradient * gradient);
        v[i] = momentum * v[i] + gradient / (sqrtf(s[i]) + epsilon);
        w[i] -= rate * v[i];
    }
}

static void NAME(descend_adam)(
    float *w, float *v, float *s, const float *g, size_t count, float f, float rate,
    float momentum, float decay, float second, float epsilon, float first_scale,
    float second_scale) {
    for (size_t i = 0; i < count; i++) {
        float gradient = f * g[i];
        v[i] = momentum * v[i] + (1.0f - momentum) * gradient;
        s[i] = second * s[i] + (1.0f - second) * (gradient * gradient);
        float step = v[i] * first_scale / (sqrtf(s[i] * second_scale) + epsilon);
        w[i] -= rate * (step + decay * w[i]);
    }
}

static void NAME(approach)(float *a, const float *w, size_t count, float share) {
    for (size_t i = 0; i < count; i++) a[i] += share * (w[i] - a[i]);
}

// MARK: Attention

static void NAME(gate_add)(const float *x, const float *g, size_t pixels, size_t c, float *y) {
    for (size_t i = 0; i < pixels; i++, x += c, y += c)
        for (size_t j = 0; j < c; j += 8) store(y + j, load(y + j) + load(x + j) * load(g + j));
}

// Softmax over r matrices of `count` floats, in whole vectors.
static void NAME(split_softmax)(float *x, size_t step, size_t r, size_t count) {
    for (size_t j = 0; j < count; j += 8) {
        v8 largest = load(x + j), sum = 0;
        for (size_t i = 1; i < r; i++) {
            v8 value = load(x + i * step + j);
            largest = value > largest ? value : largest;
        }
        for (size_t i = 0; i < r; i++) {
            v8 e = NAME(exp8)(load(x + i * step + j) - largest);
            store(x + i * step + j, e);
            sum += e;
        }
        for (size_t i = 0; i < r; i++) store(x + i * step + j, load(x + i * step + j) / sum);
    }
}

static void NAME(split_softmax_gradient)(
    float *dy, size_t dy_step, const float *y, size_t y_step, size_t r, size_t count) {
    for (size_t j = 0; j < count; j += 8) {
        v8 mean = 0;
        for (size_t i = 0; i < r; i++) mean += load(dy + i * dy_step + j) * load(y + i * y_step + j);
        for (size_t i = 0; i < r; i++)
            store(dy + i * dy_step + j,
                  load(y + i * y_step + j) * (load(dy + i * dy_step + j) - mean));
    }
}

static void NAME(matrix_product)(
    const float *a, size_t a_row, size_t a_step, size_t rows, size_t inner, const float *b,
    size_t b_line, size_t columns, int adds, float *y, size_t y_line) {
    for (size_t j = 0, width; j < columns; j += width) {
        width = NAME(panel_width)((columns - j + 7) / 8 * 8);
        NAME(panel_rows)(a, a_row, a_step, rows, inner, b + j, b_line, adds, y + j, y_line, width);
    }
}

// Sums of eight lanes each, whatever the variant.
INLINE void NAME(inner_products)(
    const float *a, size_t a_line, size_t rows, const float *b, size_t inner, float f, int adds,
    float *y, size_t y_line) {
    v8 s[4];
    UNROLL for (size_t r = 0; r < rows; r++) s[r] = 0;
    size_t k = 0;
    for (; k + 8 <= inner; k += 8) {
        v8 right = load(b + k);
        UNROLL for (size_t r = 0; r < rows; r++) s[r] += load(a + r * a_line + k) * right;
    }
    UNROLL for (size_t r = 0; r < rows; r++) {
        v8 t = s[r];
        float sum = ((t[0] + t[1]) + (t[2] + t[3])) + ((t[4] + t[5]) + (t[6] + t[7]));
        for (size_t i = k; i < inner; i++) sum += a[r * a_line + i] * b[i];
        y[r * y_line] = f * sum + (adds ? y[r * y_line] : 0.0f);
    }
}

static void NAME(transposed_product)(
    const float *a, size_t a_line, size_t rows, size_t inner, const float *b, size_t b_line,
    size_t columns, float f, int adds, float *y, size_t y_line) {
    for (size_t j = 0; j < columns; j++) {
        size_t r = 0;
#define CALL(count) NAME(inner_products)( \
    a + r * a_line, a_line, count, b + j * b_line, inner, f, adds, y + r * y_line + j, y_line)
        for (; r + 4 <= rows; r += 4) CALL(4);
        for (; r < rows; r++) CALL(1);
#undef CALL
    }
}

// MARK: Mixtures

static void NAME(mix)(
    const float *x, size_t x_line, const float *r, size_t channels, size_t rows, int adds,
    float *y, size_t y_line) {
    size_t whole = channels & ~(size_t)7;
    for (size_t i = 0; i < rows; i++, x += x_line, y += y_line) {
        if (!adds) memset(y, 0, y_line * sizeof(float));
        for (size_t j = 0; j < whole; j += 8)
            store(y + j, load(y + j) + load(x + j) * load(r + j));
        for (size_t j = whole; j < channels; j++) y[j] += x[j] * r[j];
    }
}

static void NAME(mix_gradient)(
    const float *dy, size_t y_line, const float *r, size_t channels, size_t rows, float *dx,
    size_t x_line) {
    size_t whole = channels & ~(size_t)7;
    for (size_t i = 0; i < rows; i++, dy += y_line, dx += x_line) {
        for (size_t j = 0; j < whole; j += 8) store(dx + j, load(dy + j) * load(r + j));
        for (size_t j = whole; j < channels; j++) dx[j] = dy[j] * r[j];
        for (size_t j = channels; j < x_line; j++) dx[j] = 0.0f;
    }
}

static void NAME(mix_products)(
    const float *x, size_t x_line, const float *dy, size_t y_line, size_t channels, size_t rows,
    float *sums) {
    size_t whole = channels & ~(size_t)7;
    for (size_t i = 0; i < rows; i++, x += x_line, dy += y_line) {
        for (size_t j = 0; j < whole; j += 8)
            store(sums + j, load(sums + j) + load(x + j) * load(dy + j));
        for (size_t j = whole; j < channels; j++) sums[j] += x[j] * dy[j];
    }
}

static void NAME(bias_hsigmoid)(float *x, const float *b, size_t rows, size_t c) {
    for (size_t r = 0; r < rows; r++, x += c)
        for (size_t j = 0; j < c; j += 8)
            store(x + j, NAME(clamp8)(load(x + j) + load(b + j) + 3.0f, 6.0f) * (1.0f / 6.0f));
}

static void NAME(hsigmoid_gradient)(float *dy, const float *y, size_t count) {
    for (size_t i = 0; i < count; i++)
        dy[i] = y[i] > 0.0f && y[i] < 1.0f ? dy[i] * (1.0f / 6.0f) : 0.0f;
}

INLINE void NAME(view_pool_image)(
    const float *x, const float *scale, const float *shift, int activation, size_t pixels, size_t c,
    float *y) {
    float f = 1.0f / (float)pixels;
    for (size_t j = 0; j < c; j += 8) {
        v8 a = load(scale + j), b = load(shift + j), s = 0;
        for (size_t i = 0; i < pixels; i++)
            s += NAME(act8)(load(x + i * c + j) * a + b, activation);
        store(y + j, s * f);
    }
}

static void NAME(view_pool)(
    const float *x, const float *scale, const float *shift, int activation, size_t pixels, size_t c,
    float *y) {
#define CALL(act) NAME(view_pool_image)(x, scale, shift, act, pixels, c, y)
    FOR_ACTIVATION(activation, CALL)
#undef CALL
}

INLINE void NAME(view_product_image)(
    const float *x, const float *scale, const float *shift, int activation, const float *dy,
    size_t pixels, size_t c, float *y) {
    for (size_t j = 0; j < c; j += 8) {
        v8 a = load(scale + j), b = load(shift + j), s = 0;
        for (size_t i = 0; i < pixels; i++)
            s += NAME(act8)(load(x + i * c + j) * a + b, activation) * load(dy + i * c + j);
        store(y + j, s);
    }
}

static void NAME(view_product)(
    const float *x, const float *scale, const float *shift, int activation, const float *dy,
    size_t pixels, size_t c, float *y) {
#define CALL(act) NAME(view_product_image)(x, scale, shift, act, dy, pixels, c, y)
    FOR_ACTIVATION(activation, CALL)
#undef CALL
}
