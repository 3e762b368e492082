#include "ckernels.h"

// A band's memory is to stay within the second-level cache beside what streams through it.
static const size_t budget = 40960;

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static void measure(
    fpnas_priv_band *band, const fpnas_priv_depthwise *s, size_t parts) {
    // The last band also holds the input rows that no window begins in.
    size_t rest = s->height > s->out_height * s->stride ? s->height - s->out_height * s->stride : 0;
    size_t in_rows = band->rows * s->stride + rest;
    size_t before = (s->k - 1 - s->padding) / s->stride;
    band->in_rows = larger((band->rows - 1) * s->stride + s->k, in_rows + s->padding);
    band->width = larger((s->out_width - 1) * s->stride + s->k, s->width + s->padding);
    band->gradient_rows = before + larger(band->rows, (in_rows - 1 + s->padding) / s->stride + 1);
    band->gradient_width =
        before + larger(s->out_width, (s->width - 1 + s->padding) / s->stride + 1);
    size_t pixels = band->in_rows * band->width * (parts == 3 ? 2 : 1);
    if (parts > 1) pixels += band->gradient_rows * band->gradient_width;
    band->floats = pixels * band->channels;
}

fpnas_priv_band fpnas_priv_depthwise_band(
    const fpnas_priv_depthwise *shape, size_t c, size_t parts) {
    fpnas_priv_band band = {.rows = shape->out_height, .channels = c};
    measure(&band, shape, parts);
    // Fewer rows first: whole rows are read one after the other. Where even a few of them are too
    // long, fewer channels, down to a cache line.
    while (band.floats > budget && band.rows > 4) {
        band.rows = (band.rows + 1) / 2;
        measure(&band, shape, parts);
    }
    while (band.floats > 2 * budget && band.channels > 16) {
        band.channels = (band.channels / 2 + 15) / 16 * 16;
        measure(&band, shape, parts);
    }
    while (band.floats > 2 * budget && band.rows > 1) {
        band.rows = (band.rows + 1) / 2;
        measure(&band, shape, parts);
    }
    return band;
}

size_t fpnas_priv_depthwise_scratch(const fpnas_priv_depthwise *shape, size_t c) {
    size_t most = 0;
    for (size_t parts = 1; parts <= 3; parts++)
        most = larger(most, fpnas_priv_depthwise_band(shape, c, parts).floats);
    // A smaller width may be cut at other places.
    return larger(most, 2 * budget);
}
