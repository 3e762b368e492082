#include "ckernels.h"

#include <math.h>

static const double epsilon = 1e-5;

// Channels that are worked on at a time.
enum { WIDTH = 32 };
enum { MEAN, VARIANCE, INVERSE, SCALE, SHIFT, P, Q, R };

static void set(
    double mean, double variance, double gamma, double beta, float *norm, size_t line) {
    double inverse = 1.0 / sqrt(variance + epsilon);
    norm[MEAN * line] = (float)mean;
    norm[VARIANCE * line] = (float)variance;
    norm[INVERSE * line] = (float)inverse;
    norm[SCALE * line] = (float)(gamma * inverse);
    norm[SHIFT * line] = (float)(beta - mean * gamma * inverse);
}

void fpnas_priv_norm_forward(
    const float *moments, size_t step, size_t chunks, size_t images, size_t pixels, size_t c,
    size_t begin, size_t end, const float *gamma, const float *beta, float *norm,
    size_t norm_line) {
    // Chan's combination of the chunks' counts, means and sums of squared deviations, some channels
    // at a time so that the divisions are the same for all of them.
    for (size_t first = begin; first < end; first += WIDTH) {
        size_t held = end - first < WIDTH ? end - first : WIDTH;
        double n = 0, mean[WIDTH] = {0}, squares[WIDTH] = {0};
        for (size_t i = 0; i < chunks; i++) {
            const float *part = moments + i * step + first;
            size_t members = fpnas_priv_chunk_start(i + 1, chunks, images)
                             - fpnas_priv_chunk_start(i, chunks, images);
            double m = (double)(members * pixels);
            double share = 1 / m, weight = m / (n + m), spread = n * weight;
            for (size_t j = 0; j < held; j++) {
                double sum = part[c + j];
                double deviation = part[j] + sum * share - mean[j];
                squares[j] +=
                    part[2 * c + j] - sum * sum * share + deviation * deviation * spread;
                mean[j] += deviation * weight;
            }
            n += m;
        }
        for (size_t j = 0; j < held; j++) {
            size_t at = first + j;
            double variance = squares[j] > 0 ? squares[j] / n : 0 * squares[j];
            set(mean[j], variance, gamma[at], beta[at], norm + at, norm_line);
        }
    }
}

void fpnas_priv_norm_fixed(
    const float *mean, const float *variance, size_t c, const float *gamma, const float *beta,
    float *norm, size_t norm_line) {
    for (size_t j = 0; j < c; j++)
        set(mean[j], variance[j], gamma[j], beta[j], norm + j, norm_line);
}

void fpnas_priv_norm_backward(
    const float *sums, size_t step, size_t chunks, size_t images, size_t pixels, size_t c,
    size_t begin, size_t end, size_t channels, float *norm, size_t norm_line, float f,
    float *dgamma, float *dbeta) {
    double n = (double)(images * pixels);
    for (size_t first = begin; first < end; first += WIDTH) {
        size_t held = end - first < WIDTH ? end - first : WIDTH;
        double sum[WIDTH] = {0}, product[WIDTH] = {0};
        for (size_t i = 0; i < chunks; i++) {
            const float *part = sums + i * step + first;
            for (size_t j = 0; j < held; j++) {
                sum[j] += part[j];
                product[j] += part[c + j];
            }
        }
        for (size_t j = 0; j < held; j++) {
            size_t at = first + j;
            double scale = norm[SCALE * norm_line + at], inverse = norm[INVERSE * norm_line + at];
            norm[P * norm_line + at] = (float)scale;
            norm[Q * norm_line + at] = (float)(-scale * inverse * inverse * product[j] / n);
            norm[R * norm_line + at] = (float)(-scale * sum[j] / n);
            if (at < channels) {
                dgamma[at] += (float)(f * product[j] * inverse);
                dbeta[at] += (float)(f * sum[j]);
            }
        }
    }
}
