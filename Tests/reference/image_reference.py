#!/usr/bin/env python3
"""PNG files of every kind, bilinear resizing and augmentation, for Tests/ImageDataTests.

    python3 Tests/reference/image_reference.py > Tests/ImageDataTests/images.txt

Needs Pillow, NumPy and torch. Lines: `png KIND CHANNELS HEIGHT WIDTH : bytes of the file in hex :
expected pixels`; `resize HEIGHT WIDTH NEW_HEIGHT NEW_WIDTH CHANNELS : pixels : expected values`; `augment
HEIGHT WIDTH CHANNELS COUNT SEED STEP SHIFT FLIP CUTOUT : pixels : expected normalised values`.
"""
import io

import numpy as np
import torch
from PIL import Image

random = np.random.default_rng(3)
print("# by Tests/reference/image_reference.py")


def show(kind, image, expected):
    file = io.BytesIO()
    image.save(file, "PNG")
    expected = np.asarray(expected)
    channels = 1 if expected.ndim == 2 else 3
    print("png", kind, channels, *expected.shape[:2], ":", file.getvalue().hex(), ":", *expected.ravel())


grey = random.integers(0, 256, (3, 4), dtype=np.uint8)
rgb = random.integers(0, 256, (3, 4, 3), dtype=np.uint8)
show("grey", Image.fromarray(grey), grey)
show("rgb", Image.fromarray(rgb), rgb)
bits = random.integers(0, 2, (3, 4), dtype=np.uint8)
show("one-bit", Image.fromarray(bits * 255).convert("1"), bits * 255)
palette = Image.fromarray(rgb).quantize(8)
show("palette", palette, np.asarray(palette.convert("RGB")))
# Samples k · 257 are 8-bit values k in 16 bits.
show("grey-16", Image.fromarray(grey.astype(np.uint16) * 257), grey)
alpha = random.integers(0, 2, (3, 4, 1), dtype=np.uint8) * 255
show("rgba", Image.fromarray(np.concatenate([rgb, alpha], 2)), rgb * (alpha // 255))
show("grey-alpha", Image.fromarray(np.stack([grey, alpha[..., 0]], 2)), grey * (alpha[..., 0] // 255))

deep = random.integers(0, 65536, (3, 4), dtype=np.uint16)
show("grey-16-any", Image.fromarray(deep), np.rint(deep / 257).astype(np.uint8))
half = random.integers(0, 256, (3, 4, 1), dtype=np.uint8)
show("rgba-any", Image.fromarray(np.concatenate([rgb, half], 2)), (2 * rgb.astype(int) * half + 255) // 510)

SIZES = [(8, 8, 16, 16, 1), (3, 5, 7, 4, 1), (6, 4, 3, 2, 1), (2, 2, 2, 2, 1), (9, 7, 4, 5, 3), (31, 17, 5, 16, 1),
         (1, 40, 3, 3, 3)]
for height, width, to_height, to_width, channels in SIZES:
    pixels = random.integers(0, 256, (height, width, channels), dtype=np.uint8)
    result = torch.nn.functional.interpolate(
        torch.tensor(pixels, dtype=torch.float64).permute(2, 0, 1)[None], size=(to_height, to_width),
        mode="bilinear", align_corners=False, antialias=True)[0].permute(1, 2, 0)
    print("resize", height, width, to_height, to_width, channels, ":", *pixels.ravel(), ":",
          *(f"{v:.9g}" for v in result.numpy().ravel()))

# Augmentation from its definition: pad with black and crop, mirror, normalise, cut out. Draws are Philox's,
# as docs/algorithms.md says which word decides what.
M0, M1, W0, W1 = 0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85


def philox(seed, step, sample, index):
    """Four words of stream 3 (augmentation)."""
    c = [index, sample | 3 << 24, step & 0xFFFFFFFF, step >> 32]
    k = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        a, b = M0 * c[0], M1 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + W0) & 0xFFFFFFFF, (k[1] + W1) & 0xFFFFFFFF]
    return c


def augmented(pixels, mean, deviation, seed, step, place, shift, flip, cutout):
    height, width, _ = pixels.shape
    words = philox(seed, step, 0, place)
    dy, dx = (words[i] * (2 * shift + 1) >> 32 for i in range(2))
    padded = np.pad(pixels, ((shift, shift), (shift, shift), (0, 0)))
    # A shift by d − shift down is a crop from row 2·shift − d on.
    top, left = 2 * shift - dy, 2 * shift - dx
    result = padded[top:top + height, left:left + width]
    if flip and words[2] & 1:
        result = result[:, ::-1]
    result = (result / 255 - mean) / deviation
    if cutout:
        words = philox(seed, step, 1, place)
        y, x = (words[0] * height >> 32) - cutout // 2, (words[1] * width >> 32) - cutout // 2
        result = result.copy()
        result[max(y, 0):max(y + cutout, 0), max(x, 0):max(x + cutout, 0)] = 0
    return result


for channels, shift, flip, cutout in [(1, 2, 0, 0), (3, 0, 1, 0), (1, 0, 0, 3), (3, 3, 1, 4)]:
    seed, step, count, height, width = 0x123456789A, 2**33 + 5, 6, 5, 6
    pixels = random.integers(0, 256, (count, height, width, channels), dtype=np.uint8)
    mean = pixels.mean((0, 1, 2)) / 255
    deviation = pixels.std((0, 1, 2)) / 255
    result = [augmented(pixels[i], mean, deviation, seed, step, i, shift, flip, cutout) for i in range(count)]
    print("augment", height, width, channels, count, seed, step, shift, flip, cutout, ":", *pixels.ravel(), ":",
          *(f"{v:.9g}" for v in np.ravel(result)))
