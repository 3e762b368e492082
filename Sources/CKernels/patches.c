#include "ckernels.h"

#include <math.h>
#include <string.h>

// A pixel of a patch, from zeros where there is none. Of an image it is three floats or one, for which
// a call would take longer than the copy.
static inline void copy_pixel(float *to, const float *from, size_t channels) {
    static const float zeros[3];
    if (channels == 3) memcpy(to, from ? from : zeros, 3 * sizeof(float));
    else if (channels == 1) *to = from ? *from : 0;
    else if (from) memcpy(to, from, channels * sizeof(float));
    else memset(to, 0, channels * sizeof(float));
}

static inline __attribute__((always_inline)) void patches(
    const float *x, fpnas_priv_window w, size_t channels, size_t first, size_t end, float *rows) {
    for (size_t oy = first; oy < end; oy++)
        for (size_t ox = 0; ox < w.out_width; ox++)
            for (size_t ky = 0; ky < w.k; ky++) {
                // Unsigned: what lies before the first row or column is larger than any size.
                size_t y = oy * w.stride + ky * w.dilation - (size_t)w.padding;
                size_t at = ox * w.stride - (size_t)w.padding;
                const float *row = y < w.height ? x + y * w.width * w.pixel_line : NULL;
                for (size_t kx = 0; kx < w.k; kx++, at += w.dilation, rows += channels)
                    copy_pixel(
                        rows, row && at < w.width ? row + at * w.pixel_line : NULL, channels);
            }
}

void fpnas_priv_patches(
    const float *x, fpnas_priv_window w, size_t first, size_t end, float *rows) {
    if (w.channels == 3) patches(x, w, 3, first, end, rows);
    else if (w.channels == 1) patches(x, w, 1, first, end, rows);
    else patches(x, w, w.channels, first, end, rows);
}

void fpnas_priv_patches_add(
    const float *rows, fpnas_priv_window w, size_t first, size_t end, float *x) {
    for (size_t oy = first; oy < end; oy++)
        for (size_t ox = 0; ox < w.out_width; ox++)
            for (size_t ky = 0; ky < w.k; ky++)
                for (size_t kx = 0; kx < w.k; kx++, rows += w.channels) {
                    size_t y = oy * w.stride + ky * w.dilation - (size_t)w.padding;
                    size_t at = ox * w.stride + kx * w.dilation - (size_t)w.padding;
                    if (y >= w.height || at >= w.width) continue;
                    float *target = x + (y * w.width + at) * w.pixel_line;
                    for (size_t j = 0; j < w.channels; j++) target[j] += rows[j];
                }
}

void fpnas_priv_split_softmax(float *x, size_t step, size_t r, size_t count) {
    for (size_t j = 0; j < count; j++) {
        float largest = x[j];
        for (size_t i = 1; i < r; i++)
            if (x[i * step + j] > largest) largest = x[i * step + j];
        float sum = 0;
        for (size_t i = 0; i < r; i++) {
            float e = expf(x[i * step + j] - largest);
            x[i * step + j] = e;
            sum += e;
        }
        for (size_t i = 0; i < r; i++) x[i * step + j] /= sum;
    }
}

void fpnas_priv_split_softmax_gradient(
    float *dy, size_t dy_step, const float *y, size_t y_step, size_t r, size_t count) {
    for (size_t j = 0; j < count; j++) {
        float mean = 0;
        for (size_t i = 0; i < r; i++) mean += dy[i * dy_step + j] * y[i * y_step + j];
        for (size_t i = 0; i < r; i++)
            dy[i * dy_step + j] = y[i * y_step + j] * (dy[i * dy_step + j] - mean);
    }
}

void fpnas_priv_copy_matrix(
    const float *source, size_t source_line, size_t rows, size_t columns, float *target,
    size_t target_line) {
    for (size_t r = 0; r < rows; r++)
        memcpy(target + r * target_line, source + r * source_line, columns * sizeof(float));
}

int fpnas_priv_all_finite(const float *x, size_t rows, size_t columns, size_t line) {
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < columns; j++) {
            float value = x[r * line + j];
            if (!(value - value == 0.0f)) return 0;
        }
    return 1;
}
