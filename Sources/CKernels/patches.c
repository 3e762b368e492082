#include "ckernels.h"

#include <string.h>

// A pixel of a patch, from zeros where there is none. Of an image it is few floats, for which a call
// would take longer than the copy.
static inline void copy_pixel(float *to, const float *from, size_t channels) {
    static const float zeros[4];
    if (channels == 4) memcpy(to, from ? from : zeros, 4 * sizeof(float));
    else if (channels == 1) *to = from ? *from : 0;
    else if (from) memcpy(to, from, channels * sizeof(float));
    else memset(to, 0, channels * sizeof(float));
}

static inline __attribute__((always_inline)) void patches(
    const float *x, fpnas_priv_window w, size_t channels, size_t copied, size_t first, size_t end,
    float *patch) {
    for (size_t oy = first; oy < end; oy++)
        for (size_t ox = 0; ox < w.out_width; ox++, patch += w.patch_line) {
            float *to = patch;
            for (size_t ky = 0; ky < w.k; ky++) {
                // Unsigned: what lies before the first row or column is larger than any size.
                size_t y = oy * w.stride + ky * w.dilation - (size_t)w.padding;
                size_t at = ox * w.stride - (size_t)w.padding;
                const float *row = y < w.height ? x + y * w.width * w.pixel_line : NULL;
                for (size_t kx = 0; kx < w.k; kx++, at += w.dilation, to += channels)
                    copy_pixel(to, row && at < w.width ? row + at * w.pixel_line : NULL, copied);
            }
        }
}

void fpnas_priv_patches(
    const float *x, fpnas_priv_window w, size_t first, size_t end, float *rows) {
    // Four floats are copied faster than three where the fourth is read within the pixel, and written
    // where the next pixel comes or behind the patch.
    if (w.channels == 3 && w.pixel_line == 8 && w.patch_line > w.k * w.k * 3)
        patches(x, w, 3, 4, first, end, rows);
    else if (w.channels == 1) patches(x, w, 1, 1, first, end, rows);
    else patches(x, w, w.channels, w.channels, first, end, rows);
}

void fpnas_priv_patches_add(
    const float *rows, fpnas_priv_window w, size_t first, size_t end, float *x) {
    for (size_t oy = first; oy < end; oy++)
        for (size_t ox = 0; ox < w.out_width; ox++, rows += w.patch_line) {
            const float *from = rows;
            for (size_t ky = 0; ky < w.k; ky++)
                for (size_t kx = 0; kx < w.k; kx++, from += w.channels) {
                    size_t y = oy * w.stride + ky * w.dilation - (size_t)w.padding;
                    size_t at = ox * w.stride + kx * w.dilation - (size_t)w.padding;
                    if (y >= w.height || at >= w.width) continue;
                    float *target = x + (y * w.width + at) * w.pixel_line;
                    for (size_t j = 0; j < w.channels; j++) target[j] += from[j];
                }
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
