"""Compound scaling: a fixed base network, made larger in depth, width and resolution together."""
from __future__ import annotations

import numpy as np

import fpnas
from rows import Job
from systems import Bench, Found, retrained, shared_weights, system


def base_network(space: fpnas.Space, macs: int) -> np.ndarray:
    """MobileNetV2's block (3x3, relu, no attention) in every layer, of the expansion and the
    relative widths that come nearest to `macs`: what a person would write down."""
    variables = space.variables
    row = np.zeros(len(space), np.int32)
    for v in variables:
        if v.name == "kernel":
            row[v.index] = v.choices.index("3")
    best = row.copy()
    expansions, widths = (
        max((len(v.choices) for v in variables if v.name == name), default=1)
        for name in ("expansion", "channels"))
    for width in range(widths):
        for expansion in range(expansions):
            for v in variables:
                if v.name in ("expansion", "channels"):
                    wanted = expansion if v.name == "expansion" else width
                    row[v.index] = min(wanted, len(v.choices) - 1)
            if space.cost(best).macs < space.cost(row).macs <= macs:
                best = row.copy()
    return best


def scaled(space: fpnas.Space, base, scaling: fpnas.CompoundScaling,
           phi: float) -> tuple[fpnas.Space, int]:
    """The scaled network and the size of its images; no rounding but the widths' to 8."""
    rounding = dict(coefficient_step=0.0, size_step=1)
    size = scaling.factors(space, phi, **rounding)[2][0]
    return scaling.apply(space, base, phi=phi, **rounding), size


def factors(bench: Bench, space: fpnas.Space,
            base: np.ndarray) -> tuple[fpnas.CompoundScaling, float, int]:
    """EfficientNet's grid search at phi = 1, by validation accuracy of children from scratch; its
    CPU seconds and trainings. Depth is rounded up to whole blocks, so that some candidates cost far
    more than twice the base: those are no rivals of the others and left out."""
    data, best, cpu, count = bench.validation(0), (-1.0, None), 0.0, 0
    macs = space.cost(base).macs
    for candidate in fpnas.compound_candidates(step=0.1, product=2.0, tolerance=0.15):
        network, size = scaled(space, base, candidate, 1.0)
        if not 1.7 <= network.cost([]).macs / macs <= 2.3:
            continue
        options = bench.child_options | dict(image_size=size)
        results = [bench.trainer.train(data, network, [], options, seed) for seed in range(2)]
        cpu, count = cpu + sum(r.cpu_seconds for r in results), count + len(results)
        value = float(np.mean([r.accuracy for r in results]))
        if value > best[0]:
            best = (value, candidate)
    if best[1] is None:
        raise ValueError("no candidate of the grid doubles the base's MACs")
    return best[1], cpu, count


def member(bench: Bench, times: float) -> tuple[fpnas.Space, int, dict]:
    """The family's network nearest to so many times the base's MACs, of the base's own size for 1;
    the size of its images, and what a row says of it."""
    space = bench.space
    base = base_network(space, bench.profile.base_macs)
    scaling, cpu, count = factors(bench, space, base)
    wanted = times * scaled(space, base, scaling, 0.0)[0].cost([]).macs
    phi = min((float(phi) for phi in np.arange(0.0, 4.01, 0.05)), key=lambda phi: abs(
        scaled(space, base, scaling, phi)[0].cost([]).macs - wanted))
    network, size = scaled(space, base, scaling, phi)
    return network, size, dict(
        search_cpu_seconds=round(cpu, 2), evaluations=count, note=(
            f"alpha {scaling.alpha:.1f} beta {scaling.beta:.1f} gamma {scaling.gamma:.1f} "
            f"phi {phi:.2f} images {size}x{size}"))


@system("compound")
def compound(bench: Bench, job: Job) -> Found:
    """The base scaled to `times` its MACs. No search for the base is counted, only the grid's."""
    network, size, row = member(bench, float(job.changes["times"]))
    empty = np.zeros(0, np.int32)
    return row | retrained(bench, network, empty, job.seed, image_size=size), network, empty


@system("equal-macs")
def equal_macs(bench: Bench, job: Job) -> Found:
    """FP-NAS with the scaled network's MACs as its target."""
    network, _, row = member(bench, float(job.changes["times"]))
    macs = network.cost([]).macs
    row, space, found = shared_weights(
        bench, Job.of("fp-nas", job.seed, cost_target=float(macs)))
    return row | dict(note=f"target {macs}"), space, found
