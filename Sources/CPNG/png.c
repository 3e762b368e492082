#include "cpng.h"

#include <png.h>
#include <string.h>

static int begin(png_image *image, const void *bytes, size_t count, fpnas_priv_png *png) {
    memset(image, 0, sizeof *image);
    image->version = PNG_IMAGE_VERSION;
    png->error = NULL;
    if (!png_image_begin_read_from_memory(image, bytes, count)) {
        memcpy(png->message, image->message, sizeof png->message);
        png->message[sizeof png->message - 1] = 0;
        png->error = png->message;
        return 0;
    }
    png->width = image->width;
    png->height = image->height;
    png->is_colour = (image->format & PNG_FORMAT_FLAG_COLOR) != 0;
    return 1;
}

int fpnas_priv_png_probe(const void *bytes, size_t count, fpnas_priv_png *png) {
    png_image image;
    if (!begin(&image, bytes, count, png)) return 0;
    png_image_free(&image);
    return 1;
}

int fpnas_priv_png_decode(const void *bytes, size_t count, int channels, uint8_t *out,
                          fpnas_priv_png *png) {
    png_image image;
    if (!begin(&image, bytes, count, png)) return 0;
    image.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    // Without a gamma chunk 16-bit samples would be taken for linear light.
    image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
    png_color black = {0, 0, 0};
    if (!png_image_finish_read(&image, &black, out, 0, NULL)) {
        memcpy(png->message, image.message, sizeof png->message);
        png->message[sizeof png->message - 1] = 0;
        png->error = png->message;
        png_image_free(&image);
        return 0;
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
