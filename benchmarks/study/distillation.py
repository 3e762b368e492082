"""Simple distillation: the found network is retrained with the soft labels of a large teacher."""
from __future__ import annotations

import numpy as np

import fpnas
from rows import Job
from systems import Bench, Found, retrained, shared_weights, system


def largest_network(space: fpnas.Space) -> np.ndarray:
    """The last choice of every variable: the most of all, with attention and swish."""
    return np.array([len(variable.choices) - 1 for variable in space.variables], np.int32)


@system("distil")
def distil(bench: Bench, job: Job) -> Found:
    """FP-NAS's network for the same seed; `weight` and `temperature` of the teacher, which is the
    space's largest network trained alike, by itself."""
    row, space, network = shared_weights(bench, Job.of("fp-nas", job.seed))
    logits, cpu = bench.trainer.logits(
        bench.profile.data, space, largest_network(space), bench.profile.retrain, job.seed)
    teacher = (logits, float(job.changes["weight"]), float(job.changes["temperature"]))
    row |= retrained(bench, space, network, job.seed, teacher)
    return row | dict(note=f"teacher_cpu_seconds {cpu:.2f}"), space, network


@system("bignas-retrained")
def bignas_retrained(bench: Bench, job: Job) -> Found:
    """BigNAS's network for the same seed, trained from scratch as all others are."""
    row, space, network = shared_weights(bench, Job.of("bignas", job.seed))
    return {name: row[name] for name in row if "test" not in name and "retrain" not in name}, \
        space, network
