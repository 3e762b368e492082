#!/usr/bin/env python3
"""MACs and parameters of random networks of two spaces, counted on PyTorch modules.

    python3 Tests/reference/cost_reference.py > Tests/ArchitectureCostTests/costs.txt

Needs torch. The spaces are written down here once more: mbconv-small from the documentation, and
"odd" (odd sizes, stride 3, repeated blocks, searched convolutions) as in CostTests.swift. MACs are
counted by hooks on convolutions and linear layers from the tensors that really pass. A line holds
the space's name, the encoding, the MACs, the parameters, and the sizes (height, width, channels)
behind every layer.
"""
import random

import torch
from torch import nn

EXPANSIONS = [0.75, 1.5, 2.25, 3, 3.75, 4.5]
ROWS = [(2, [8, 12, 16]), (1, [8, 12, 16]), (1, [12, 16, 20]), (2, [16, 24, 32]), (1, [16, 24, 32]),
        (1, [16, 24, 32]), (1, [24, 32, 40]), (1, [32, 48, 64]), (1, [32, 48, 64])]


def fixed(kind, stride=1, repeats=1, **values):
    return searched(kind, stride, repeats, **{name: [value] for name, value in values.items()})


def searched(kind, stride=1, repeats=1, **values):
    return kind, stride, repeats, values


# Image (height, width, channels), classes, layers; attributes with one value are fixed.
SPACES = {
    "mbconv-small": (
        (16, 16, 1), 10,
        [fixed("conv", kernel=3, channels=8)]
        + [searched("mbconv", stride, kernel=[0, 3, 5], activation=["relu", "swish"], se=[0, 1],
                    expansion=EXPANSIONS, channels=widths) for stride, widths in ROWS]
        + [fixed("conv", kernel=1, channels=128)]),
    "odd": (
        (23, 14, 3), 7,
        [searched("conv", stride=3, kernel=[1, 3, 5, 7], channels=[5, 9]),
         searched("mbconv", stride=2, repeats=3, kernel=[0, 3, 7], se=[0, 1], expansion=[0.1, 1, 2.5],
                  channels=[5, 6, 11]),
         searched("mbconv", repeats=2, kernel=[0, 1, 5], expansion=[1, 1.3], channels=[6, 11]),
         searched("conv", stride=2, repeats=2, kernel=[3, 5], channels=[4, 13]),
         fixed("mbconv", stride=4, kernel=3, se=1, expansion=6, channels=13)]),
}


class SqueezeExcite(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.reduce = nn.Linear(channels, -(-channels // 4))
        self.expand = nn.Linear(-(-channels // 4), channels)

    def forward(self, x):
        gate = torch.sigmoid(self.expand(torch.relu(self.reduce(x.mean((2, 3))))))
        return x * gate[:, :, None, None]


def conv(into, out, kernel=1, stride=1, groups=1):
    return [nn.Conv2d(into, out, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(out)]


def block(kind, width, stride, kernel=3, expansion=1, se=0, channels=0, activation="relu"):
    if kind == "conv":
        return conv(width, channels, kernel, stride)
    if kernel == 0:
        return conv(width, channels, 1, stride) if stride > 1 or channels != width else []
    hidden = max(1, int(width * expansion + 0.5))
    layers = conv(width, hidden) if expansion != 1 else []
    layers += conv(hidden, hidden, kernel, stride, hidden)
    layers += [SqueezeExcite(hidden)] if se else []
    return layers + conv(hidden, channels)


def build(space, encoding):
    (_, _, width), classes, layers = space
    stages, choices = [], iter(encoding)
    for kind, stride, repeats, values in layers:
        settings = {name: v[next(choices)] if len(v) > 1 else v[0] for name, v in values.items()}
        parts = []
        for position in range(repeats):
            parts += block(kind, width, stride if position == 0 else 1, **settings)
            width = settings["channels"]
        stages.append(nn.Sequential(*parts))
    stages.append(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes)))
    return nn.Sequential(*stages)


def count(network, image):
    macs = 0

    def add(module, inputs, output):
        nonlocal macs
        if isinstance(module, nn.Conv2d):
            macs += module.weight.numel() * output.shape[2] * output.shape[3]
        elif isinstance(module, nn.Linear):
            macs += module.weight.numel()

    for module in network.modules():
        module.register_forward_hook(add)
    sizes, x = [], torch.zeros(1, image[2], image[0], image[1])
    for stage in network.eval():
        x = stage(x)
        sizes += [*x.shape[2:], x.shape[1]] if x.dim() == 4 else [1, 1, x.shape[1]]
    return macs, sum(p.numel() for p in network.parameters()), *sizes


print("# space, encoding, MACs, parameters, sizes; by Tests/reference/cost_reference.py")
generator = random.Random(7)
for name, space in SPACES.items():
    counts = [len(v) for *_, values in space[2] for v in values.values() if len(v) > 1]
    for _ in range(20):
        encoding = [generator.randrange(n) for n in counts]
        print(name, *encoding, *count(build(space, encoding), space[0]))
