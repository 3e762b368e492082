// The kernels themselves; kernels.c includes this once per CPU variant with NAME(x) set.
//
// Everything is written on eight lanes (what takes most of the time, on as many as there are) with
// a + b * c, which the compiler may fuse where the CPU can. Channels are whole vectors of eight.

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

#define LANES 8
#include "lanes.h"
#undef LANES
#if WIDEST == 16
#define LANES 16
#include "lanes.h"
#undef LANES
#define WIDE(x) NAME(x##16)
#else
#define WIDE(x) NAME(x##8)
#endif

#define v8 NAME(v8)
#define load NAME(load8)
#define store NAME(store8)

// Calls f of the most lanes for the vectors of [0, count), and of eight for what is left.
#define EACH_VECTOR(at, count, f, arguments) do { \
    size_t at = 0; \
    for (; at + WIDEST <= (count); at += WIDEST) WIDE(f) arguments; \
    for (; at < (count); at += 8) NAME(f##8) arguments; \
} while (0)

// Makes one copy of a body for every activation, so that the choice is outside the loops.
#define FOR_ACTIVATION(activation, call) \
    switch (activation) { \
    case FPNAS_RELU: call(FPNAS_RELU); break; \
    case FPNAS_SWISH: call(FPNAS_SWISH); break; \
    case FPNAS_RELU6: call(FPNAS_RELU6); break; \
    case FPNAS_HSWISH: call(FPNAS_HSWISH); break; \
    default: call(FPNAS_LINEAR); break; \
    }

// MARK: Rows

static void NAME(moments)(const float *x, size_t rows, size_t c, float *out) {
    for (size_t j = 0; j < c; j += 8) {
        const float *p = x + j;
        v8 shift = load(p);
        v8 s0 = 0, s1 = 0, s2 = 0, s3 = 0, q0 = 0, q1 = 0, q2 = 0, q3 = 0;
        size_t r = 0;
        for (; r + 4 <= rows; r += 4, p += 4 * c) {
            v8 d0 = load(p) - shift, d1 = load(p + c) - shift;
            v8 d2 = load(p + 2 * c) - shift, d3 = load(p + 3 * c) - shift;
            s0 += d0; s1 += d1; s2 += d2; s3 += d3;
            q0 += d0 * d0; q1 += d1 * d1; q2 += d2 * d2; q3 += d3 * d3;
        }
        for (; r < rows; r++, p += c) {
            v8 d = load(p) - shift;
            s0 += d;
            q0 += d * d;
        }
        store(out + j, shift);
        store(out + c + j, (s0 + s1) + (s2 + s3));
        store(out + 2 * c + j, (q0 + q1) + (q2 + q3));
    }
}

INLINE void NAME(affine_rows)(
    const float *x, const float *scale, const float *shift, const float *residual, int activation,
    size_t rows, size_t c, float *y) {
    for (size_t r = 0; r < rows; r++, x += c, y += c) {
        if (residual) {
            for (size_t j = 0; j < c; j += 8)
                store(y + j, NAME(act8)(load(x + j) * load(scale + j) + load(shift + j), activation)
                                 + load(residual + j));
            residual += c;
        } else {
            for (size_t j = 0; j < c; j += 8)
                store(y + j, NAME(act8)(load(x + j) * load(scale + j) + load(shift + j), activation));
        }
    }
}

static void NAME(affine)(
    const float *x, const float *scale, const float *shift, const float *residual, int activation,
    size_t rows, size_t c, float *y) {
#define CALL(act) NAME(affine_rows)(x, scale, shift, residual, act, rows, c, y)
    FOR_ACTIVATION(activation, CALL)
#undef CALL
}

static void NAME(pad)(
    const float *x, const float *scale, const float *shift, int activation, size_t height,
    size_t width, size_t border, size_t c, float *y) {
    size_t line = (width + 2 * border) * c;
    memset(y, 0, border * line * sizeof(float));
    memset(y + (height + border) * line, 0, border * line * sizeof(float));
    for (size_t row = 0; row < height; row++) {
        float *target = y + (row + border) * line;
        memset(target, 0, border * c * sizeof(float));
        memset(target + (width + border) * c, 0, border * c * sizeof(float));
        const float *source = x + row * width * c;
        if (scale)
            NAME(affine)(source, scale, shift, NULL, activation, width, c, target + border * c);
        else
            memcpy(target + border * c, source, width * c * sizeof(float));
    }
}

INLINE void NAME(activation_gradient_rows)(
    const float *dy, size_t line, const float *gate, const float *offset, const float *x,
    const float *scale, const float *shift, const float *mean, int activation, size_t height,
    size_t width, size_t c, float *dz, float *sums) {
    for (size_t j = 0; j < c; j += 8) {
        v8 a = load(scale + j), b = load(shift + j), m = load(mean + j);
        v8 g = gate ? load(gate + j) : (v8)1.0f, o = offset ? load(offset + j) : (v8)0.0f;
        v8 sum = 0, product = 0;
        for (size_t row = 0; row < height; row++) {
            const float *d = dy + row * line + j;
            const float *source = x + row * width * c + j;
            float *target = dz + row * width * c + j;
            for (size_t i = 0; i < width; i++, d += c, source += c, target += c) {
                v8 value = load(source);
                v8 z = value * a + b;
                v8 gradient = (load(d) * g + o) * NAME(slope8)(z, activation);
                store(target, gradient);
                sum += gradient;
                product += gradient * (value - m);
            }
        }
        store(sums + j, load(sums + j) + sum);
        store(sums + c + j, load(sums + c + j) + product);
    }
}

static void NAME(activation_gradient)(
    const float *dy, size_t line, const float *gate, const float *offset, const float *x,
    const float *scale, const float *shift, const float *mean, int activation, size_t height,
    size_t width, size_t c, float *dz, float *sums) {
#define CALL(act) NAME(activation_gradient_rows)( \
    dy, line, gate, offset, x, scale, shift, mean, act, height, width, c, dz, sums)
    FOR_ACTIVATION(activation, CALL)
#undef CALL
}

static void NAME(norm_gradient)(
    const float *dz, const float *x, const float *mean, const float *p, const float *q,
    const float *r, size_t rows, size_t c, float *dx) {
    for (size_t row = 0; row < rows; row++, dz += c, x += c, dx += c)
        for (size_t j = 0; j < c; j += 8)
            store(dx + j, load(dz + j) * load(p + j)
                              + ((load(x + j) - load(mean + j)) * load(q + j) + load(r + j)));
}

// MARK: Depthwise convolution

// Up to four neighbouring output pixels of eight channels at a time share each weight.
INLINE void NAME(depthwise_pixels)(
    const float *x, size_t line, const float *w, size_t ld, size_t k, int flip,
    size_t step, size_t c, float *y, size_t pixels) {
    v8 s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (size_t ky = 0; ky < k; ky++) {
        const float *row = x + ky * line;
        for (size_t kx = 0; kx < k; kx++, row += c) {
            size_t tap = ky * k + kx;
            v8 weight = load(w + (flip ? k * k - 1 - tap : tap) * ld);
            s0 += load(row) * weight;
            if (pixels == 4) {
                s1 += load(row + step) * weight;
                s2 += load(row + 2 * step) * weight;
                s3 += load(row + 3 * step) * weight;
            }
        }
    }
    store(y, s0);
    if (pixels == 4) {
        store(y + c, s1);
        store(y + 2 * c, s2);
        store(y + 3 * c, s3);
    }
}

INLINE void NAME(depthwise_image)(
    const float *x, size_t line, const float *w, size_t ld, size_t k, int flip,
    size_t stride, size_t height, size_t width, size_t c, float *y) {
    size_t step = stride * c;
    for (size_t oy = 0; oy < height; oy++) {
        for (size_t j = 0; j < c; j += 8) {
            const float *source = x + oy * stride * line + j;
            float *target = y + oy * width * c + j;
            size_t ox = 0;
            for (; ox + 4 <= width; ox += 4)
                NAME(depthwise_pixels)(
                    source + ox * step, line, w + j, ld, k, flip, step, c, target + ox * c, 4);
            for (; ox < width; ox++)
                NAME(depthwise_pixels)(
                    source + ox * step, line, w + j, ld, k, flip, step, c, target + ox * c, 1);
        }
    }
}

static void NAME(depthwise)(
    const float *x, size_t line, const float *w, size_t ld, size_t k, int flip,
    size_t stride, size_t height, size_t width, size_t c, float *y) {
#define CALL(kk, ff) NAME(depthwise_image)( \
    x, line, w, ld, kk, ff, stride, height, width, c, y)
    if (k == 3 && flip) CALL(3, 1);
    else if (k == 3) CALL(3, 0);
    else if (k == 5 && flip) CALL(5, 1);
    else if (k == 5) CALL(5, 0);
    else CALL(k, flip);
#undef CALL
}

static void NAME(depthwise_scatter)(
    const float *dy, size_t dline, const float *w, size_t ld, size_t k, size_t stride,
    size_t height, size_t width, size_t c, float *dx, size_t line) {
    for (size_t oy = 0; oy < height; oy++)
        for (size_t ox = 0; ox < width; ox++)
            for (size_t ky = 0; ky < k; ky++)
                for (size_t kx = 0; kx < k; kx++) {
                    const float *weight = w + (ky * k + kx) * ld;
                    const float *d = dy + oy * dline + ox * c;
                    float *target = dx + (oy * stride + ky) * line + (ox * stride + kx) * c;
                    for (size_t j = 0; j < c; j += 8)
                        store(target + j, load(target + j) + load(d + j) * load(weight + j));
                }
}

// One row of taps at a time, so that its sums stay in registers.
INLINE void NAME(depthwise_weights_image)(
    const float *x, size_t line, const float *dy, size_t dline, size_t k, size_t stride,
    size_t height, size_t width, size_t c, float *dw) {
    size_t step = stride * c;
    for (size_t j = 0; j < c; j += 8)
        for (size_t ky = 0; ky < k; ky++)
            for (size_t first = 0; first < k; first += 5) {
                size_t taps = k - first < 5 ? k - first : 5;
                v8 s[5] = {0, 0, 0, 0, 0};
                for (size_t oy = 0; oy < height; oy++) {
                    const float *d = dy + oy * dline + j;
                    const float *source = x + (oy * stride + ky) * line + first * c + j;
                    for (size_t ox = 0; ox < width; ox++, d += c, source += step) {
                        v8 gradient = load(d);
                        for (size_t t = 0; t < taps; t++) s[t] += load(source + t * c) * gradient;
                    }
                }
                for (size_t t = 0; t < taps; t++) {
                    float *target = dw + (ky * k + first + t) * c + j;
                    store(target, load(target) + s[t]);
                }
            }
}

static void NAME(depthwise_weights)(
    const float *x, size_t line, const float *dy, size_t dline, size_t k, size_t stride,
    size_t height, size_t width, size_t c, float *dw) {
#define CALL(kk) NAME(depthwise_weights_image)(x, line, dy, dline, kk, stride, height, width, c, dw)
    if (k == 3) CALL(3);
    else if (k == 5) CALL(5);
    else CALL(k);
#undef CALL
}

// MARK: Squeeze-and-excitation, pooling, biases

static void NAME(column_sums)(const float *x, size_t rows, size_t c, float *y) {
    for (size_t j = 0; j < c; j += 8) {
        v8 s = 0;
        for (size_t r = 0; r < rows; r++) s += load(x + r * c + j);
        store(y + j, s);
    }
}

static void NAME(pool)(const float *x, size_t pixels, size_t c, float *y) {
    NAME(column_sums)(x, pixels, c, y);
    float f = 1.0f / (float)pixels;
    for (size_t j = 0; j < c; j += 8) store(y + j, load(y + j) * f);
}

static void NAME(pixel_product)(
    const float *x, const float *dy, size_t pixels, size_t c, float *y) {
    for (size_t j = 0; j < c; j += 8) {
        v8 s = 0;
        for (size_t i = 0; i < pixels; i++) s += load(x + i * c + j) * load(dy + i * c + j);
        store(y + j, s);
    }
}

static void NAME(gate)(float *x, const float *g, size_t pixels, size_t c) {
    for (size_t i = 0; i < pixels; i++, x += c)
        for (size_t j = 0; j < c; j += 8) store(x + j, load(x + j) * load(g + j));
}

static void NAME(spread)(const float *row, float f, size_t pixels, size_t c, float *y) {
    for (size_t i = 0; i < pixels; i++, y += c)
        for (size_t j = 0; j < c; j += 8) store(y + j, load(row + j) * f);
}

static void NAME(bias)(float *x, const float *b, size_t rows, size_t c) {
    for (size_t r = 0; r < rows; r++, x += c)
        for (size_t j = 0; j < c; j += 8) store(x + j, load(x + j) + load(b + j));
}

static void NAME(bias_relu)(float *x, const float *b, size_t rows, size_t c) {
    for (size_t r = 0; r < rows; r++, x += c)
        for (size_t j = 0; j < c; j += 8)
            store(x + j, NAME(act8)(load(x + j) + load(b + j), FPNAS_RELU));
}

static void NAME(bias_sigmoid)(float *x, const float *b, size_t rows, size_t c) {
    for (size_t r = 0; r < rows; r++, x += c)
        for (size_t j = 0; j < c; j += 8)
            store(x + j, NAME(sigmoid8)(load(x + j) + load(b + j)));
}

static void NAME(sigmoid_gradient)(float *dy, const float *y, size_t count) {
    for (size_t i = 0; i < count; i++) dy[i] *= y[i] * (1.0f - y[i]);
}

static void NAME(relu_gradient)(float *dy, const float *y, size_t count) {
    for (size_t i = 0; i < count; i++) dy[i] = y[i] > 0.0f ? dy[i] : 0.0f;
}

// MARK: Parameters

static void NAME(scale)(float *x, float f, size_t count) {
    for (size_t i = 0; i < count; i++) x[i] *= f;
}

static void NAME(add)(const float *x, size_t count, float *y) {
    for (size_t i = 0; i < count; i++) y[i] += x[i];
}

static void NAME(reduce)(
    const float *parts, size_t step, size_t part_count, size_t rows, size_t columns,
    size_t part_line, float f, float *target, size_t target_line) {
    for (size_t r = 0; r < rows; r++, parts += part_line, target += target_line) {
        size_t j = 0;
        for (; j + 8 <= columns; j += 8) {
            v8 s = 0;
            for (size_t p = 0; p < part_count; p++) s += load(parts + p * step + j);
            store(target + j, load(target + j) + s * f);
        }
        for (; j < columns; j++) {
            float s = 0;
            for (size_t p = 0; p < part_count; p++) s += parts[p * step + j];
            target[j] = target[j] + s * f;
        }
    }
}

static void NAME(descend)(
    float *w, float *v, const float *g, size_t count, float f, float rate, float momentum,
    float decay) {
    for (size_t i = 0; i < count; i++) {
        float velocity = momentum * v[i] + (f * g[i] + decay * w[i]);
        v[i] = velocity;
        w[i] -= rate * velocity;
    }
}

static double NAME(square_sum)(const float *x, size_t count) {
    double lanes[8] = {0};
    size_t i = 0;
    for (; i + 8 <= count; i += 8)
        for (size_t j = 0; j < 8; j++) lanes[j] += (double)x[i + j] * (double)x[i + j];
    for (; i < count; i++) lanes[0] += (double)x[i] * (double)x[i];
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3]))
           + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

// MARK: Loss

static void NAME(exponential)(const float *x, size_t count, float *y) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) store(y + i, NAME(exp8)(load(x + i)));
    for (; i < count; i++) y[i] = NAME(exp8)((v8)x[i])[0];
}

static size_t NAME(softmax)(
    const float *logits, const int32_t *labels, size_t rows, size_t classes, size_t c,
    float smoothing, float f, double *margin, double *total, float *gradient) {
    size_t correct = 0;
    for (size_t r = 0; r < rows; r++) {
        const float *row = logits + r * c;
        size_t best = 0;
        for (size_t j = 1; j < classes; j++)
            if (row[j] > row[best]) best = j;
        float largest = row[best];
        size_t label = (size_t)labels[r];
        double sum = 0;
        for (size_t j = 0; j < classes; j += 8) {
            v8 e = NAME(exp8)(load(row + j) - largest);
            for (size_t lane = 0; lane < 8 && j + lane < classes; lane++) sum += (double)e[lane];
            if (gradient) store(gradient + r * c + j, e);
        }
        // Not NaN where a logit is: the maximum above ignores NaN, the sum must not.
        for (size_t j = 0; j < classes; j++)
            if (!(row[j] - row[j] == 0.0f)) sum = (double)(row[j] - row[j]);
        margin[r] = (double)(row[label] - largest);
        total[r] = sum;
        if (best == label) correct++;
        if (!gradient) continue;
        float *d = gradient + r * c;
        float norm = (float)(1.0 / sum) * f;
        float even = f * smoothing / (float)classes;
        for (size_t j = 0; j < classes; j++) d[j] = d[j] * norm - even;
        d[label] -= f * (1.0f - smoothing);
    }
    return correct;
}

#include "product.h"
#include "depthwise.h"
#include "general.h"

#include "table.h"

#undef v8
#undef load
#undef store
#undef INLINE
#undef UNROLL
#undef WIDE
#undef EACH_VECTOR
#undef FOR_ACTIVATION
#undef HEIGHT_LINE
#undef TILE_LINE
