#!/usr/bin/env python3
"""Mixtures in PyTorch: autograd through softmax and Gumbel-softmax, torch.optim.Adam, own Philox.

    python3 Tests/reference/mixture_reference.py > Tests/SearchTests/mixtures.txt

Needs torch. The space is that of search_reference.py, the loss half the sum of
a_i (m_i - b_i)^2; both are written down once more in Tests/SearchTests/MixtureTests.swift.
"""
import torch

from search_reference import LAYERS, philox

MIXTURE = 7  # its stream
COUNTS = [count for layer in LAYERS for count, _, _ in layer]
A = torch.tensor([(i % 5 + 1) / 4 for i in range(sum(COUNTS))], dtype=torch.float64)
B = torch.tensor([i * 7 % 11 / 11 for i in range(sum(COUNTS))], dtype=torch.float64)


def gumbel(seed, step):
    noise = []
    for variable, count in enumerate(COUNTS):
        for choice in range(count):
            words = philox((choice, variable | MIXTURE << 24, step, 0), (seed % 2**32, seed >> 32))
            noise.append(((words[0] >> 5) * 2**26 + (words[1] >> 6)) / 2**53)
    u = torch.tensor(noise, dtype=torch.float64).clamp_min(2.0**-54)
    return -torch.log(-torch.log(u))


def run(name, seed, steps, gumbels, rate, betas, decay, start=1.0, fall=1.0, least=0.0, epoch=1):
    print("run", name)
    logits = torch.zeros(sum(COUNTS), dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([logits], lr=rate, betas=betas, weight_decay=decay)
    for step in range(steps):
        temperature = max(least, start * fall ** (step // epoch))
        z = (logits + gumbel(seed, step)) / temperature if gumbels else logits
        m = torch.cat([torch.softmax(part, 0) for part in z.split(COUNTS)])
        if step % 10 == 0:
            print("coefficients", step, repr(temperature), *map(repr, m.tolist()))
        adam.zero_grad()
        (0.5 * (A * (m - B) ** 2).sum()).backward()
        adam.step()
    print("logits", *map(repr, logits.tolist()))


if __name__ == "__main__":
    print("# by Tests/reference/mixture_reference.py")
    run("darts", 0, 50, False, 3e-4, (0.5, 0.999), 1e-3)
    run("darts-fast", 0, 50, False, 0.1, (0.9, 0.99), 0.0)
    run("fbnetv2", 2**35 + 3, 60, True, 0.01, (0.9, 0.999), 5e-4, 5.0, 0.956, 0.1, 100)
    run("fbnetv2-cold", 4, 60, True, 0.05, (0.9, 0.999), 0.0, 2.0, 0.5, 0.3, 7)
