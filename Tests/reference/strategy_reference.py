#!/usr/bin/env python3
"""Regularised evolution on integers and policy gradients by automatic differentiation.

    python3 Tests/reference/strategy_reference.py > Tests/SearchTests/strategies.txt

Needs torch. Written from Real et al. 2019 (algorithm 1), Schulman et al. 2017 and the comments of
the strategies; space, objective and costs are those of search_reference.py, and are written down
once more in Tests/SearchTests/StrategyTests.swift. With lag 1 every ask is told after the next one
was made.
"""
import math

import torch

from search_reference import LAYERS, Distribution, canonical, cost, philox, value

EVOLUTION = 6  # its stream

VARIABLES = []  # (choices, deciding variable or None, its choices)
for layer in LAYERS:
    start = len(VARIABLES)
    VARIABLES += [(n, None if p is None else start + p, allowed) for n, p, allowed in layer]


def integer(seed, ask, sample, index, bound):
    words = philox((index, sample | EVOLUTION << 24, ask, 0), (seed % 2**32, seed >> 32))
    return ((words[0] << 32 | words[1]) * bound) >> 64


def existing(row):
    exists = []
    for _, parent, allowed in VARIABLES:
        exists.append(parent is None or (exists[parent] and row[parent] in allowed))
    return exists


def distinct(rows):
    """Networks in order of first appearance, and how often each is there."""
    counts = {}
    for row in rows:
        key = tuple(canonical(row))
        counts[key] = counts.get(key, 0) + 1
    return counts


def child(parent, draw, seed, ask, sample, tournament):
    order, exists = list(range(len(VARIABLES))), existing(parent)
    for i in range(len(order)):
        j = i + integer(seed, ask, sample, tournament + 2 * i, len(order) - i)
        v, order[j] = order[j], order[i]
        if exists[v]:
            others = [c for c in range(VARIABLES[v][0]) if c != parent[v]]
            row = [p if e else d for p, e, d in zip(parent, exists, draw)]
            row[v] = others[integer(seed, ask, sample, tournament + 2 * i + 1, len(others))]
            return canonical(row)
    return draw


def evolve(name, seed, steps, count, population, tournament, lag=0, warm_up=0, cost_weight=0.0,
           cost_target=1.0):
    print("run", name)
    # A member's place in the ring is its number modulo the population's size.
    ring, born, waiting, draws, told = [], 0, [], 0, 0
    uniform = Distribution(False)
    for step in range(steps + lag):
        if step < steps:
            rows = uniform.draw(seed, step, count)[1]
            for k in range(count):
                if told < warm_up:
                    continue
                if draws < population or not ring:
                    draws = min(draws + 1, population)
                    continue
                rivals = [ring[integer(seed, step, k, i, len(ring))] for i in range(tournament)]
                parent = max(rivals, key=lambda member: member[0])[1]
                rows[k] = child(parent, rows[k], seed, step, k, tournament)
            networks = distinct(rows)
            print("ask", *("".join(map(str, row)) + f":{n}" for row, n in networks.items()))
            waiting.append(networks)
        if len(waiting) <= lag and step < steps:
            continue
        for row, n in waiting.pop(0).items():
            fitness = value(row) - cost_weight * max(0.0, cost(row) / cost_target - 1)
            for _ in range(n if told >= warm_up else 0):
                if len(ring) < population:
                    ring.append((fitness, list(row)))
                else:
                    ring[born % population] = (fitness, list(row))
                born += 1
        told += 1


def reinforce(name, seed, steps, count, lag=0, rate=0.1, product=None, target=1.0, decay=0.9,
              entropy_weight=0.0, clip=0.0, epochs=1, joint_step=-1, cost_weight=0.0):
    print("run", name)
    distribution = Distribution(joint_step == 0)
    adam = torch.optim.Adam(distribution.logits, lr=rate)
    baseline, waiting, told = None, [], 0

    def log_p(rows):
        """log P of raw rows, as a tensor that can be differentiated."""
        tables = distribution.log_softmaxes()
        logs, position = [], []
        for tuples in distribution.tuples:
            width = len(tuples[0])
            first = position[-1][1] if position else 0
            position.append((first, first + width))
        for row in rows:
            logs.append(sum(
                table[tuples.index(tuple(row[a:b]))]
                for table, tuples, (a, b) in zip(tables, distribution.tuples, position)))
        return torch.stack(logs)

    for step in range(steps + lag):
        if step < steps:
            rows = distribution.draw(seed, step, count)[1]
            waiting.append((rows, log_p(rows).detach()))
            print("ask", *("".join(map(str, row)) + f":{n}" for row, n in distinct(rows).items()))
        if len(waiting) <= lag and step < steps:
            continue
        rows, before = waiting.pop(0)
        rewards = torch.tensor([
            math.exp(value(row)) * (cost(row) / target) ** product if product is not None
            else value(row) - cost_weight * max(0.0, cost(row) / target - 1) for row in rows])
        mean = rewards.mean().item()
        baseline = mean if baseline is None else baseline
        advantages = rewards - baseline
        baseline = decay * baseline + (1 - decay) * mean
        for _ in range(epochs):
            logs = log_p(rows)
            if clip > 0:
                ratio = torch.exp(logs - before)
                gain = torch.minimum(
                    ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages)
            else:
                gain = logs * advantages
            entropy = -sum((t * t.exp()).sum() for t in distribution.log_softmaxes())
            adam.zero_grad()
            (-gain.mean() - entropy_weight * entropy).backward()
            adam.step()
        told += 1
        if told == joint_step:
            distribution = distribution.joined()
            adam = torch.optim.Adam(distribution.logits, lr=rate)
    print("logits", *(repr(z) for part in distribution.logits for z in part.tolist()))


if __name__ == "__main__":
    print("# by Tests/reference/strategy_reference.py")
    evolve("evolution", seed=7, steps=60, count=1, population=10, tournament=3)
    evolve("evolution-lagging", seed=2**33 + 5, steps=50, count=4, population=15, tournament=6,
           lag=1)
    evolve("evolution-costs", seed=9, steps=50, count=3, population=12, tournament=4, warm_up=4,
           cost_weight=2.0, cost_target=50.0)
    reinforce("reinforce", seed=11, steps=40, count=6)
    reinforce("reinforce-product", seed=12, steps=40, count=5, product=-0.5, target=60.0,
              decay=0.7, entropy_weight=0.02, joint_step=20)
    reinforce("reinforce-clipped", seed=13, steps=30, count=8, clip=0.05, epochs=3, lag=1,
              entropy_weight=0.01)
    reinforce("reinforce-hinge", seed=14, steps=30, count=4, target=50.0, cost_weight=0.5,
              decay=0.0)
