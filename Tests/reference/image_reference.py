#!/usr/bin/env python3
"""PNG files of every kind, and bilinear resizing, for Tests/ImageDataTests.

    python3 Tests/reference/image_reference.py > Tests/ImageDataTests/images.txt

Needs Pillow, NumPy and torch. Lines: `png KIND CHANNELS HEIGHT WIDTH : bytes of the file in hex :
expected pixels`, and `resize HEIGHT WIDTH NEW_HEIGHT NEW_WIDTH : pixels : expected values`.
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

for height, width, to_height, to_width in [(8, 8, 16, 16), (3, 5, 7, 4), (6, 4, 3, 2), (2, 2, 2, 2)]:
    pixels = random.integers(0, 256, (height, width), dtype=np.uint8)
    result = torch.nn.functional.interpolate(
        torch.tensor(pixels, dtype=torch.float64)[None, None], size=(to_height, to_width), mode="bilinear",
        align_corners=False)
    print("resize", height, width, to_height, to_width, ":", *pixels.ravel(), ":",
          *(f"{v:.9g}" for v in result.numpy().ravel()))
