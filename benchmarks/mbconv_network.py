"""One MBConv network as a space of fpnas and as a PyTorch module, for the benchmarks beside it.

A stem, inverted bottlenecks (expansion, depthwise convolution, squeeze-and-excitation in some,
projection, a residual connection where shapes allow), a 1×1 head and a classifier: relu in the
early layers, swish in the later ones, as in the networks FP-NAS finds.
"""
from __future__ import annotations

import json
import random
import struct
from dataclasses import dataclass
from pathlib import Path

CLASSES = 10


@dataclass(frozen=True)
class Block:
    kernel: int
    stride: int
    expansion: float
    channels: int
    activation: str
    squeezes: bool = False


@dataclass(frozen=True)
class Design:
    size: int
    batch: int
    stem: tuple[int, int]  # channels, stride
    blocks: tuple[Block, ...]
    head: int


SMALL = (
    Block(3, 2, 3, 24, "relu"), Block(3, 1, 3, 24, "relu"),
    Block(5, 2, 3, 40, "relu", True), Block(5, 1, 3, 40, "relu", True),
    Block(3, 1, 6, 64, "swish"), Block(3, 1, 6, 64, "swish"),
)
LARGE = (
    Block(3, 2, 3, 24, "relu"), Block(3, 1, 3, 24, "relu"),
    Block(5, 2, 3, 40, "relu", True), Block(5, 1, 3, 40, "relu", True),
    Block(3, 2, 6, 80, "swish"), Block(3, 1, 6, 80, "swish"),
    Block(5, 1, 6, 112, "swish", True), Block(5, 2, 6, 160, "swish", True),
)
DESIGNS = {
    8: Design(8, 32, (16, 1), SMALL, 128),
    28: Design(28, 64, (16, 1), SMALL, 128),
    32: Design(32, 64, (16, 1), SMALL, 128),
    96: Design(96, 8, (16, 2), LARGE, 320),
    224: Design(224, 8, (16, 2), LARGE, 320),
}


def space_json(design: Design) -> str:
    """The space that holds this one network."""
    layers = [{
        "name": "stem", "operation": "conv", "kernel": 3, "channels": design.stem[0],
        "stride": design.stem[1]}]
    for i, b in enumerate(design.blocks):
        layers.append({
            "name": f"mbconv{i + 1}", "operation": "mbconv", "kernel": b.kernel,
            "stride": b.stride, "expansion": b.expansion, "channels": b.channels,
            "activation": b.activation, "se": int(b.squeezes)})
    layers.append({
        "name": "head", "operation": "conv", "kernel": 1, "channels": design.head,
        "activation": "swish"})
    layers.append({"name": "classifier", "operation": "classifier"})
    return json.dumps({
        "format": "fpnas-space", "version": 1, "name": f"mbconv-{design.size}",
        "input": {"height": design.size, "width": design.size, "channels": 3},
        "classes": CLASSES, "layers": layers})


@dataclass(frozen=True)
class Product:
    """A convolution as a matrix product of one image: rows × inner by inner × columns."""
    rows: int
    inner: int
    columns: int
    is_first: bool = False

    @property
    def macs(self) -> int:
        return self.rows * self.inner * self.columns


def products(design: Design) -> tuple[list[Product], int]:
    """The network's dense convolutions, and the MACs of its depthwise ones, for one image."""
    size = -(-design.size // design.stem[1])
    width = design.stem[0]
    found = [Product(size * size, 27, width, True)]
    depthwise = 0
    for b in design.blocks:
        hidden = round(width * b.expansion)
        if b.expansion != 1:
            found.append(Product(size * size, width, hidden))
        size = -(-size // b.stride)
        depthwise += size * size * b.kernel * b.kernel * hidden
        if b.squeezes:
            inner = (hidden + 3) // 4
            found += [Product(1, hidden, inner), Product(1, inner, hidden)]
        found.append(Product(size * size, hidden, b.channels))
        width = b.channels
    found.append(Product(size * size, width, design.head))
    found.append(Product(1, design.head, CLASSES))
    return found, depthwise


def step_flops(design: Design) -> int:
    """Of a training step: forward, and both gradients of each convolution but the first's input."""
    dense, depthwise = products(design)
    macs = sum(p.macs * (2 if p.is_first else 3) for p in dense) + 3 * depthwise
    return 2 * macs * design.batch


def write_images(folder: Path, size: int, count: int) -> None:
    """RGB noise of all classes as IDX files, which are held in memory as bytes."""
    noise = random.Random(size)
    pixels = noise.randbytes(count * size * size * 3)
    (folder / "train-images-idx4-ubyte").write_bytes(
        struct.pack(">4B4I", 0, 0, 8, 4, count, size, size, 3) + pixels)
    (folder / "train-labels-idx1-ubyte").write_bytes(
        struct.pack(">4BI", 0, 0, 8, 1, count) + bytes(i % CLASSES for i in range(count)))


def torch_module(design: Design, channels: int = 3):
    """The same network in PyTorch, for images of so many channels."""
    from torch import nn

    activations = {"relu": lambda: nn.ReLU(inplace=True), "swish": lambda: nn.SiLU(inplace=True)}

    def convolution(inputs, outputs, kernel=1, stride=1, groups=1, activation=None):
        layers = [
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs)]
        if activation:
            layers.append(activations[activation]())
        return layers

    class SqueezeExcite(nn.Module):
        def __init__(self, channels):
            super().__init__()
            inner = (channels + 3) // 4
            self.gate = nn.Sequential(
                nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, inner, 1), nn.ReLU(inplace=True),
                nn.Conv2d(inner, channels, 1), nn.Sigmoid())

        def forward(self, x):
            return x * self.gate(x)

    class MBConv(nn.Module):
        def __init__(self, inputs, b):
            super().__init__()
            hidden = round(inputs * b.expansion)
            layers = []
            if b.expansion != 1:
                layers += convolution(inputs, hidden, activation=b.activation)
            layers += convolution(
                hidden, hidden, b.kernel, b.stride, groups=hidden, activation=b.activation)
            if b.squeezes:
                layers.append(SqueezeExcite(hidden))
            layers += convolution(hidden, b.channels)
            self.layers = nn.Sequential(*layers)
            self.is_residual = b.stride == 1 and inputs == b.channels

        def forward(self, x):
            y = self.layers(x)
            return x + y if self.is_residual else y

    width, stride = design.stem
    layers = convolution(channels, width, 3, stride, activation="relu")
    for b in design.blocks:
        layers.append(MBConv(width, b))
        width = b.channels
    layers += convolution(width, design.head, activation="swish")
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(design.head, CLASSES)]
    return nn.Sequential(*layers)
