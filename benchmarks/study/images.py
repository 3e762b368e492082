"""Folders of images: the profile's own, and its training images cut in two for validation."""
from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path

import numpy as np

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte",
         "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def read_idx(path: Path) -> np.ndarray:
    """An IDX file of bytes, plain or .gz."""
    if path.exists():
        data = path.read_bytes()
    else:
        data = gzip.decompress(path.with_name(path.name + ".gz").read_bytes())
    dimensions = data[3]
    shape = struct.unpack(f">{dimensions}I", data[4:4 + 4 * dimensions])
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def write_idx(path: Path, array: np.ndarray) -> None:
    path.write_bytes(struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
                     + np.ascontiguousarray(array, np.uint8).tobytes())


def validation_folder(source: Path, folder: Path, limit: int, seed: int) -> Path:
    """Training images only, half to train with and half to validate on, as if these were the test.

    For systems that train every network from scratch: what is told to them must not come from the
    test images. At most `limit` images (0: all), every class cut in half.
    """
    name = folder / f"validation-{source.name}-{limit}-{seed}"
    if (name / NAMES[3]).exists():
        return name
    images, labels = (read_idx(source / part) for part in NAMES[:2])
    order = np.random.default_rng(seed).permutation(len(labels))
    if limit:
        order = order[:limit]
    halves: tuple[list, list] = ([], [])
    for label in np.unique(labels):
        mine = order[labels[order] == label]
        halves[0].append(mine[:(len(mine) + 1) // 2])
        halves[1].append(mine[(len(mine) + 1) // 2:])
    fresh = name.with_name(f"{name.name}.{os.getpid()}")
    fresh.mkdir(parents=True, exist_ok=True)
    for half, parts in zip(halves, (NAMES[:2], NAMES[2:])):
        # Sorted, so that order within the file tells nothing.
        chosen = np.sort(np.concatenate(half))
        write_idx(fresh / parts[0], images[chosen])
        write_idx(fresh / parts[1], labels[chosen])
    try:
        os.replace(fresh, name)
    except OSError:  # another process was first
        pass
    return name
