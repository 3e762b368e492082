"""One network of every kind of block, and images to train it on."""

from __future__ import annotations

import struct

import numpy as np

import fpnas

CLASSES, SIDE = 3, 9


def write_images(folder, count, side=SIDE, seed=1):
    """Random grey images as IDX files; the test part is the training part."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (count, side, side), np.uint8)
    labels = np.arange(count, dtype=np.uint8) % CLASSES
    folder.mkdir()
    for part in ("train", "t10k"):
        (folder / f"{part}-images-idx3-ubyte").write_bytes(
            struct.pack(">IIII", 0x803, count, side, side) + pixels.tobytes())
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(
            struct.pack(">II", 0x801, count) + labels.tobytes())
    return pixels[..., None], labels


def chain(name, layers):
    layers = [
        {"name": f"l{i}", "operation": operation, **attributes}
        for i, (operation, attributes) in enumerate(layers)]
    layers.append({"name": "classifier", "operation": "classifier"})
    space = fpnas.Space.build(name, layers, input=(SIDE, SIDE, 1), classes=CLASSES)
    return space, [0] * len(space)


def cells(name, row):
    return fpnas.Space.of_cells(
        name, 4, 1 if name == "nas-bench-201" else 3, SIDE, SIDE, 1, CLASSES), row


def network(name):
    """The space and the row of a name in NAMES."""
    return NETWORKS[name]()


NETWORKS = {
    "splits": lambda: chain("splits", [
        ("conv", {"activation": "relu6", "channels": 6}),
        ("mbconv", {"kernel": 3, "activation": "swish", "splits": 2, "expansion": 2,
                    "channels": 6}),
        ("mbconv", {"kernel": 5, "stride": 2, "activation": "hswish", "splits": 4,
                    "expansion": 1.5, "channels": 8}),
        ("mbconv", {"kernel": 3, "activation": "hswish", "se": 1, "gate": "hsigmoid",
                    "channels": 8}),
        ("pooled_head", {"activation": "hswish", "expansion": 1.5, "channels": 10}),
    ]),
    "fused": lambda: chain("fused", [
        ("conv", {"activation": "swish", "channels": 6}),
        ("fused_mbconv", {"stride": 2, "activation": "swish", "se": 1, "expansion": 2,
                          "channels": 7}),
        ("fused_mbconv", {"channels": 7}),
        ("fused_mbconv", {"kernel": 5, "activation": "relu6", "expansion": 2, "channels": 7}),
    ]),
    "residual": lambda: chain("residual", [
        ("conv", {"kernel": 5, "channels": 8}),
        ("basic", {"repeats": 2, "channels": 8}),
        ("basic", {"stride": 2, "channels": 12}),
        ("bottleneck", {"se": 1, "groups": 2, "expansion": 0.5, "channels": 16}),
        ("basic", {"stride": 2, "shortcut": "pool", "channels": 10}),
    ]),
    "grouped": lambda: chain("grouped", [
        ("conv", {"kernel": 4, "padding": 2, "channels": 8}),
        ("conv", {"stride": 2, "groups": 4, "activation": "swish", "channels": 12}),
        ("mbconv", {"kernel": 3, "expansion": 2, "group_width": 2, "channels": 12}),
        ("mbconv", {"kernel": 5, "activation": "relu6", "expansion": 2, "groups": 4,
                    "channels": 16}),
        ("conv", {"padding": 0, "norm": 0, "activation": "hswish", "channels": 10}),
        ("conv", {"groups": 10, "channels": 10}),
        ("conv", {"kernel": 1, "bias": 1, "channels": 9}),
    ]),
    "pools": lambda: chain("pools", [
        ("conv", {"activation": "swish", "channels": 6}),
        ("pool", {"stride": 2, "kernel": 3, "pool": "maximum"}),
        ("conv", {"kernel": 1, "activation": "none", "channels": 7}),
        ("pool", {"kernel": 3}),
        ("conv", {"stride": 2, "channels": 9}),
        ("pool", {"kernel": 0}),
        ("linear", {"activation": "relu", "channels": 11}),
        ("linear", {"activation": "swish", "bias": 0, "channels": 8}),
    ]),
    "leading": lambda: chain("leading", [
        ("conv", {"activation": "swish", "channels": 6}),
        ("mbconv", {"expansion": 2, "activation": "swish", "channels": 11, "shortcut": "leading"}),
        ("mbconv", {"kernel": 0, "channels": 7, "shortcut": "leading"}),
        ("fused_mbconv", {"stride": 2, "expansion": 2, "channels": 9, "shortcut": "leading"}),
        ("mbconv", {"kernel": 5, "channels": 9, "shortcut": "leading"}),
        ("basic", {"channels": 6, "shortcut": "leading"}),
        ("mbconv", {"kernel": 0, "stride": 2, "channels": 10, "shortcut": "leading"}),
        ("bottleneck", {"repeats": 2, "expansion": 0.5, "channels": 12, "shortcut": "leading"}),
    ]),
    "nas-bench-201-a": lambda: cells("nas-bench-201", [3, 1, 2, 4, 3, 1]),
    "nas-bench-201-b": lambda: cells("nas-bench-201", [1, 1, 1, 0, 3, 4]),
    "darts": lambda: cells("darts", [
        0, 3, 4, 1, 2, 5, 4, 0, 6, 8, 1, 2, 0, 2, 6, 1, 4, 0, 4, 1, 2, 0, 5, 0]),
}
NAMES = list(NETWORKS)
