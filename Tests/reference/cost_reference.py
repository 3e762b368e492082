#!/usr/bin/env python3
"""MACs and parameters of 20 random networks of mbconv-small, counted on PyTorch modules.

    python3 Tests/reference/cost_reference.py > Tests/ArchitectureCostTests/costs.txt

Needs torch. The space is written down here once more, from the documentation. MACs are counted by
hooks on convolutions and linear layers from the tensors that really pass; a line holds the
encoding, the MACs and the parameters.
"""
import random

import torch
from torch import nn

EXPANSIONS = [0.75, 1.5, 2.25, 3, 3.75, 4.5]
ROWS = [(2, [8, 12, 16]), (1, [8, 12, 16]), (1, [12, 16, 20]), (2, [16, 24, 32]), (1, [16, 24, 32]),
        (1, [16, 24, 32]), (1, [24, 32, 40]), (1, [32, 48, 64]), (1, [32, 48, 64])]


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


def build(choices):
    layers, width = conv(1, 8, 3), 8
    for (stride, widths), (kernel, _, squeeze, expansion, channels) in zip(ROWS, choices):
        out = widths[channels]
        if kernel == 0:
            if stride > 1 or out != width:
                layers += conv(width, out, 1, stride)
        else:
            hidden = int(width * EXPANSIONS[expansion] + 0.5)
            layers += conv(width, hidden) + conv(hidden, hidden, [0, 3, 5][kernel], stride, hidden)
            layers += [SqueezeExcite(hidden)] if squeeze else []
            layers += conv(hidden, out)
        width = out
    layers += conv(width, 128) + [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10)]
    return nn.Sequential(*layers)


def count(network):
    macs = 0

    def add(module, inputs, output):
        nonlocal macs
        if isinstance(module, nn.Conv2d):
            macs += module.weight.numel() * output.shape[2] * output.shape[3]
        elif isinstance(module, nn.Linear):
            macs += module.weight.numel()

    for module in network.modules():
        module.register_forward_hook(add)
    network.eval()(torch.zeros(1, 1, 16, 16))
    return macs, sum(p.numel() for p in network.parameters())


print("# encoding (45 numbers), MACs, parameters; by Tests/reference/cost_reference.py")
generator = random.Random(7)
for _ in range(20):
    choices = [[generator.randrange(n) for n in (3, 2, 2, 6, 3)] for _ in ROWS]
    print(*[c for row in choices for c in row], *count(build(choices)))
