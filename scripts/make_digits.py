#!/usr/bin/env python3
"""Writes scikit-learn's handwritten digits as IDX files into data/digits.

Of every class, in the order of the package, every third image goes to the test set. Pixels
0..16 become 0..255. Needs scikit-learn and NumPy; the result is the same on every run.
"""
import struct
import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits


def write_idx(path: Path, values: np.ndarray) -> None:
    header = struct.pack(">BBBB", 0, 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(header + values.astype(np.uint8).tobytes())


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "data" / "digits"
    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)
    is_test = np.zeros(len(images), dtype=bool)
    for label in range(10):
        is_test[np.flatnonzero(digits.target == label)[2::3]] = True
    for name, part in (("train", ~is_test), ("t10k", is_test)):
        write_idx(out / f"{name}-images-idx3-ubyte", images[part])
        write_idx(out / f"{name}-labels-idx1-ubyte", digits.target[part])
        print(f"{name}: {part.sum()} images of {images.shape[1]}x{images.shape[2]}")


if __name__ == "__main__":
    main()
