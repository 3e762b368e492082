#include "ckernels.h"

#include <string.h>

void fpnas_priv_patches(
    const float *x, size_t height, size_t width, size_t channels, size_t pixel_line, size_t k,
    size_t stride, size_t out_height, size_t out_width, float *rows) {
    size_t border = k / 2;
    for (size_t oy = 0; oy < out_height; oy++)
        for (size_t ox = 0; ox < out_width; ox++)
            for (size_t ky = 0; ky < k; ky++)
                for (size_t kx = 0; kx < k; kx++, rows += channels) {
                    // Unsigned: what lies before the first row or column is larger than any size.
                    size_t y = oy * stride + ky - border, at = ox * stride + kx - border;
                    if (y < height && at < width)
                        memcpy(rows, x + (y * width + at) * pixel_line, channels * sizeof(float));
                    else
                        memset(rows, 0, channels * sizeof(float));
                }
}

void fpnas_priv_patches_add(
    const float *rows, size_t height, size_t width, size_t channels, size_t pixel_line, size_t k,
    size_t stride, size_t out_height, size_t out_width, float *x) {
    size_t border = k / 2;
    for (size_t oy = 0; oy < out_height; oy++)
        for (size_t ox = 0; ox < out_width; ox++)
            for (size_t ky = 0; ky < k; ky++)
                for (size_t kx = 0; kx < k; kx++, rows += channels) {
                    size_t y = oy * stride + ky - border, at = ox * stride + kx - border;
                    if (y >= height || at >= width) continue;
                    float *target = x + (y * width + at) * pixel_line;
                    for (size_t j = 0; j < channels; j++) target[j] += rows[j];
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
