"""The method in plain NumPy, written from the paper and Philox's definition, not from the library."""

from __future__ import annotations

import itertools

import numpy as np


def philox(counter, key):
    """Philox4x32-10 [Salmon et al. 2011] on Python integers."""
    c, k, mask = list(counter), list(key), 0xFFFFFFFF
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c[0], 1 << 32)
        high1, low1 = divmod(0xCD9E8D57 * c[2], 1 << 32)
        c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0]
        k = [(k[0] + 0x9E3779B9) & mask, (k[1] + 0xBB67AE85) & mask]
    return c


def uniform(seed, step, sample, group):
    """In [0, 1) with 53 bits: counter (group, sample, step), stream 0."""
    words = philox(
        (group, sample, step & 0xFFFFFFFF, step >> 32), (seed & 0xFFFFFFFF, seed >> 32))
    return ((words[0] >> 5) * 2**26 + (words[1] >> 6)) / 2**53


def softmaxes(logits, sizes):
    """The groups' probabilities."""
    found, start = [], 0
    for size in sizes:
        z = np.asarray(logits[start:start + size], float)
        e = np.exp(z - z.max())
        found.append(e / e.sum())
        start += size
    return found


def entropy(logits, sizes):
    return -sum(float((p * np.log(p)).sum()) for p in softmaxes(logits, sizes))


def draw(logits, sizes, seed, step, count):
    """Inverse transform sampling, one uniform per group."""
    tables = [np.cumsum(p) for p in softmaxes(logits, sizes)]
    return np.array([
        [
            min(int(np.searchsorted(table, uniform(seed, step, k, g), side="right")), len(table) - 1)
            for g, table in enumerate(tables)
        ]
        for k in range(count)
    ], np.int32)


def encodings(sizes):
    return np.array(list(itertools.product(*map(range, sizes))), np.int32)


class Trainer:
    """Equation 7 with the mean baseline, and Adam [Kingma & Ba 2015], on factorised logits."""

    def __init__(self, sizes, rate, scale, baseline=True, cost_weight=0.0, cost_target=0.0):
        self.sizes, self.rate, self.scale, self.baseline = sizes, rate, scale, baseline
        self.cost_weight, self.cost_target = cost_weight, cost_target
        self.logits = np.zeros(sum(sizes))
        self.m = np.zeros_like(self.logits)
        self.v = np.zeros_like(self.logits)
        self.t = 0

    def step(self, rows, values, costs=None):
        """rows: the K draws; values, costs: those of each draw."""
        rows, values = np.asarray(rows), np.asarray(values, float)
        e = np.exp(self.scale * (values - values.max()))
        m = e / e.sum()
        k = len(rows)
        if self.baseline:
            m = m - 1 / k
        if self.cost_weight:
            excess = np.maximum(0, np.asarray(costs, float) / self.cost_target - 1)
            if excess.sum() > 0:
                c = excess / excess.sum()
                m = m - self.cost_weight * (c - 1 / k if self.baseline else c)
        gradient = np.zeros_like(self.logits)
        start = 0
        for g, p in enumerate(softmaxes(self.logits, self.sizes)):
            for coefficient, row in zip(m, rows):
                onehot = np.zeros(len(p))
                onehot[row[g]] = 1
                # the gradient of -log softmax
                gradient[start:start + len(p)] += coefficient * (p - onehot)
            start += len(p)
        self.t += 1
        self.m = 0.9 * self.m + 0.1 * gradient
        self.v = 0.999 * self.v + 0.001 * gradient**2
        step = self.m / (1 - 0.9**self.t) / (np.sqrt(self.v / (1 - 0.999**self.t)) + 1e-8)
        self.logits = self.logits - self.rate * step
