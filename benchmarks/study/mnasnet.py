"""MnasNet's way: a policy gradient, every network it asks for trained from scratch to rate it.

Where the others keep a hard budget so does it; MnasNet's own reward alone would spend most children
on networks of three times the target, of which few could be its result.
"""
from __future__ import annotations

import math

import numpy as np

import fpnas
from rows import Job
from systems import Bench, Found, add_hard_budget, system

# As in MnasNet: reward ACC (COST / T)^w, w = -0.07. K, rate and betas as in nas_bench_macro.py.
POLICY = dict(
    algorithm="reinforce", sample_count=1, learning_rate=0.1, adam_beta1=0.5, adam_beta2=0.99,
    reward="product", reward_exponent=-0.07)


def reward(accuracy: float, macs: int, target: float) -> float:
    return accuracy * (macs / target) ** POLICY["reward_exponent"]


@system("mnasnet")
def mnasnet(bench: Bench, job: Job) -> Found:
    """`children`: how many networks it trains. Its result is the best rated within the budget, as
    all of them have been rated by themselves. Children that an earlier job trained are looked up,
    and count with the time that they took."""
    target = float(job.changes.get("cost_target", bench.profile.target))
    children = int(job.changes["children"])
    data, space = bench.validation(job.seed), bench.space
    trained = block_evaluations = buffers = 0
    seconds = cpu = 0.0
    best: tuple[float, np.ndarray | None] = (-math.inf, None)
    options = fpnas.RunOptions(**bench.profile.search)
    with fpnas.Search(space, seed=job.seed, cost_target=target, **POLICY) as search:
        add_hard_budget(search, options, target)
        while trained < children:
            ask = search.ask()
            told = []
            for network in ask.architectures:
                result = bench.trainer.train(data, space, network, bench.child_options, job.seed)
                macs = space.cost(network).macs
                told.append(math.log(max(result.accuracy, 1e-3)))
                value = reward(result.accuracy, macs, target)
                if macs <= target and value > best[0]:
                    best = (value, network)
                trained += 1
                # As the supernet counts them: a skipped block is none.
                blocks = sum(layer.macs > 0 for layer in space.layer_costs(network))
                block_evaluations += blocks * result.steps
                seconds, cpu = seconds + result.seconds, cpu + result.cpu_seconds
                buffers = max(buffers, result.buffer_bytes)
            ask.tell(told)
        progress = search.progress
    if best[1] is None:  # none keeps the budget: the nearest to it that the space has
        best = (math.nan, space.random_near(int(target / 1.02), job.seed))
    return dict(
        first_k=POLICY["sample_count"], steps=progress.steps, samples_drawn=progress.samples_drawn,
        evaluations=trained, block_evaluations=block_evaluations, blocks_drawn=block_evaluations,
        search_seconds=round(seconds, 2), search_cpu_seconds=round(cpu, 2), buffer_bytes=buffers,
        first_entropy=round(progress.initial_entropy, 4),
        last_entropy=round(progress.entropy, 4),
        validation_accuracy=round(best[0], 6)), space, best[1]
