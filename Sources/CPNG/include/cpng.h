// PNG through libpng's simplified API: its errors are return values, never a longjmp across Swift.
#ifndef FPNAS_CPNG_H
#define FPNAS_CPNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct fpnas_priv_png {
    uint32_t width;
    uint32_t height;
    uint32_t is_colour;  // 0 for grey, with or without alpha
    const char *error;   // static or inside this struct; NULL when all went well
    char message[64];
} fpnas_priv_png;

// Reads the size and kind; 0 when the bytes are no PNG.
int fpnas_priv_png_probe(const void *bytes, size_t count, fpnas_priv_png *png);
// Decodes to 8-bit grey (channels 1) or RGB (3), alpha composed on black (in linear light); out holds
// width * height * channels bytes for the probed size. 0 on failure.
int fpnas_priv_png_decode(const void *bytes, size_t count, int channels, uint8_t *out,
                          fpnas_priv_png *png);
// Encodes 8-bit RGB. With out = NULL sets *size to an upper bound; otherwise writes at most *size
// bytes and sets *size to their number. 0 on failure.
int fpnas_priv_png_encode(const uint8_t *pixels, uint32_t width, uint32_t height, void *out,
                          size_t *size);

#endif
