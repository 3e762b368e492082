#!/usr/bin/env python3
"""Searches in PyTorch: equation 7 by automatic differentiation, torch.optim.Adam, own Philox.

    python3 Tests/reference/search_reference.py > Tests/SearchTests/trajectories.txt

Needs torch. Written from the paper and from Philox's definition; the space, the objective and the
costs are written down once more in Tests/SearchTests/TrajectoryTests.swift. Every sample counts by
itself here: nothing is merged into distinct networks.
"""
import itertools
import math

import torch

torch.set_default_dtype(torch.float64)

# Layers of variables: (choices, deciding variable of the layer or None, its choices).
LAYERS = [
    [(3, None, ()), (2, 0, (1, 2)), (4, None, ())],
    [(5, None, ())],
    [(2, None, ()), (3, 0, (1,)), (2, 1, (0, 2))],
    [(3, None, ()), (3, None, ())],
]


def philox(counter, key):
    """Philox4x32-10 [Salmon et al. 2011] on integers."""
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * counter[0], 1 << 32)
        high1, low1 = divmod(0xCD9E8D57 * counter[2], 1 << 32)
        counter = (high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0)
        key = ((key[0] + 0x9E3779B9) % (1 << 32), (key[1] + 0xBB67AE85) % (1 << 32))
    return counter


def uniform(seed, ask, sample, group):
    words = philox((group, sample, ask, 0), (seed % (1 << 32), seed >> 32))
    return ((words[0] >> 5) * 2**26 + (words[1] >> 6)) / 2**53


def canonical(row):
    result, start = list(row), 0
    for layer in LAYERS:
        exists = []
        for i, (_, parent, allowed) in enumerate(layer):
            exists.append(parent is None or (exists[parent] and row[start + parent] in allowed))
            if not exists[i]:
                result[start + i] = 0
        start += len(layer)
    return result


def value(row):
    return -sum((7 * c + 3 * v) % 5 for v, c in enumerate(canonical(row))) / 16


def cost(row):
    return sum((c + 1) * (v + 1) for v, c in enumerate(canonical(row)))


class Distribution:
    def __init__(self, joint):
        """Groups of variables, each with one categorical over the product of its choices."""
        counts = [[choices for choices, _, _ in layer] for layer in LAYERS]
        groups = counts if joint else [[c] for layer in counts for c in layer]
        self.tuples = [list(itertools.product(*map(range, g))) for g in groups]
        self.logits = [torch.zeros(len(t), requires_grad=True) for t in self.tuples]

    def log_softmaxes(self):
        return [torch.log_softmax(z, 0) for z in self.logits]

    def entropy(self):
        return -sum(float((p.exp() * p).sum().detach()) for p in self.log_softmaxes())

    def draw(self, seed, ask, count):
        """Each group's index by inverse transform sampling, and the row it stands for."""
        tables = [list(itertools.accumulate(p.exp().tolist())) for p in self.log_softmaxes()]
        indices, rows = [], []
        for k in range(count):
            index = []
            for g, table in enumerate(tables):
                u = uniform(seed, ask, k, g)
                index.append(next((i for i, c in enumerate(table) if c > u), len(table) - 1))
            indices.append(index)
            rows.append([c for t, i in zip(self.tuples, index) for c in t[i]])
        return indices, rows

    def joined(self):
        """The same distribution in joint form."""
        joint, own = Distribution(True), iter(self.log_softmaxes())
        for layer, z, tuples in zip(LAYERS, joint.logits, joint.tuples):
            parts = [next(own) for _ in layer]
            with torch.no_grad():
                z.copy_(torch.stack([sum(p[c] for p, c in zip(parts, t)) for t in tuples]))
        return joint


def run(name, seed, steps, count=None, nat=0.0, scale=1.0, rate=0.1, betas=(0.9, 0.999), eps=1e-8,
        mean=True, cost_weight=0.0, cost_target=1.0, joint_step=-1, warm_up=0):
    distribution = Distribution(joint_step == 0)
    adam = torch.optim.Adam(distribution.logits, lr=rate, betas=betas, eps=eps)
    print("run", name)
    for step in range(steps):
        entropy = distribution.entropy()
        k = count or min(max(math.floor(nat * entropy), 2), 64)
        print("ask", k, repr(entropy))
        indices, rows = distribution.draw(seed, step, k)
        if step >= warm_up:
            weights = torch.softmax(scale * torch.tensor([value(r) for r in rows]), 0)
            m = weights - 1 / k if mean else weights
            excess = torch.tensor([max(0.0, cost(r) / cost_target - 1) for r in rows])
            if cost_weight > 0 and excess.sum() > 0:
                share = excess / excess.sum()
                m = m - cost_weight * (share - 1 / k if mean else share)
            tables = distribution.log_softmaxes()
            loss = -sum(m[i] * sum(t[j] for t, j in zip(tables, index)) for i, index in enumerate(indices))
            adam.zero_grad()
            loss.backward()
            adam.step()
        if step + 1 == joint_step:
            distribution = distribution.joined()
            adam = torch.optim.Adam(distribution.logits, lr=rate, betas=betas, eps=eps)
    print("logits", *(repr(z) for part in distribution.logits for z in part.tolist()))


if __name__ == "__main__":
    print("# by Tests/reference/search_reference.py")
    run("fp-nas", seed=1, steps=40, nat=0.8, scale=5)
    run("fp-nas-costs-joint", seed=2**40 + 7, steps=40, nat=1.5, scale=3, mean=False, cost_weight=0.6,
        cost_target=60.0, joint_step=15)
    run("fp-nas-mean-costs", seed=3, steps=40, nat=1, scale=8, rate=0.05, cost_weight=1.5, cost_target=50.0)
    run("parsec", seed=4, steps=30, count=9, scale=4, rate=0.2, betas=(0.8, 0.99), eps=1e-6, warm_up=3)
    run("parsec-joint", seed=5, steps=30, count=6, scale=2, mean=False, joint_step=0)
