#include "cpng.h"

#include <png.h>
#include <string.h>

static int failed(png_image *image, fpnas_priv_png *png) {
    memcpy(png->message, image->message, sizeof png->message);
    png->message[sizeof png->message - 1] = 0;
    png->error = png->message;
    png_image_free(image);
    return 0;
}

int fpnas_priv_png_decode(const void *bytes, size_t count, int channels, uint8_t *out, size_t room,
                          fpnas_priv_png *png) {
    png_image image;
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    png->error = NULL;
    if (!png_image_begin_read_from_memory(&image, bytes, count)) return failed(&image, png);
    int has_alpha = (image.format & PNG_FORMAT_FLAG_ALPHA) != 0;
    image.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    if (has_alpha) image.format |= PNG_FORMAT_FLAG_ALPHA;
    if (PNG_IMAGE_SIZE(image) > room) {
        png_image_free(&image);
        return -1;
    }
    // Without a gamma chunk 16-bit samples would be taken for linear light.
    image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
    if (!png_image_finish_read(&image, NULL, out, 0, NULL)) return failed(&image, png);
    if (!has_alpha) return 1;
    // By hand: libpng composes in eight bits of linear light, which loses dark shades.
    size_t pixels = (size_t)image.width * image.height;
    for (size_t i = 0; i < pixels; i++) {
        const uint8_t *pixel = out + i * (size_t)(channels + 1);
        unsigned alpha = pixel[channels];
        for (int c = 0; c < channels; c++)
            out[i * (size_t)channels + (size_t)c] = (uint8_t)((pixel[c] * alpha + 127) / 255);
    }
    return 1;
}

int fpnas_priv_png_encode(const uint8_t *pixels, uint32_t width, uint32_t height, void *out,
                          size_t *size) {
    png_image image;
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    image.width = width;
    image.height = height;
    image.format = PNG_FORMAT_RGB;
    if (out == NULL) {
        *size = PNG_IMAGE_PNG_SIZE_MAX(image);
        return 1;
    }
    png_alloc_size_t room = *size;
    int ok = png_image_write_to_memory(&image, out, &room, 0, pixels, 0, NULL);
    *size = room;
    return ok;
}
