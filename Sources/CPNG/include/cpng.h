// PNG through libpng's simplified API: its errors are return values, never a longjmp across Swift.
#ifndef FPNAS_CPNG_H
#define FPNAS_CPNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct fpnas_priv_png {
    const char *error;  // static or inside this struct; NULL when all went well
    char message[64];
} fpnas_priv_png;

// Decodes to 8-bit grey (channels 1) or RGB (3), alpha composed on black: value * alpha / 255,
// rounded. `out` has room for `room` bytes; an image with alpha needs width * height * (channels + 1)
// of them, another one less. 1, 0 on failure, or -1 when there is too little room.
int fpnas_priv_png_decode(const void *bytes, size_t count, int channels, uint8_t *out, size_t room,
                          fpnas_priv_png *png);
// Encodes 8-bit RGB. With out = NULL sets *size to an upper bound; otherwise writes at most *size
// bytes and sets *size to their number. 0 on failure.
int fpnas_priv_png_encode(const uint8_t *pixels, uint32_t width, uint32_t height, void *out,
                          size_t *size);

#endif
