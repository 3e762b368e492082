"""Simple distillation: the found network is retrained with the soft labels of a larger teacher."""
from __future__ import annotations

import fpnas
from rows import Job
from systems import Bench, Found, retrained, shared_weights, system

TEACHINGS = {f"teacher of {times:.0f} budgets": dict(weight=0.5, temperature=2.0, times=times)
             for times in (2.0, 4.0)}
"""Chosen on halves of the training images with seeds 101 to 103: a weight of 0.9 and T = 4 teach
less, the network itself as a teacher nothing, and the space's largest network costs more."""


@system("distil")
def distil(bench: Bench, job: Job) -> Found:
    """FP-NAS's network for the same seed; `weight` and `temperature` of the teacher, which is a
    network drawn at random of `times` the target's MACs, trained alike, by itself."""
    row, space, network = shared_weights(bench, Job.of("fp-nas", job.seed))
    macs = float(job.changes["times"]) * bench.profile.target
    logits, cpu = bench.trainer.logits(
        bench.profile.data, space, space.random_near(int(macs / 1.02), job.seed),
        bench.profile.retrain, job.seed)
    teacher = (logits, float(job.changes["weight"]), float(job.changes["temperature"]))
    row |= retrained(bench, space, network, job.seed, teacher)
    return row | dict(note=f"teacher_cpu_seconds {cpu:.2f}"), space, network


@system("bignas-retrained")
def bignas_retrained(bench: Bench, job: Job) -> Found:
    """BigNAS's network for the same seed, trained from scratch as all others are."""
    row, space, network = shared_weights(bench, Job.of("bignas", job.seed))
    return {name: row[name] for name in row if "test" not in name and "retrain" not in name}, \
        space, network
